/* plugin.c - one plugin: from a file or a built-in entry to a checked table and a list of devices. Whatever is wrong
 * with it becomes its status and message; the others are still loaded. A library is never closed once its entry has run. */
#include "runtime/shared/os.h"
#include "runtime/shared/text.h"
#include "runtime/device/device.h"
#include "runtime/device/fork.h"
#include "runtime/device/guard.h"
#include "runtime/device/registry.h"
#include "runtime/device/trust.h"
#include "runtime/base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { TEXT_CHARS = 1024 };

static const char entry_symbol[] = "shunt_backend_entry";

registry_plugin *plugin_new(const char *path)
{
    registry_plugin *plugin = calloc(1, sizeof *plugin);
    if (!plugin) return NULL;
    plugin->path = strdup(path);
    if (plugin->path) return plugin;
    free(plugin);
    return NULL;
}

void plugin_free(registry_plugin *plugin)
{
    if (!plugin) return;
    free(plugin->devices);
    free(plugin->message);
    free(plugin->path);
    free(plugin);
}

/* Adds to the message, which names no path: whoever shows it has that. */
static void note(registry_plugin *plugin, const char *format, va_list args) __attribute__((format(printf, 2, 0)));
static void note(registry_plugin *plugin, const char *format, va_list args)
{
    char text[TEXT_CHARS];
    text[0] = 0;
    if (plugin->message) text_append(text, sizeof text, "%s; ", plugin->message);
    size_t used = strlen(text);
    vsnprintf(text + used, sizeof text - used, format, args);
    text_make_printable(text);
    char *kept = strdup(text);
    if (!kept) return;
    free(plugin->message);
    plugin->message = kept;
}

void plugin_refuse(registry_plugin *plugin, shunt_status status, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    note(plugin, format, args);
    va_end(args);
    plugin->status = status;
    log_write(SHUNT_LOG_INFO, "plugin %s: refused: %s", plugin->path, plugin->message ? plugin->message : "");
}

static void refuse_device(registry_plugin *plugin, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void refuse_device(registry_plugin *plugin, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    note(plugin, format, args);
    va_end(args);
    log_write(SHUNT_LOG_WARN, "plugin %s: %s", plugin->path, plugin->message ? plugin->message : "");
}

static bool good_name(const char *name)
{
    size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-");
    return n > 0 && n <= 31 && !name[n] && strcmp(name, "auto") != 0;
}

void plugin_adopt(registry_plugin *plugin, const shunt_backend *table, registry_plugin *const *others, size_t nothers)
{
    if (!table) {
        plugin_refuse(plugin, SHUNT_E_ABI, "its entry returned NULL: it does not suit this runtime");
        return;
    }
    /* Only size and version may be read before they are known to fit. */
    if (table->size < offsetof(shunt_backend, name)) {
        plugin_refuse(plugin, SHUNT_E_ABI, "its table has only %u bytes", table->size);
        return;
    }
    if (table->abi_major != SHUNT_ABI_MAJOR) {
        plugin_refuse(plugin, SHUNT_E_ABI, "it uses ABI %u.%u, and this runtime %d.%d; rebuild the plugin",
                      table->abi_major, table->abi_minor, SHUNT_ABI_MAJOR, SHUNT_ABI_MINOR);
        return;
    }
    char reason[TEXT_CHARS];
    if (table_copy_backend(table, &plugin->backend, reason, sizeof reason)) {
        plugin_refuse(plugin, SHUNT_E_ABI, "%s", reason);
        return;
    }
    const char *name = plugin->backend.name, *version = plugin->backend.version;
    if (!good_name(name)) {
        plugin_refuse(plugin, SHUNT_E_ABI,
                      "its name \"%.40s\" does not consist of 1 to 31 of a-z 0-9 _ -, or is \"auto\"", name);
        return;
    }
    memcpy(plugin->name, name, strlen(name) + 1);
    plugin->backend.name = plugin->name;
    snprintf(plugin->version, sizeof plugin->version, "%s", version ? version : "");
    text_make_printable(plugin->version);
    plugin->backend.version = plugin->version;
    for (size_t i = 0; i < nothers; i++)
        if (!others[i]->status && !strcmp(others[i]->name, plugin->name)) {
            plugin_refuse(plugin, SHUNT_E_ABI, "the name %s is taken: %s was found first", plugin->name,
                          others[i]->path);
            return;
        }
}

/* dlerror's text often begins with the path, which the reader has. */
static const char *load_error(const char *path)
{
    const char *text = os_library_error();
    size_t n = strlen(path);
    return !strncmp(text, path, n) && !strncmp(text + n, ": ", 2) ? text + n + 2 : text;
}

void plugin_load(registry_plugin *plugin, registry_plugin *const *others, size_t nothers)
{
    struct stat about;
    if (stat(plugin->path, &about)) {
        plugin_refuse(plugin, SHUNT_E_IO, "%s", strerror(errno));
        return;
    }
    if (!S_ISREG(about.st_mode)) { /* opening a pipe would wait for ever */
        plugin_refuse(plugin, SHUNT_E_ABI, "it is not a regular file");
        return;
    }
    char reason[TEXT_CHARS];
    if (!trust_owner(&about, reason, sizeof reason)) {
        log_write(SHUNT_LOG_WARN, "plugin %s is not used: %s", plugin->path, reason);
        plugin_refuse(plugin, SHUNT_E_IO, "it is not used: %s", reason);
        return;
    }
    if (!plugin_safe(plugin->path, reason, sizeof reason)) {
        plugin->unsafe = true;
        plugin_refuse(plugin, SHUNT_E_DEVICE, "%s", reason);
        return;
    }
    fork_watch();
    void *library = os_library_open(plugin->path, false);
    if (!library) {
        plugin_refuse(plugin, SHUNT_E_ABI, "%s", load_error(plugin->path));
        return;
    }
    shunt_backend_entry_fn entry = NULL;
    void *symbol = os_library_symbol(library, entry_symbol);
    if (!symbol) {
        plugin_refuse(plugin, SHUNT_E_ABI, "it is not a plugin: it has no symbol %s", entry_symbol);
        os_library_close(library);
        return;
    }
    for (size_t i = 0; i < nothers; i++)
        if (others[i]->library == library) {
            plugin_refuse(plugin, SHUNT_E_ABI, "it is the same library as %s", others[i]->path);
            os_library_close(library); /* that one still holds it */
            return;
        }
    plugin->library = library;
    memcpy(&entry, &symbol, sizeof entry);
    plugin_adopt(plugin, entry(&device_host_services), others, nothers);
}

static const char *backend_message(const shunt_backend *backend)
{
    const char *text = backend->last_error();
    return text && *text ? text : "no reason given";
}

/* Best score first; equal ones in the backend's order. */
static int by_score(const void *left, const void *right)
{
    const registry_device *a = left, *b = right;
    if (a->entry.info.score != b->entry.info.score) return a->entry.info.score > b->entry.info.score ? -1 : 1;
    return a->index < b->index ? -1 : a->index > b->index;
}

static void probe_device(registry_plugin *plugin, uint32_t index)
{
    registry_device *device = &plugin->devices[plugin->ndevices];
    device->backend = &plugin->backend;
    device->index = index;
    shunt_device_info *info = &device->entry.info;
    char reason[TEXT_CHARS];
    shunt_status status;
    if (!guard_device_info(&plugin->backend, index, sizeof *info, info, &status))
        refuse_device(plugin, "device %u refused: device_info " GUARD_COMPLAINT, index, sizeof *info);
    else if (status)
        refuse_device(plugin, "device %u refused: %s", index, backend_message(&plugin->backend));
    else if (device_info_check(info, reason, sizeof reason))
        refuse_device(plugin, "device %u (%s) refused: %s", index, info->name, reason);
    else
        plugin->ndevices++;
}

void plugin_probe(registry_plugin *plugin)
{
    if (plugin->probed || plugin->status) return;
    plugin->probed = true;
    uint32_t count = 0;
    shunt_status status = plugin->backend.probe(&count);
    if (status) {
        plugin_refuse(plugin, status, "looking for devices: %s", backend_message(&plugin->backend));
        return;
    }
    if (count > REGISTRY_DEVICE_LIMIT) {
        refuse_device(plugin, "it reports %u devices, and only the first %d are used", count, REGISTRY_DEVICE_LIMIT);
        count = REGISTRY_DEVICE_LIMIT;
    }
    if (count == 0) return;
    plugin->devices = calloc(count, sizeof *plugin->devices);
    if (!plugin->devices) {
        plugin_refuse(plugin, SHUNT_E_MEMORY, "out of host memory");
        return;
    }
    for (uint32_t i = 0; i < count; i++) probe_device(plugin, i);
    qsort(plugin->devices, plugin->ndevices, sizeof *plugin->devices, by_score);
    bool alone = !plugin->library && plugin->ndevices == 1; /* "scalar" needs no number */
    for (uint32_t i = 0; i < plugin->ndevices; i++) {
        device_entry *entry = &plugin->devices[i].entry;
        if (alone)
            snprintf(entry->selector, sizeof entry->selector, "%s", plugin->name);
        else
            snprintf(entry->selector, sizeof entry->selector, "%s:%u", plugin->name, i);
    }
}
