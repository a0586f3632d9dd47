/* adopt.c - devices on a queue of the application, by backends that have the extension SHUNT_INTEROP. */
#include "runtime/base/error.h"
#include "runtime/device/registry.h"

#include <stdio.h>
#include <stdlib.h>

void device_take_interop(shunt_device *device)
{
    const void *table = device->backend->extension ? device->backend->extension(SHUNT_INTEROP) : NULL;
    device->interop.size = sizeof device->interop;
    if (table) shunt_struct_copy(&device->interop, table);
}

/* Any device of the backend stands for it: what it says of itself comes later. */
static shunt_status find_backend(const char *backend, registry_device *out)
{
    registry_device *devices;
    size_t count;
    shunt_status status = registry_devices(backend, &devices, &count);
    if (status) return error_context(status, "device on a queue of %s", backend);
    if (count) *out = devices[0];
    free(devices);
    return count ? SHUNT_OK : error_fail(SHUNT_E_NOT_FOUND, "the backend %s finds no device on this machine", backend);
}

shunt_status shunt_device_adopt(const char *backend, void *queue, shunt_device **out)
{
    if (!backend || !queue || !out) return error_null(__func__, "backend, queue, out");
    char reason[256];
    registry_device chosen;
    shunt_device *device = NULL;
    shunt_status status = find_backend(backend, &chosen);
    if (status) return status;
    snprintf(chosen.entry.selector, sizeof chosen.entry.selector, "%.31s:own", backend);
    chosen.entry.info = (shunt_device_info){.size = sizeof chosen.entry.info};
    status = device_begin(&chosen, &device);
    if (status) return status;
    if (!device->interop.device_open) {
        free(device);
        return error_fail(SHUNT_E_UNSUPPORTED, "the backend %s takes no queues of applications", backend);
    }
    status = device->interop.device_open(queue, &device->entry.info, &device->handle);
    if (status || !device_info_check(&device->entry.info, reason, sizeof reason))
        return device_end_opening(device, status, out);
    error_fail(SHUNT_E_ABI, "%s: %s", device->entry.selector, reason);
    device->handle->ops->close(device->handle);
    free(device);
    return SHUNT_E_ABI;
}
