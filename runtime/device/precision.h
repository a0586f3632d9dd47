/* precision.h - what data is stored in while a network runs, by the names that users give it: f32, f16, bf16, or fast. */
#ifndef SHUNT_RUNTIME_PRECISION_H
#define SHUNT_RUNTIME_PRECISION_H

#include "runtime/device/device.h"

#include <stdbool.h>

/* What a user asks for. */
typedef struct precision_wish {
    uint8_t dtype;   /* SHUNT_F32 where it is fast */
    bool fast;       /* the type that shunt tune recorded for a network on a device */
    bool is_default; /* nobody asked */
} precision_wish;

/* name: or NULL for the option "precision". SHUNT_E_INVALID for another name, SHUNT_E_UNSUPPORTED for a type that the device lacks. */
shunt_status precision_choose(const shunt_device *device, const char *name, precision_wish *out);
/* "f32", "f16", "bf16" or "fast". */
const char *precision_asked(const precision_wish *wish);

/* The type called `name`; false if it is another name. */
bool precision_type(const char *name, uint8_t *dtype);

/* SHUNT_E_UNSUPPORTED, with what there is instead, where the device's ops do not take data of this type. */
shunt_status precision_expect(const shunt_device *device, uint8_t dtype);

#endif
