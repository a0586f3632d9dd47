/* guard.c - asks a plugin to fill a struct. A plugin of a newer header whose struct is longer must stop at the `size` that it
 * is given (shunt_struct_copy). One that assigns the whole struct writes into the guard bytes here, not over the runtime's
 * memory, and is refused. */
#include "runtime/device/guard.h"

#include "runtime/base/error.h"

#include <string.h>

enum { GUARD_BYTE = 0xa5, GUARD_BYTES = 4096 };

typedef struct guarded_device_info {
    shunt_device_info info;
    unsigned char beyond[GUARD_BYTES];
} guarded_device_info;

typedef struct guarded_op_info {
    shunt_op_info info;
    unsigned char beyond[GUARD_BYTES];
} guarded_op_info;

/* Zeros up to `size`, guard bytes from there to the end. */
static void put_guard(void *guarded, size_t bytes, uint32_t size)
{
    memset(guarded, 0, size);
    memset((unsigned char *)guarded + size, GUARD_BYTE, bytes - size);
    memcpy(guarded, &size, sizeof size);
}

static bool is_whole(const void *guarded, size_t bytes, uint32_t size)
{
    for (size_t i = size; i < bytes; i++)
        if (((const unsigned char *)guarded)[i] != GUARD_BYTE) return false;
    return true;
}

bool guard_device_info(const shunt_backend *backend, uint32_t index, uint32_t size, shunt_device_info *out,
                       shunt_status *status)
{
    guarded_device_info guarded;
    put_guard(&guarded, sizeof guarded, size);
    *status = backend->device_info(index, &guarded.info);
    guarded.info.size = size;
    out->size = sizeof *out;
    shunt_struct_copy(out, &guarded.info);
    return is_whole(&guarded, sizeof guarded, size);
}

bool guard_op_info(const shunt_device *device, const shunt_bop *op, uint32_t size, shunt_op_info *out,
                   shunt_status *status)
{
    guarded_op_info guarded;
    put_guard(&guarded, sizeof guarded, size);
    *status = device->ops->op_info(op, &guarded.info);
    guarded.info.size = size;
    out->size = sizeof *out;
    shunt_struct_copy(out, &guarded.info);
    return is_whole(&guarded, sizeof guarded, size);
}

shunt_status device_op_info(const shunt_device *device, const shunt_bop *op, shunt_op_info *out)
{
    shunt_status status;
    if (!guard_op_info(device, op, sizeof *out, out, &status))
        return error_fail(SHUNT_E_ABI, "%s: op_info " GUARD_COMPLAINT, device->entry.selector, sizeof *out);
    return status ? device_fail(device, status, "asking about the op") : SHUNT_OK;
}
