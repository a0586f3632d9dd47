/* target_windows.c - see target.h. */
#include "runtime/shared/target.h"
#include "runtime/shared/os.h"
#include "runtime/shared/sweep.h"

#include <errno.h>
#include <fcntl.h>
#include <io.h>
#include <unistd.h>
#include <windows.h>

enum { TRIES = 50, PAUSE_MILLISECONDS = 20 };

/* ---- Which file a path names ---- */

/* The folder must exist; the file need not. */
static char *whole_path(const char *path)
{
    char *found = os_real_path(path), *slash;
    if (found) return found;
    char *copy = strdup(path), *whole = NULL;
    slash = copy ? os_last_slash(copy) : NULL;
    if (slash) *slash = '\0';
    char *folder = copy ? os_real_path(!slash ? "." : slash == copy ? "/" : copy) : NULL;
    if (folder && asprintf(&whole, "%s/%s", folder, slash ? slash + 1 : path) < 0) whole = NULL;
    free(folder);
    free(copy);
    return whole;
}

int target_follow(const char *path, char **whole, int *descriptor)
{
    static const char *const streams[] = {NULL, "/dev/stdout", "/dev/stderr"};
    *descriptor = -1;
    for (int fd = 1; fd < 3; fd++)
        if (!strcmp(path, streams[fd])) *descriptor = fd;
    struct stat about;
    const bool device = *descriptor >= 0 || (!stat(path, &about) && S_ISCHR(about.st_mode)); /* such as NUL */
    *whole = device ? strdup(path) : whole_path(path);
    return *whole ? 0 : device ? ENOMEM : errno;
}

/* ---- Writing into it ---- */

int target_open(const char *path, int descriptor, int *fd, const char **reason)
{
    (void)reason;
    *fd = descriptor >= 0 ? os_duplicate(descriptor) : open(path, O_WRONLY | O_CLOEXEC);
    return *fd < 0 ? errno : 0;
}

int target_copy(FILE *from, int fd)
{
    char buffer[1 << 13];
    rewind(from);
    for (size_t n; (n = fread(buffer, 1, sizeof buffer, from)) > 0;)
        for (size_t done = 0; done < n;) {
            const int written = write(fd, buffer + done, (unsigned)(n - done));
            if (written <= 0) return written < 0 && errno != EINVAL ? errno : EPIPE; /* the reader went away */
            done += (size_t)written;
        }
    return ferror(from) ? EIO : 0;
}

/* ---- Replacing it ---- */

void target_inherit(int fd, const struct stat *old)
{
    (void)fd, (void)old; /* rights are the folder's */
}

static bool move(const char *from, const char *to)
{
    return MoveFileExA(from, to, MOVEFILE_REPLACE_EXISTING | MOVEFILE_WRITE_THROUGH);
}

/* A file that is mapped cannot be replaced, but can have another name. It is removed at once, or by a later writer (sweep.h). */
static bool move_aside(const char *from, const char *to)
{
    char *aside = NULL;
    if (asprintf(&aside, "%s" TEMPORARY_MARK "%lu-%lu", to, GetCurrentProcessId(), GetTickCount()) < 0) return false;
    bool moved = move(to, aside);
    if (moved && !move(from, to)) {
        move(aside, to);
        moved = false;
    }
    if (moved) DeleteFileA(aside);
    free(aside);
    return moved;
}

/* Programs that look at every new file (virus scanners, indexers) have it open for a moment. */
int target_rename(const char *from, const char *to)
{
    for (int tries = 0; tries < TRIES; tries++) {
        if (move(from, to)) return 0;
        const DWORD error = GetLastError();
        if (error != ERROR_ACCESS_DENIED && error != ERROR_SHARING_VIOLATION && error != ERROR_USER_MAPPED_FILE)
            return EIO;
        if (move_aside(from, to)) return 0;
        Sleep(PAUSE_MILLISECONDS);
    }
    return EACCES;
}
