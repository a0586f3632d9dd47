/* verdict.c - whether a plugin may be loaded into this process: what the helper found, kept in the disk cache.
 *
 * A verdict is kept under the plugin's path and the environment that drivers read. It holds while nothing that it depends on
 * has changed: the plugin's file, the helper's, the drivers' files (named by each backend's meson.build), the list of
 * shared libraries (/etc/ld.so.cache) and the boot of the machine. What was too slow is asked again each time. */
#include "runtime/device/device.h"
#include "runtime/device/helper.h"
#include "runtime/base/option.h"
#include "runtime/device/registry.h"
#include "runtime/base/error.h"
#include "runtime/shared/os.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_CHARS = 4096, LINE_CHARS = 1024 };

static const char cache_name[] = "probe";

/* No plugin's business; of all other options one may depend. */
static const char own_options[] =
    "SHUNT_DEVICE=:SHUNT_PLUGIN_PATH=:SHUNT_CACHE_DIR=:SHUNT_DATA_DIR=:SHUNT_LOG=:SHUNT_PROFILE=:"
    "SHUNT_FALLBACK=:SHUNT_TUNE=:SHUNT_PROBE";

/* ---- What a verdict depends on --------------------------------------------------------------------------------------- */

static int all_but_dots(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

/* The first line of a small text file, which may be the path of a driver; "" if the file is not text. */
static void first_line(const char *path, char line[LINE_CHARS])
{
    FILE *file = os_read_text(path);
    if (!file || !fgets(line, LINE_CHARS, file)) line[0] = 0;
    if (file) fclose(file);
    line[strcspn(line, "\r\n")] = 0;
}

/* The file as it is now, and where it is a small one, what it names. */
static void add_file(FILE *to, const char *path, bool follow)
{
    struct stat about;
    if (stat(path, &about)) {
        fprintf(to, "%s absent\n", path);
        return;
    }
    fprintf(to, "%s %llu %llu %lld %lld\n", path, (unsigned long long)about.st_dev, (unsigned long long)about.st_ino,
            (long long)about.st_size, (long long)os_modified(&about));
    if (!follow || !S_ISREG(about.st_mode) || about.st_size >= LINE_CHARS) return;
    char line[LINE_CHARS];
    first_line(path, line);
    fprintf(to, "  %s\n", line);
    if (os_is_absolute(line)) add_file(to, line, false);
}

static void add_path(FILE *to, const char *path)
{
    struct dirent **files = NULL;
    int count = scandir(path, &files, all_but_dots, by_name);
    add_file(to, path, true);
    for (int i = 0; i < count; i++) {
        char *below = NULL;
        if (asprintf(&below, "%s/%s", path, files[i]->d_name) < 0) below = NULL;
        if (below) add_file(to, below, true);
        free(below);
        free(files[i]);
    }
    free(files);
}

static void add_paths(FILE *to, const char *paths)
{
    for (const char *at = paths; *at; at += strspn(at, os_list_divider)) {
        size_t n = strcspn(at, os_list_divider);
        char *path = strndup(at, n);
        if (path && n > 0) add_path(to, path);
        free(path);
        at += n;
    }
}

/* SHUNT_DRIVER_FILES: paths, or names of environment variables that hold them, each after a '$', all divided by ':'. */
static void add_driver_files(FILE *to)
{
    char list[] = SHUNT_DRIVER_FILES;
    for (char *rest = list, *item; (item = strsep(&rest, ":"));) {
        const char *paths = *item == '$' ? option_environment(item + 1) : item;
        if (paths) add_paths(to, paths);
    }
}

/* To be freed; NULL without memory. */
static char *files_now(const char *plugin, const char *helper)
{
    char boot[LINE_CHARS];
    size_t size;
    os_text text;
    os_text_begin(&text);
    if (text.to) {
        os_boot(boot, sizeof boot);
        fprintf(text.to, "boot %s\n", boot);
        add_file(text.to, plugin, false);
        add_file(text.to, helper, false);
        add_file(text.to, "/etc/ld.so.cache", false);
        add_driver_files(text.to);
    }
    return os_text_end(&text, &size);
}

/* The entry's key in the cache; to be freed, NULL without memory. */
static char *key_of(const char *plugin)
{
    char *real = os_real_path(plugin), *environment = option_environment_lines(SHUNT_DRIVER_ENVIRONMENT, own_options),
         *key = NULL;
    if (!environment || asprintf(&key, "%s\n%s\n%s", SHUNT_VERSION, real ? real : plugin, environment) < 0) key = NULL;
    free(environment);
    free(real);
    return key;
}

/* ---- The cache --------------------------------------------------------------------------------------------------------- */

/* A folder that cannot be used costs a trial at each start; whoever keeps more there says what is wrong with it. */
static bool cache_works(void)
{
    const char *folder = shunt_cache_folder();
    return folder && (access(folder, W_OK) == 0 || errno == ENOENT);
}

/* An entry is "REASON\n" and the files as they were; REASON is empty for a plugin that is safe. */
static bool recall(const char *key, const char *files, char *reason, size_t size)
{
    void *blob;
    size_t nblob, nfiles = strlen(files);
    if (cache_get(cache_name, key, strlen(key), &blob, &nblob)) return false;
    const char *text = blob, *line_end = memchr(text, '\n', nblob);
    size_t nreason = line_end ? (size_t)(line_end - text) : 0;
    bool holds = line_end && nreason < size && nblob == nreason + 1 + nfiles && !memcmp(line_end + 1, files, nfiles);
    if (holds) snprintf(reason, size, "%.*s", (int)nreason, text);
    free(blob);
    return holds;
}

static void keep(const char *key, const char *files, const char *reason)
{
    char *text = NULL;
    int n = asprintf(&text, "%s\n%s", reason, files);
    if (n >= 0) cache_put(cache_name, key, strlen(key), text, (size_t)n);
    if (n >= 0) free(text);
}

/* ---- The verdict --------------------------------------------------------------------------------------------------------- */

static bool ask_helper(const char *helper, const char *plugin, const char *key, const char *files, char *reason,
                       size_t size)
{
    helper_verdict verdict = helper_run(helper, plugin, reason, size);
    /* A plugin may note in the cache what it tries, and leave out next time what ended the process. */
    if (verdict == HELPER_UNSAFE) verdict = helper_run(helper, plugin, reason, size);
    if (verdict == HELPER_UNUSABLE) {
        log_write(SHUNT_LOG_DEBUG, "plugin %s: loaded without a trial: %s: %s", plugin, helper, reason);
        return true;
    }
    if (key && files && verdict != HELPER_SLOW) keep(key, files, reason);
    return verdict == HELPER_SAFE;
}

bool plugin_safe(const char *plugin, char *reason, size_t size)
{
    const char *wanted = shunt_option("probe");
    char helper[PATH_CHARS];
    reason[0] = 0;
    if (wanted && !strcmp(wanted, "off")) return true;
    if (!helper_find(helper, sizeof helper)) {
        log_write(SHUNT_LOG_DEBUG, "plugin %s: loaded without a trial: the program shunt-probe is not installed",
                  plugin);
        return true;
    }
    const bool cached = cache_works();
    char *key = cached ? key_of(plugin) : NULL, *files = cached ? files_now(plugin, helper) : NULL;
    bool anew = wanted && !strcmp(wanted, "isolated"), safe;
    if (!anew && key && files && recall(key, files, reason, size))
        safe = reason[0] == 0;
    else
        safe = ask_helper(helper, plugin, key, files, reason, size);
    free(files);
    free(key);
    return safe;
}
