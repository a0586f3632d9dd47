/* icd_none.c - an OpenCL driver that finds no hardware of its kind. */
#include <stdint.h>

__attribute__((visibility("default"))) int32_t clIcdGetPlatformIDsKHR(uint32_t room, void **list, uint32_t *count);

int32_t clIcdGetPlatformIDsKHR(uint32_t room, void **list, uint32_t *count)
{
    (void)room, (void)list;
    *count = 0;
    return -1001; /* CL_PLATFORM_NOT_FOUND_KHR */
}
