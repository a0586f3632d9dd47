/* precision.c - the types that a device's ops take their data in, by the names that users give them. */
#include "runtime/device/precision.h"

#include "runtime/base/error.h"

#include <stdio.h>
#include <string.h>

static const uint8_t types[] = {SHUNT_F32, SHUNT_F16, SHUNT_BF16};
enum { TYPES = sizeof types / sizeof *types };

bool precision_type(const char *name, uint8_t *dtype)
{
    for (int i = 0; i < TYPES; i++)
        if (!strcmp(name, shunt_dtype_name(types[i]))) {
            *dtype = types[i];
            return true;
        }
    return false;
}

shunt_status precision_expect(const shunt_device *device, uint8_t dtype)
{
    char has[32] = "";
    if (shunt_device_takes(&device->entry.info, dtype)) return SHUNT_OK;
    for (int i = 0; i < TYPES; i++) {
        const size_t used = strlen(has);
        if (shunt_device_takes(&device->entry.info, types[i]))
            snprintf(has + used, sizeof has - used, "%s%s", used ? ", " : "", shunt_dtype_name(types[i]));
    }
    return error_fail(SHUNT_E_UNSUPPORTED, "%s: its ops do not take data in %s; precisions it has: %s",
                      device->entry.selector, shunt_dtype_name(dtype), has);
}
