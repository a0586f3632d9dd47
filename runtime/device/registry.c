/* registry.c - the list of backends: the built-in ones, then the plugins of each folder in turn, by name. Filled step by
 * step, as far as a question needs it, so that the scalar backend never waits for a driver to load. One lock guards
 * loading and probing; answers are copies. */
#include "runtime/device/registry.h"

#include "runtime/device/device.h"
#include "runtime/device/fork.h"
#include "runtime/device/trust.h"
#include "runtime/base/option.h"
#include "runtime/base/place.h"
#include "runtime/base/shutdown.h"
#include "runtime/base/error.h"
#include "runtime/shared/os.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static registry_plugin **plugins;
static size_t nplugins;
static bool built_in_done, folders_done;

void text_append(char *text, size_t size, const char *format, ...)
{
    size_t used = strnlen(text, size);
    va_list args;
    va_start(args, format);
    if (used < size) vsnprintf(text + used, size - used, format, args);
    va_end(args);
}

/* ---- Filling: all under the lock ---- */

static registry_plugin *add(const char *path)
{
    registry_plugin **grown = realloc(plugins, (nplugins + 1) * sizeof *plugins);
    if (!grown) return NULL;
    plugins = grown;
    registry_plugin *plugin = plugin_new(path);
    if (plugin) plugins[nplugins++] = plugin;
    return plugin;
}

static shunt_status load_built_in(void)
{
    if (built_in_done) return SHUNT_OK;
    for (size_t i = 0; device_builtin_backends[i]; i++) {
        registry_plugin *plugin = add("built in");
        if (!plugin) return error_memory();
        plugin_adopt(plugin, device_builtin_backends[i](&device_host_services), plugins, nplugins - 1);
    }
    built_in_done = true;
    return SHUNT_OK;
}

static int is_plugin(const struct dirent *entry)
{
    return place_is_plugin(entry->d_name);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name); /* not alphasort: that depends on the locale */
}

static shunt_status load_file(const char *folder, const char *file)
{
    char *path = NULL;
    if (asprintf(&path, "%s/%s", folder, file) < 0) return error_memory();
    registry_plugin *plugin = add(path);
    free(path);
    if (!plugin) return error_memory();
    plugin_load(plugin, plugins, nplugins - 1);
    return SHUNT_OK;
}

static shunt_status refuse_folder(const char *folder, const char *what, const char *reason)
{
    registry_plugin *plugin = add(folder);
    if (!plugin) return error_memory();
    plugin_refuse(plugin, SHUNT_E_IO, "the folder %s: %s", what, reason);
    return SHUNT_OK;
}

/* A folder that the user named and that cannot be read is listed as refused; the install folder may well be absent. What
 * others could have put there is not loaded; the list is made once, so this is said once. */
static shunt_status load_folder(const char *folder, bool optional)
{
    struct dirent **files = NULL;
    char distrust[160];
    if (!trust_folder(folder, distrust, sizeof distrust)) {
        log_write(SHUNT_LOG_WARN, "plugins in %s are not used: %s", folder, distrust);
        return refuse_folder(folder, "is not used", distrust);
    }
    int count = scandir(folder, &files, is_plugin, by_name);
    if (count < 0 && optional && errno == ENOENT) return SHUNT_OK;
    if (count < 0) return refuse_folder(folder, "cannot be read", strerror(errno));
    shunt_status status = SHUNT_OK;
    for (int i = 0; i < count; i++) {
        if (!status) status = load_file(folder, files[i]->d_name);
        free(files[i]);
    }
    free(files);
    return status;
}

static shunt_status load_folders(void)
{
    if (folders_done) return SHUNT_OK;
    const char *path = shunt_option("plugin_path");
    char *list = strdup(path ? path : ""), *rest = list;
    if (!list) return error_memory();
    shunt_status status = SHUNT_OK;
    for (char *folder; !status && (folder = strsep(&rest, os_list_divider));)
        if (*folder) status = load_folder(folder, false);
    free(list);
    if (!status) status = load_folder(place_plugins(), true);
    folders_done = !status;
    return status;
}

static shunt_status load_all(void)
{
    shunt_status status = load_built_in();
    return status ? status : load_folders();
}

static registry_plugin *find(const char *name)
{
    for (size_t i = 0; i < nplugins; i++)
        if (!plugins[i]->status && !strcasecmp(plugins[i]->name, name)) return plugins[i];
    return NULL;
}

/* ---- Answers ---- */

static const char advice[] = "; run `shunt doctor` to find out why";

/* Says why the plugins of this name failed. A plugin that was refused before it gave its name is known by its file's name. */
static shunt_status no_backend(const char *name)
{
    char why[2048] = "";
    for (size_t i = 0; i < nplugins; i++) {
        const registry_plugin *plugin = plugins[i];
        const char *slash = os_last_slash(plugin->path);
        bool named =
            plugin->name[0] ? !strcasecmp(plugin->name, name) : strcasestr(slash ? slash : plugin->path, name) != NULL;
        if (plugin->status && named)
            text_append(why, sizeof why, "; plugin %s was refused: %s%s", plugin->path,
                        plugin->message ? plugin->message : shunt_status_name(plugin->status),
                        plugin->unsafe ? advice : "");
    }
    return error_fail(SHUNT_E_NOT_FOUND, "there is no backend \"%.40s\"%s", name, why);
}

/* Copies the devices of plugins[from .. to), probing them. */
static shunt_status collect(size_t from, size_t to, registry_device **out, size_t *count)
{
    size_t total = 0, n = 0;
    for (size_t i = from; i < to; i++) {
        plugin_probe(plugins[i]);
        total += plugins[i]->ndevices;
    }
    registry_device *list = malloc((total + 1) * sizeof *list);
    if (!list) return error_memory();
    for (size_t i = from; i < to; i++)
        for (uint32_t d = 0; d < plugins[i]->ndevices; d++) list[n++] = plugins[i]->devices[d];
    *out = list;
    *count = n;
    return SHUNT_OK;
}

static shunt_status collect_named(const char *name, registry_device **out, size_t *count)
{
    if (!find(name)) {
        shunt_status status = load_folders();
        if (status) return status;
    }
    registry_plugin *plugin = find(name);
    if (plugin) plugin_probe(plugin);
    if (!plugin || plugin->status) return no_backend(name);
    size_t at = 0;
    while (plugins[at] != plugin) at++;
    return collect(at, at + 1, out, count);
}

shunt_status registry_devices(const char *backend, registry_device **out, size_t *count)
{
    shunt_status status = fork_check();
    if (status) return status;
    pthread_mutex_lock(&lock);
    status = backend ? load_built_in() : load_all();
    if (!status) status = backend ? collect_named(backend, out, count) : collect(0, nplugins, out, count);
    pthread_mutex_unlock(&lock);
    return status;
}

void registry_warn(void)
{
    static bool said;
    if (fork_check()) return;
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < nplugins && !said; i++)
        if (plugins[i]->unsafe)
            log_write(SHUNT_LOG_WARN, "plugin %s is not used: %s%s", plugins[i]->path,
                      plugins[i]->message ? plugins[i]->message : "", advice);
    said = true;
    pthread_mutex_unlock(&lock);
}

shunt_status registry_fallback(registry_device **out, size_t *count)
{
    shunt_status status = fork_check();
    if (status) return status;
    pthread_mutex_lock(&lock);
    status = load_built_in();
    if (!status) status = collect(0, 1, out, count);
    pthread_mutex_unlock(&lock);
    return status;
}

shunt_status registry_visit(shunt_status (*visit)(void *context, const registry_plugin *plugin), void *context)
{
    shunt_status status = fork_check();
    if (status) return status;
    pthread_mutex_lock(&lock);
    status = load_all();
    for (size_t i = 0; !status && i < nplugins; i++) {
        plugin_probe(plugins[i]);
        status = visit(context, plugins[i]);
    }
    pthread_mutex_unlock(&lock);
    return status;
}

const char *shunt_plugin_folders(void)
{
    const char *path = shunt_option("plugin_path");
    char *all = NULL;
    if (!path || !*path || asprintf(&all, "%s%s%s", path, os_list_divider, place_plugins()) < 0) return place_plugins();
    const char *kept = option_intern(all);
    free(all);
    return kept ? kept : place_plugins();
}

void shunt_shutdown(void)
{
    if (fork_check()) return; /* what drivers hold is the parent's */
    pthread_mutex_lock(&lock);
    for (size_t i = nplugins; i-- > 0;) {
        if (!plugins[i]->status && plugins[i]->backend.shutdown) plugins[i]->backend.shutdown();
        plugin_free(plugins[i]);
    }
    free(plugins);
    plugins = NULL;
    nplugins = 0;
    built_in_done = folders_done = false;
    pthread_mutex_unlock(&lock);
    shutdown_release();
    options_free();
}
