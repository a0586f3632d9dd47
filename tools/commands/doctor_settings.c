/* doctor_settings.c - see doctor_settings.h. */
#include "doctor_settings.h"

#include "runtime/shared/os.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATH_CHARS = 4096 };

/* ---- The cache folder ---- */

/* The folder that is not used, from the library's message "FOLDER: not used as cache folder: reason"; false: there is none. */
static bool refused_folder(const char *message, char *folder, size_t size)
{
    const char *end = strstr(message, ": not used as cache folder");
    if (end) snprintf(folder, size, "%.*s", (int)(end - message), message);
    return end != NULL;
}

static void no_cache_folder(doctor_report *report)
{
    char folder[PATH_CHARS], quoted[PATH_CHARS];
    const char *message = shunt_last_error();
    if (!refused_folder(message, folder, sizeof folder)) {
        doctor_add(report, DOCTOR_PROBLEM, "cache", "none", "%s", message);
        doctor_fix(report, "export HOME=\"$(eval echo \"~$(id -un)\")\"");
        return;
    }
    doctor_add(report, DOCTOR_PROBLEM, "cache", folder, "%s", message + strlen(folder) + 2);
    if (strstr(message, "others may write to it"))
        doctor_fix(report, "chmod go-w %s", doctor_quoted(folder, quoted, sizeof quoted));
    else if (shunt_option("cache_dir"))
        doctor_fix(report, "unset SHUNT_CACHE_DIR");
    else
        doctor_fix(report, "export SHUNT_CACHE_DIR=\"$(mktemp -d)\"");
}

/* The folder, or the first above it that exists: it decides whether the folder can be made. To be freed. */
static char *existing_folder(const char *folder)
{
    char *path = strdup(folder);
    for (char *slash; path && access(path, F_OK) && (slash = os_last_slash(path)) && slash != path;) *slash = 0;
    return path;
}

static const char *why_not_writable(const char *path)
{
    struct stat about;
    if (os_stat(path, &about)) return strerror(errno);
    if (!S_ISDIR(about.st_mode)) return strerror(ENOTDIR);
    return access(path, W_OK | X_OK) ? strerror(errno) : NULL;
}

void doctor_examine_cache(doctor_report *report)
{
    const char *folder = shunt_cache_folder();
    if (!folder) {
        no_cache_folder(report);
        return;
    }
    char *path = existing_folder(folder);
    if (!path) {
        report->failed = true;
        return;
    }
    const char *reason = why_not_writable(path);
    if (!reason) {
        doctor_add(report, DOCTOR_GOOD, "cache", folder, "%s",
                   strcmp(path, folder) ? "not there yet; will be made" : "writable");
    } else {
        doctor_add(report, DOCTOR_PROBLEM, "cache", folder, "kernels are compiled anew in each run: %s: %s", path,
                   reason);
        doctor_fix(report, "%s",
                   shunt_option("cache_dir") ? "unset SHUNT_CACHE_DIR" : "export SHUNT_CACHE_DIR=\"$(mktemp -d)\"");
    }
    free(path);
}

/* ---- Formats of pictures ---- */

const char *doctor_pictures(bool read, char *text, size_t size)
{
    /* The first bytes of each. */
    static const struct {
        const char *name, *begin;
        size_t length;
    } formats[] = {{"JPEG", "\xff\xd8\xff", 3},
                   {"PNG", "\x89PNG\r\n\x1a\n", 8},
                   {"PPM", "P6", 2},
                   {"PGM", "P5", 2},
                   {"BMP", "BM", 2},
                   {"GIF", "GIF89a", 6},
                   {"WebP", "RIFF....WEBP", 12},
                   {"TIFF", "II*\0", 4}};
    size_t at = 0;
    text[0] = 0;
    for (size_t i = 0; i < sizeof formats / sizeof *formats && at < size; i++) {
        shunt_image image;
        /* A file of these bytes alone is damaged; or of a format that is not read. */
        const shunt_status status = shunt_image_decode(formats[i].begin, formats[i].length, formats[i].name, &image);
        if ((status != SHUNT_E_UNSUPPORTED) == read)
            at += (size_t)snprintf(text + at, size - at, "%s%s", at ? ", " : "", formats[i].name);
    }
    return text;
}

/* ---- The plugin ---- */

const char *doctor_examine_plugin(const shunt_plugin_list *plugins, doctor_report *report)
{
    char quoted[PATH_CHARS];
    const shunt_plugin_entry *refused = NULL;
    for (size_t i = 0; i < shunt_plugins_count(plugins); i++) {
        const shunt_plugin_entry *entry = shunt_plugins_at(plugins, i);
        const char *file = os_last_slash(entry->path);
        if (!strcmp(entry->name, "opencl") && entry->status == SHUNT_OK) return NULL;
        const bool writable = entry->message && strstr(entry->message, "others may write to it");
        if ((file && strstr(file, "opencl")) || (writable && !refused)) refused = entry;
    }
    if (!refused) {
        static const char missing[] =
            "the plugin shunt-opencl is in none of the folders searched; name its folder in SHUNT_PLUGIN_PATH";
        doctor_add(report, DOCTOR_PROBLEM, "plugin", "opencl", "%s", missing);
        return missing;
    }
    doctor_add(report, DOCTOR_PROBLEM, "plugin", refused->path, "%s", refused->message);
    if (strstr(refused->message, "others may write to it"))
        doctor_fix(report, "chmod go-w %s", doctor_quoted(refused->path, quoted, sizeof quoted));
    return refused->message;
}
