/* device.h - what the rest of the runtime sees of an open device. */
#ifndef SHUNT_RUNTIME_DEVICE_H
#define SHUNT_RUNTIME_DEVICE_H

#include <shunt/backend.h>
#include <shunt/shunt.h>

/* What the runtime knows of a device that can be opened; shunt_device_entry is how the API shows it. */
typedef struct device_entry {
    char selector[48];
    shunt_device_info info;
} device_entry;

struct shunt_device {
    device_entry entry;
    shunt_device_entry shown;
    const shunt_backend *backend;
    uint32_t index; /* the backend's own number for it */
    shunt_bdevice *handle;
    const shunt_device_ops *ops; /* &table: every pointer that is not [opt] is there */
    shunt_device_ops table;      /* a copy of handle->ops, NULL where the plugin's is too short */
    shunt_interop interop;       /* NULL pointers where the backend has none (adopt.c) */
    shunt_device *next;          /* of the open devices (fork.h) */
    shunt_backend refusing;      /* what `backend` becomes in a child made by fork (fork.h) */
};

/* The device that does every op: the scalar backend's, for what another device refuses. */
shunt_status device_open_fallback(shunt_device **out);

/* What the device says of an op. The op is unusable when this fails. */
shunt_status device_op_info(const shunt_device *device, const shunt_bop *op, shunt_op_info *out);

/* Sets this thread's message to "SELECTOR: WHAT: <the backend's message>" and returns status. */
shunt_status device_fail(const shunt_device *device, shunt_status status, const char *what);

/* The table of built-in backends' entries, ended by NULL (builtin.c, the one file of the runtime that names a backend). */
extern const shunt_backend_entry_fn device_builtin_backends[];

/* The services given to every plugin (host.c). */
extern const shunt_host device_host_services;

enum { CACHE_FOLDER_MODE = 0700 }; /* as the XDG base directory specification asks for */
/* Disk cache (cache.c); see shunt_host. */
shunt_status cache_get(const char *ns, const void *key, size_t nkey, void **blob, size_t *nblob);
shunt_status cache_put(const char *ns, const void *key, size_t nkey, const void *blob, size_t nblob);

#endif
