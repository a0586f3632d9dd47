/* select.c - from what the user asked for ("opencl:amd") to an open device. Grammar: docs and run.h. */
#include "runtime/shared/text.h"
#include "runtime/device/device.h"
#include "runtime/device/fork.h"
#include "runtime/device/registry.h"
#include "runtime/base/error.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- Opening one device ---- */

/* A plugin's own message, made fit for one line of ours. */
static void backend_message(const shunt_backend *backend, char *text, size_t size)
{
    const char *message = backend->last_error();
    snprintf(text, size, "%s", message && *message ? message : "no reason given");
    text_make_printable(text);
}

shunt_status device_fail(const shunt_device *device, shunt_status status, const char *what)
{
    char text[1024];
    backend_message(device->backend, text, sizeof text);
    bool known = status > SHUNT_OK && status <= SHUNT_E_ABI;
    return error_fail(known ? status : SHUNT_E_DEVICE, "%s: %s: %s", device->entry.selector, what, text);
}

shunt_status device_begin(const registry_device *chosen, shunt_device **out)
{
    fork_watch();
    shunt_device *device = calloc(1, sizeof *device);
    if (!device) return error_memory();
    device->entry = chosen->entry;
    device->shown = (shunt_device_entry){device->entry.selector, &device->entry.info};
    device->backend = chosen->backend;
    device->index = chosen->index;
    device->ops = &device->table;
    device_take_interop(device);
    *out = device;
    return SHUNT_OK;
}

/* What a plugin that gives no device, or a bad table, is refused for. */
static shunt_status take_table(shunt_device *device)
{
    char reason[256];
    if (!device->handle || !device->handle->ops)
        return error_fail(SHUNT_E_ABI, "%s: opening: the plugin gave no device", device->entry.selector);
    shunt_status status = table_copy_device(device->handle->ops, &device->table, reason, sizeof reason);
    if (status == SHUNT_OK) return SHUNT_OK;
    error_fail(status, "%s: opening: %s", device->entry.selector, reason);
    if (device->table.close) device->table.close(device->handle);
    return status;
}

shunt_status device_end_opening(shunt_device *device, shunt_status status, shunt_device **out)
{
    status = status ? device_fail(device, status, "opening") : take_table(device);
    if (status) {
        free(device);
        return status;
    }
    fork_device_opened(device);
    *out = device;
    return SHUNT_OK;
}

static shunt_status open_device(const registry_device *chosen, const char *params, shunt_device **out)
{
    shunt_device *device = NULL;
    shunt_status status = device_begin(chosen, &device);
    if (status) return status;
    status = device->backend->device_open(chosen->index, params, &device->handle);
    return device_end_opening(device, status, out);
}

void shunt_device_close(shunt_device *device)
{
    if (!device) return;
    fork_device_closed(device);
    device->ops->close(device->handle);
    free(device);
}

const shunt_device_entry *shunt_device_describe(const shunt_device *device)
{
    return device ? &device->shown : NULL;
}

shunt_status shunt_device_measure(shunt_device *device, double *flops_per_second, double *bytes_per_second)
{
    if (!device || !flops_per_second || !bytes_per_second)
        return error_null(__func__, "device, flops_per_second, bytes_per_second");
    shunt_status status = fork_check();
    if (status) return status;
    if (!device->ops->measure)
        return error_fail(SHUNT_E_UNSUPPORTED, "%s: its backend does not measure itself", device->entry.selector);
    status = device->ops->measure(device->handle, flops_per_second, bytes_per_second);
    return status ? device_fail(device, status, "measuring") : SHUNT_OK;
}

shunt_status device_open_fallback(shunt_device **out)
{
    registry_device *devices;
    size_t count;
    shunt_status status = registry_fallback(&devices, &count);
    if (status) return status;
    status = count ? open_device(&devices[0], NULL, out)
                   : error_fail(SHUNT_E_NOT_FOUND, "the built-in backend has no device to fall back on");
    free(devices);
    return status;
}

/* ---- Choosing ---- */

/* Sets the message to what was wrong with the selector, and what could be asked for instead. */
static shunt_status refuse(const char *selector, const char *why)
{
    char text[3500] = "";
    registry_device *devices;
    size_t count;
    if (registry_devices(NULL, &devices, &count)) return SHUNT_E_NOT_FOUND; /* says why itself */
    for (size_t i = 0; i < count; i++)
        text_append(text, sizeof text, "%s%s (%s)", i ? ", " : "", devices[i].entry.selector,
                    devices[i].entry.info.name);
    free(devices);
    return error_fail(SHUNT_E_NOT_FOUND, "device \"%.80s\": %s; there are: %s", selector, why, count ? text : "none");
}

static bool contains(const shunt_device_info *info, const char *text)
{
    return strcasestr(info->name, text) || strcasestr(info->vendor, text) || strcasestr(info->platform, text);
}

/* Processors carry the names of firms that make GPUs, too: a CPU is the last that a text may mean. */
static const registry_device *find_text(const registry_device *devices, size_t count, const char *text)
{
    static const uint32_t order[] = {SHUNT_DEVICE_GPU, SHUNT_DEVICE_OTHER, SHUNT_DEVICE_CPU};
    for (size_t pass = 0; pass < sizeof order / sizeof *order; pass++)
        for (size_t i = 0; i < count; i++)
            if (devices[i].entry.info.type == order[pass] && contains(&devices[i].entry.info, text)) return &devices[i];
    return NULL;
}

static const registry_device *find_type(const registry_device *devices, size_t count, uint32_t type)
{
    for (size_t i = 0; i < count; i++)
        if (devices[i].entry.info.type == type) return &devices[i];
    return NULL;
}

/* what: behind the colon, or NULL. NULL: no such device. */
static const registry_device *choose(const registry_device *devices, size_t count, const char *what)
{
    if (!what) return count ? &devices[0] : NULL;
    if (!*what) return NULL;
    if (what[strspn(what, "0123456789")] == 0) {
        errno = 0;
        unsigned long number = strtoul(what, NULL, 10);
        return !errno && number < count ? &devices[number] : NULL;
    }
    if (!strcasecmp(what, "gpu")) return find_type(devices, count, SHUNT_DEVICE_GPU);
    if (!strcasecmp(what, "cpu")) return find_type(devices, count, SHUNT_DEVICE_CPU);
    return find_text(devices, count, what);
}

static shunt_status open_named(const char *selector, const char *params, shunt_device **out)
{
    const char *colon = strchr(selector, ':');
    char name[32];
    int length = colon ? (int)(colon - selector) : (int)strnlen(selector, sizeof name);
    if (length == 0 || length >= (int)sizeof name) return refuse(selector, "it does not begin with a backend's name");
    snprintf(name, sizeof name, "%.*s", length, selector);

    char why[2048];
    registry_device *devices;
    size_t count;
    shunt_status status = registry_devices(name, &devices, &count);
    if (status == SHUNT_E_NOT_FOUND) {
        snprintf(why, sizeof why, "%s", shunt_last_error());
        return refuse(selector, why);
    }
    if (status) return status;
    const registry_device *chosen = choose(devices, count, colon ? colon + 1 : NULL);
    if (chosen) status = open_device(chosen, params, out);
    free(devices);
    if (chosen) return status;
    if (!count)
        snprintf(why, sizeof why, "the backend %s finds no device on this machine", name);
    else
        snprintf(why, sizeof why, "no device of the backend %s matches it", name);
    return refuse(selector, why);
}

/* Best score first; equal ones in the order of the list, so the sort must be stable. */
static void sort_by_score(registry_device *devices, size_t count)
{
    for (size_t i = 1; i < count; i++)
        for (size_t j = i; j > 0 && devices[j - 1].entry.info.score < devices[j].entry.info.score; j--) {
            registry_device swap = devices[j];
            devices[j] = devices[j - 1];
            devices[j - 1] = swap;
        }
}

static shunt_status open_best(const char *params, shunt_device **out)
{
    registry_device *devices;
    size_t count;
    shunt_status status = registry_devices(NULL, &devices, &count);
    if (status) return status;
    registry_warn();
    status = error_fail(SHUNT_E_NOT_FOUND, "device \"auto\": there is no device at all");
    sort_by_score(devices, count);
    for (size_t i = 0; i < count; i++) {
        status = open_device(&devices[i], params, out);
        if (!status) break;
        if (i + 1 < count) log_write(SHUNT_LOG_WARN, "%s; trying the next best device", shunt_last_error());
    }
    free(devices);
    return status;
}

shunt_status shunt_device_open(const char *selector, const char *params, shunt_device **out)
{
    if (!out) return error_null(__func__, "out");
    if (!selector) selector = shunt_option("device");
    if (!selector || !*selector || !strcasecmp(selector, "auto")) return open_best(params, out);
    return open_named(selector, params, out);
}
