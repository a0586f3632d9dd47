/* renamed_scalar.c - the scalar backend as a plugin under another name. */
#include <shunt/backend.h>

const shunt_backend *scalar_entry(const shunt_host *host);
const shunt_backend *shunt_backend_entry(const shunt_host *host);

__attribute__((visibility("default"))) const shunt_backend *shunt_backend_entry(const shunt_host *host)
{
    static shunt_backend renamed = {.size = sizeof renamed};
    const shunt_backend *scalar = scalar_entry(host);
    if (!scalar) return NULL;
    shunt_struct_copy(&renamed, scalar);
    renamed.name = "newer_scalar";
    return &renamed;
}
