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

/* A folder's own pictures come before those of the folders in it, as in Python's os.walk. */
int files_first(const FTSENT **a, const FTSENT **b)
{
    bool folder_a = (*a)->fts_info == FTS_D, folder_b = (*b)->fts_info == FTS_D;
    return folder_a != folder_b ? folder_a - folder_b : strcmp((*a)->fts_name, (*b)->fts_name);
}

shunt_status walk_next(FTS *walk, FTSENT **out)
{
    errno = 0;
    const FTSENT *entry = *out = fts_read(walk), *next = entry ? entry->fts_link : NULL;
    if (!entry && errno == ENOMEM) return error_memory();
    if (!entry && errno) return error_fail(SHUNT_E_IO, "%s: cannot read: %s", walk->fts_path, strerror(errno));
    bool in_order = !next || entry->fts_info == FTS_DP || files_first(&entry, &next) <= 0;
    return in_order ? SHUNT_OK : error_memory();
}
