/* plan_precision.c - the type that an executor's plans store their data in. */
#include "runtime/base/error.h"
#include "runtime/device/precision.h"
#include "runtime/plan/plan.h"

shunt_status precision_choose(const shunt_device *device, const char *name, uint8_t *dtype)
{
    const char *asked = name ? name : shunt_option("precision");
    *dtype = SHUNT_F32;
    if (!asked || !*asked) return SHUNT_OK;
    if (!precision_type(asked, dtype))
        return error_fail(SHUNT_E_INVALID, "precision \"%.40s\": it must be f32, f16 or bf16", asked);
    return precision_expect(device, *dtype);
}
