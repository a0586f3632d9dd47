/* list.c - the lists of devices and plugins that the API gives: copies, which do not change while the registry changes. */
#include "runtime/device/registry.h"
#include "runtime/base/error.h"

#include <stdlib.h>
#include <string.h>

/* ---- Devices ---- */

struct shunt_device_list {
    registry_device *devices;
    shunt_device_entry *entries; /* each points into its device */
    size_t count;
};

shunt_status shunt_devices_list(shunt_device_list **out)
{
    if (!out) return error_null(__func__, "out");
    *out = NULL;
    shunt_device_list *list = calloc(1, sizeof *list);
    if (!list) return error_memory();
    shunt_status status = registry_devices(NULL, &list->devices, &list->count);
    if (!status && !(list->entries = calloc(list->count + 1, sizeof *list->entries))) status = error_memory();
    if (status) {
        shunt_devices_free(list);
        return status;
    }
    for (size_t i = 0; i < list->count; i++) {
        const device_entry *entry = &list->devices[i].entry;
        list->entries[i] = (shunt_device_entry){.selector = entry->selector, .info = &entry->info};
    }
    *out = list;
    return SHUNT_OK;
}

size_t shunt_devices_count(const shunt_device_list *list)
{
    return list ? list->count : 0;
}

const shunt_device_entry *shunt_devices_at(const shunt_device_list *list, size_t index)
{
    return list && index < list->count ? &list->entries[index] : NULL;
}

void shunt_devices_free(shunt_device_list *list)
{
    if (!list) return;
    free(list->entries);
    free(list->devices);
    free(list);
}

/* ---- Plugins ---- */

/* An entry and the memory of its strings. */
typedef struct plugin_copy {
    shunt_plugin_entry entry;
    char name[32], version[64], *path, *message;
} plugin_copy;

struct shunt_plugin_list {
    plugin_copy **copies;
    size_t count;
};

static void free_copy(plugin_copy *copy)
{
    if (!copy) return;
    free(copy->path);
    free(copy->message);
    free(copy);
}

static plugin_copy *copy_plugin(const registry_plugin *plugin)
{
    plugin_copy *copy = calloc(1, sizeof *copy);
    if (!copy) return NULL;
    memcpy(copy->name, plugin->name, sizeof copy->name);
    memcpy(copy->version, plugin->version, sizeof copy->version);
    copy->path = strdup(plugin->path);
    copy->message = strdup(plugin->message ? plugin->message : "");
    copy->entry = (shunt_plugin_entry){.path = copy->path,
                                       .name = copy->name,
                                       .version = copy->version,
                                       .message = copy->message,
                                       .status = plugin->status,
                                       .devices = plugin->ndevices};
    if (copy->path && copy->message) return copy;
    free_copy(copy);
    return NULL;
}

static shunt_status add_plugin(void *context, const registry_plugin *plugin)
{
    shunt_plugin_list *list = context;
    plugin_copy **grown = realloc(list->copies, (list->count + 1) * sizeof *grown);
    if (!grown) return error_memory();
    list->copies = grown;
    list->copies[list->count] = copy_plugin(plugin);
    return list->copies[list->count] ? (list->count++, SHUNT_OK) : error_memory();
}

shunt_status shunt_plugins_list(shunt_plugin_list **out)
{
    if (!out) return error_null(__func__, "out");
    *out = NULL;
    shunt_plugin_list *list = calloc(1, sizeof *list);
    if (!list) return error_memory();
    shunt_status status = registry_visit(add_plugin, list);
    if (status)
        shunt_plugins_free(list);
    else
        *out = list;
    return status;
}

size_t shunt_plugins_count(const shunt_plugin_list *list)
{
    return list ? list->count : 0;
}

const shunt_plugin_entry *shunt_plugins_at(const shunt_plugin_list *list, size_t index)
{
    return list && index < list->count ? &list->copies[index]->entry : NULL;
}

void shunt_plugins_free(shunt_plugin_list *list)
{
    if (!list) return;
    for (size_t i = 0; i < list->count; i++) free_copy(list->copies[i]);
    free(list->copies);
    free(list);
}
