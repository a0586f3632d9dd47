/* precision.c - see precision.h. */
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

const char *precision_asked(const precision_wish *wish)
{
    return wish->fast ? "fast" : shunt_dtype_name(wish->dtype);
}

shunt_status precision_choose(const shunt_device *device, const char *name, precision_wish *out)
{
    const char *asked = name ? name : shunt_option("precision");
    *out = (precision_wish){.dtype = SHUNT_F32, .is_default = !asked || !*asked};
    if (out->is_default) return SHUNT_OK;
    out->fast = !strcmp(asked, "fast");
    if (out->fast) return SHUNT_OK;
    if (!precision_type(asked, &out->dtype))
        return error_fail(SHUNT_E_INVALID, "precision \"%.40s\": it must be f32, f16, bf16 or fast", asked);
    return precision_expect(device, out->dtype);
}
