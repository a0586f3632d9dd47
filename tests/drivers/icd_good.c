/* icd_good.c - as much of an OpenCL driver as a loader looks at: two platforms, behind clGetExtensionFunctionAddress. */
#include <stdint.h>
#include <string.h>

__attribute__((visibility("default"))) void *clGetExtensionFunctionAddress(const char *name);

static int32_t platforms(uint32_t room, void **list, uint32_t *count)
{
    (void)room, (void)list;
    *count = 2;
    return 0;
}

void *clGetExtensionFunctionAddress(const char *name)
{
    int32_t (*function)(uint32_t, void **, uint32_t *) = platforms;
    void *pointer;
    memcpy(&pointer, &function, sizeof pointer);
    return strcmp(name, "clIcdGetPlatformIDsKHR") ? NULL : pointer;
}
