/* builtin.c - the backends that are part of the library. The one file of the runtime that names a backend. */
#include "runtime/device/device.h"

const shunt_backend *scalar_entry(const shunt_host *host);

/* The first is the fallback: it does every op. */
const shunt_backend_entry_fn device_builtin_backends[] = {scalar_entry, NULL};
