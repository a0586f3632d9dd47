/* folders.c - see folders.h. */
#include "runtime/shared/folders.h"
#include "runtime/shared/os.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static int make_folder(const char *path, mode_t mode)
{
    struct stat info;
    const int error = os_make_folder(path, mode);
    if (!error || stat(path, &info)) return error;
    return S_ISDIR(info.st_mode) ? 0 : ENOTDIR;
}

int make_folders(const char *path, mode_t mode, size_t *length)
{
    char *copy = strdup(path);
    int error = copy ? 0 : ENOMEM;
    *length = 0;
    for (char *end = copy; !error && *end;) {
        end += strspn(end, os_slashes);
        end += strcspn(end, os_slashes);
        char kept = *end;
        *end = '\0';
        error = make_folder(copy, mode);
        *length = (size_t)(end - copy);
        *end = kept;
    }
    free(copy);
    return error;
}
