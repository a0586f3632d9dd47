/* target_posix.c - see target.h. */
#include "runtime/shared/target.h"
#include "runtime/shared/os.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { MOST_LINKS = 40 };

/* ---- Which file a path names ---- */

/* FOLDER/NAME without links in FOLDER; *name points into it. NULL with errno set. */
static char *resolve_folder(const char *path, const char **name)
{
    char *copy = strdup(path), *folder = copy ? realpath(dirname(copy), NULL) : NULL, *whole = NULL;
    free(copy);
    copy = folder ? strdup(path) : NULL;
    if (copy && asprintf(&whole, "%s/%s", strcmp(folder, "/") ? folder : "", basename(copy)) < 0) whole = NULL;
    free(copy);
    free(folder);
    if (whole) *name = strrchr(whole, '/') + 1;
    return whole;
}

/* The descriptor that /proc/self/fd/N names, or -1. */
static int descriptor_of(const char *whole, const char *name)
{
    char *own = realpath("/proc/self/fd", NULL), *end;
    size_t length = own ? strlen(own) : 0;
    bool is_own = own && (size_t)(name - whole) == length + 1 && !strncmp(whole, own, length);
    free(own);
    if (!is_own || !*name || strlen(name) > 9) return -1;
    long number = strtol(name, &end, 10);
    return *end ? -1 : (int)number;
}

int target_follow(const char *path, char **whole, int *descriptor)
{
    char *from = strdup(path);
    for (int n = 0; from && n < MOST_LINKS; n++) {
        const char *name;
        char *found = resolve_folder(from, &name), link[PATH_MAX];
        free(from);
        if (!found) return errno;
        *descriptor = descriptor_of(found, name);
        ssize_t length = *descriptor < 0 ? readlink(found, link, sizeof link - 1) : -1;
        if (length < 0) {
            *whole = found;
            return 0;
        }
        link[length] = '\0';
        if (link[0] == '/')
            from = strdup(link);
        else if (asprintf(&from, "%.*s%s", (int)(name - found), found, link) < 0)
            from = NULL;
        free(found);
    }
    int error = from ? ELOOP : ENOMEM;
    free(from);
    return error;
}

/* ---- Writing into it ---- */

static int open_descriptor(int descriptor, int *fd, const char **reason)
{
    *fd = os_duplicate(descriptor);
    if (*fd < 0) return errno;
    if ((fcntl(*fd, F_GETFL) & O_ACCMODE) != O_RDONLY) return 0;
    *reason = "it is open for reading";
    return EBADF;
}

int target_open(const char *path, int descriptor, int *fd, const char **reason)
{
    if (descriptor >= 0) return open_descriptor(descriptor, fd, reason);
    *fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (*fd < 0) {
        struct stat about;
        int error = errno;
        if (error == ENXIO && !stat(path, &about) && S_ISFIFO(about.st_mode)) *reason = "it is a FIFO without a reader";
        return error;
    }
    int flags = fcntl(*fd, F_GETFL);
    return flags < 0 || fcntl(*fd, F_SETFL, flags & ~O_NONBLOCK) ? errno : 0;
}

static bool write_all(int fd, const char *bytes, size_t size)
{
    for (size_t done = 0; done < size;) {
        ssize_t n = write(fd, bytes + done, size - done);
        if (n > 0)
            done += (size_t)n;
        else if (n == 0 || errno != EINTR)
            return false;
    }
    return true;
}

static int copy_all(FILE *from, int fd)
{
    char buffer[1 << 13];
    rewind(from);
    for (size_t n; (n = fread(buffer, 1, sizeof buffer, from)) > 0;)
        if (!write_all(fd, buffer, n)) return errno;
    return ferror(from) ? EIO : 0;
}

/* The signal is held back and taken away. */
int target_copy(FILE *from, int fd)
{
    sigset_t pipe, before, pending;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    sigpending(&pending);
    pthread_sigmask(SIG_BLOCK, &pipe, &before);
    int error = copy_all(from, fd);
    if (!sigismember(&pending, SIGPIPE)) sigtimedwait(&pipe, NULL, &(struct timespec){0});
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error;
}

/* ---- Replacing it ---- */

void target_inherit(int fd, const struct stat *old)
{
    (void)!fchown(fd, old->st_uid, old->st_gid);
    (void)!fchmod(fd, old->st_mode & 0777);
}

/* The rename itself reaches the disk with the folder. Some file systems cannot sync folders: no failure. */
static void sync_folder(const char *path)
{
    char *copy = strdup(path);
    if (!copy) return;
    int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        fsync(fd);
        close(fd);
    }
    free(copy);
}

int target_rename(const char *from, const char *to)
{
    if (rename(from, to)) return errno;
    sync_folder(to);
    return 0;
}
