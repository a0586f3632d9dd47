/* folders.c - what lies in folders of pictures: the folders in one, and which files are pictures. */
#include "runtime/data/folders.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "runtime/base/error.h"
#include "runtime/shared/os.h"

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_shown(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static bool is_folder(const char *folder, const char *name)
{
    char path[PATH_MAX]; /* a longer one cannot be opened */
    struct stat info;
    int length = snprintf(path, sizeof path, "%s/%s", folder, name);
    return length < (int)sizeof path && !stat(path, &info) && S_ISDIR(info.st_mode);
}

/* The names of the folders in `path`, sorted; *names and what it holds are to be freed. */
shunt_status folders_list(const char *path, char ***names, size_t *count)
{
    struct dirent **entries;
    *names = NULL;
    *count = 0;
    int n = scandir(path, &entries, is_shown, by_name);
    if (n < 0)
        return error_fail(errno == ENOENT ? SHUNT_E_NOT_FOUND : SHUNT_E_IO, "%s: cannot read the folder: %s", path,
                          strerror(errno));
    shunt_status status = SHUNT_OK;
    *names = calloc((size_t)n + 1, sizeof **names);
    if (!*names) status = error_memory();
    for (int i = 0; i < n; i++) {
        if (!status && is_folder(path, entries[i]->d_name)) {
            (*names)[*count] = strdup(entries[i]->d_name);
            if ((*names)[*count])
                ++*count;
            else
                status = error_memory();
        }
        free(entries[i]);
    }
    free(entries);
    return status;
}

void folders_free(char **names, size_t count)
{
    for (size_t i = 0; names && i < count; i++) free(names[i]);
    free(names);
}

const char *picture_ending(size_t index)
{
    static const char *const endings[] = {".jpg", ".jpeg", ".png", ".ppm", ".pgm", ".bmp", ".tif", ".tiff", ".webp"};
    return index < sizeof endings / sizeof *endings ? endings[index] : NULL;
}

bool is_picture(const char *name)
{
    const char *dot = strrchr(name, '.'), *ending;
    for (size_t i = 0; dot && dot != name && (ending = picture_ending(i)); i++)
        if (!strcasecmp(dot, ending)) return true;
    return false;
}

/* ---- Walks ----------------------------------------------------------------------------------------------------------- */

enum { MOST_DEPTH = 1000 }; /* a path has 4096 bytes at most */
typedef enum entry_kind { ENTRY_FILE, ENTRY_FOLDER, ENTRY_UNKNOWN } entry_kind;

typedef struct walk {
    bool deep, lenient;
    folders_visit *visit;
    void *context;
} walk;

/* A folder that is being walked, and the one that it is in. */
typedef struct walked {
    const struct walked *above;
    const char *path;
    struct stat about;
} walked;

static shunt_status cannot_read(const walk *self, const char *path, int error)
{
    if (error == ENOMEM) return error_memory();
    if (self->lenient) return SHUNT_OK;
    return error_fail(SHUNT_E_IO, "%s: cannot read: %s", path, strerror(error));
}

static char *join(const char *folder, const char *name)
{
    char *path;
    const size_t n = strlen(folder);
    return asprintf(&path, "%s%s%s", folder, n && folder[n - 1] == '/' ? "" : "/", name) < 0 ? NULL : path;
}

/* A link that leads nowhere counts as a file: it has a name, and cannot be read. */
static entry_kind kind_of(const char *path)
{
    struct stat about;
    if (!stat(path, &about)) return S_ISDIR(about.st_mode) ? ENTRY_FOLDER : ENTRY_FILE;
    const int error = errno;
    if (!lstat(path, &about)) return ENTRY_FILE;
    errno = error;
    return ENTRY_UNKNOWN;
}

static bool is_walked(const walked *at, const struct stat *about)
{
    int depth = 0;
    for (; at && depth < MOST_DEPTH; at = at->above, depth++)
        if (about->st_ino && at->about.st_ino == about->st_ino && at->about.st_dev == about->st_dev) return true;
    return depth == MOST_DEPTH;
}

static shunt_status walk_folder(const walk *self, const char *path, const walked *above);

/* Those of the entries that are of the kind; learns the kinds the first time, for files. */
static shunt_status walk_entries(const walk *self, const walked *at, struct dirent **entries, int n, entry_kind *kinds,
                                 entry_kind wanted)
{
    shunt_status status = SHUNT_OK;
    for (int i = 0; i < n && !status; i++) {
        if (wanted == ENTRY_FOLDER && kinds[i] != ENTRY_FOLDER) continue;
        char *path = join(at->path, entries[i]->d_name);
        if (!path) return error_memory();
        if (wanted == ENTRY_FILE) kinds[i] = kind_of(path);
        if (kinds[i] == ENTRY_UNKNOWN)
            status = cannot_read(self, path, errno);
        else if (kinds[i] == wanted)
            status = wanted == ENTRY_FILE ? self->visit(self->context, path, entries[i]->d_name)
                                          : walk_folder(self, path, at);
        free(path);
    }
    return status;
}

static shunt_status walk_folder(const walk *self, const char *path, const walked *above)
{
    walked at = {.above = above, .path = path};
    struct dirent **entries;
    if (os_stat(path, &at.about)) return cannot_read(self, path, errno);
    if (is_walked(above, &at.about)) return SHUNT_OK;
    int n = scandir(path, &entries, is_shown, by_name);
    if (n < 0) return cannot_read(self, path, errno);
    entry_kind *kinds = calloc((size_t)n + 1, sizeof *kinds);
    shunt_status status = kinds ? walk_entries(self, &at, entries, n, kinds, ENTRY_FILE) : error_memory();
    if (!status && self->deep) status = walk_entries(self, &at, entries, n, kinds, ENTRY_FOLDER);
    free(kinds);
    for (int i = 0; i < n; i++) free(entries[i]);
    free(entries);
    return status;
}

shunt_status folders_walk(const char *path, bool deep, bool lenient, folders_visit *visit, void *context)
{
    return walk_folder(&(walk){deep, lenient, visit, context}, path, NULL);
}
