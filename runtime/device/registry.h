/* registry.h - the backends of this process and their devices; private to runtime/device.
 * plugin.c makes one record, info.c judges what a device says of itself, registry.c keeps the list, select.c chooses. */
#ifndef SHUNT_RUNTIME_REGISTRY_H
#define SHUNT_RUNTIME_REGISTRY_H

#include "runtime/device/device.h"

#include <stdbool.h>

/* A device as select.c sees it. backend lives until shunt_shutdown. */
typedef struct registry_device {
    device_entry entry;
    const shunt_backend *backend;
    uint32_t index; /* the backend's own number for it */
} registry_device;

typedef struct registry_plugin {
    char *path;
    char name[32], version[64];
    void *library;         /* dlopen's; NULL: built in */
    shunt_backend backend; /* our copy, NULL where the plugin's is too short; used only with status OK */
    bool probed;
    shunt_status status;
    bool unsafe;              /* refused because it would crash the process */
    char *message;            /* why it or some of its devices were refused; NULL: they were not */
    registry_device *devices; /* best score first */
    uint32_t ndevices;
} registry_plugin;

enum { REGISTRY_DEVICE_LIMIT = 256 };

/* ---- verdict.c: false, with the reason, if the plugin would crash the process. The option "probe": "isolated" ignores earlier
 * results; "off" treats every plugin as safe. */
bool plugin_safe(const char *path, char *reason, size_t size);

/* ---- plugin.c */

/* NULL without memory. */
registry_plugin *plugin_new(const char *path);
void plugin_free(registry_plugin *plugin); /* its library stays loaded */
/* Opens the shared object at plugin->path, calls its entry and adopts what that returns. */
void plugin_load(registry_plugin *plugin, registry_plugin *const *others, size_t nothers);
/* Checks the table and copies it. */
void plugin_adopt(registry_plugin *plugin, const shunt_backend *table, registry_plugin *const *others, size_t nothers);
/* Asks for the devices, once. */
void plugin_probe(registry_plugin *plugin);
void plugin_refuse(registry_plugin *plugin, shunt_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* ---- table.c */

/* Copies what both sides know of a device's table into the zero-filled *out. reason says what is missing of what
 * every device must have. */
shunt_status table_copy_device(const shunt_device_ops *table, shunt_device_ops *out, char *reason, size_t size);
shunt_status table_copy_backend(const shunt_backend *table, shunt_backend *out, char *reason, size_t size);

/* ---- info.c */

/* Makes *info safe to show and to compute with; SHUNT_E_ABI with a reason if that is impossible. */
shunt_status device_info_check(shunt_device_info *info, char *reason, size_t size);

/* ---- select.c: a device is begun, the backend opens device->handle and returns a status, and the device ends its opening: it is
 * given out, or freed after a failure. */
shunt_status device_begin(const registry_device *chosen, shunt_device **out);
shunt_status device_end_opening(shunt_device *device, shunt_status status, shunt_device **out);

/* ---- adopt.c: copies the backend's table for objects of applications, NULL where there is none. */
void device_take_interop(shunt_device *device);

/* ---- registry.c */

/* The devices of the backend of this name, in any case, or of all when NULL, as a list to be freed. A backend may have
 * none; SHUNT_E_NOT_FOUND if there is no such backend; the message then says why its plugin is not there.
 * Loads no more plugins than the answer needs. */
shunt_status registry_devices(const char *backend, registry_device **out, size_t *count);
/* Logs a warning for each plugin that would crash the process, once. */
void registry_warn(void);
/* The first built-in backend's devices; loads no plugin. */
shunt_status registry_fallback(registry_device **out, size_t *count);

/* Calls visit for each plugin in their order, all probed, under the lock; ends at the first status that is not OK. */
shunt_status registry_visit(shunt_status (*visit)(void *context, const registry_plugin *plugin), void *context);

/* printf to the end of text, as far as there is room. */
void text_append(char *text, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
