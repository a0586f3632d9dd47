/* sized.c - see sized.h. */
#include "runtime/base/sized.h"

#include "runtime/base/error.h"

#include <string.h>

shunt_status sized_take(void *own, size_t own_size, size_t first_size, const void *given, const char *name)
{
    uint32_t size = 0, whole = (uint32_t)own_size;
    memset(own, 0, own_size);
    if (given) memcpy(&size, given, sizeof size);
    if (size == 0) size = (uint32_t)first_size;
    if (size < first_size)
        return error_fail(SHUNT_E_INVALID, "%s.size is %u; set it to sizeof(%s), which is at least %zu", name, size,
                          name, first_size);
    for (size_t i = own_size; given && i < size; i++)
        if (((const unsigned char *)given)[i])
            return error_fail(
                SHUNT_E_UNSUPPORTED,
                "%s has %u bytes and this library knows %u; a field past those is set: use a newer library", name, size,
                whole);
    if (given) memcpy(own, given, size < own_size ? size : own_size);
    memcpy(own, &whole, sizeof whole);
    return SHUNT_OK;
}
