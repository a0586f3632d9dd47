/* precision.h - the types that a device's ops take their data in, by the names that users give them: f32, f16, bf16. */
#ifndef SHUNT_RUNTIME_PRECISION_H
#define SHUNT_RUNTIME_PRECISION_H

#include "runtime/device/device.h"

#include <stdbool.h>

/* The type called `name`; false if it is another name. */
bool precision_type(const char *name, uint8_t *dtype);

/* SHUNT_E_UNSUPPORTED, with what there is instead, where the device's ops do not take data of this type. */
shunt_status precision_expect(const shunt_device *device, uint8_t dtype);

#endif
