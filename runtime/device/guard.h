/* guard.h - asking a plugin to fill a struct that is followed by guard bytes. */
#ifndef SHUNT_DEVICE_GUARD_H
#define SHUNT_DEVICE_GUARD_H

#include "runtime/device/device.h"

#include <stdbool.h>

#define GUARD_COMPLAINT                                                                                                \
    "wrote past the %zu bytes that it was given: the plugin has a newer header; it must copy with shunt_struct_copy"

/* Ask with a struct of `size` bytes, zero-filled, and put the answer into *out, with 0 for what `size` does not cover. *status
 * is the plugin's. False: the plugin wrote past `size`, into guard bytes. */
bool guard_device_info(const shunt_backend *backend, uint32_t index, uint32_t size, shunt_device_info *out,
                       shunt_status *status);
bool guard_op_info(const shunt_device *device, const shunt_bop *op, uint32_t size, shunt_op_info *out,
                   shunt_status *status);

#endif
