/* lock.c - see lock.h. */
#include "runtime/shared/lock.h"
#include "runtime/shared/os.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int lock_file(const char *path)
{
    for (;;) {
        /* A file that can be written: network file systems refuse to lock a folder, or one that is open for reading. */
        int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
        if (fd < 0) return -1;
        if (!os_lock(fd)) {
            int why = errno;
            if (why != EWOULDBLOCK && why != EINTR) unlink(path); /* where nobody can lock, nobody holds it */
            close(fd);
            errno = why;
            return -1;
        }
        /* The holder before may have removed the file between open and os_lock: a lock on it keeps nobody out. */
        if (os_stands_at(fd, path)) return fd;
        close(fd);
    }
}

int folder_lock(const char *folder)
{
    char *path;
    if (asprintf(&path, "%s/.lock", folder) < 0) return -1;
    int fd = lock_file(path);
    int why = errno;
    free(path);
    errno = why;
    return fd;
}

void folder_unlock(const char *folder, int fd)
{
    char *path;
    if (fd < 0) return;
    if (asprintf(&path, "%s/.lock", folder) < 0) path = NULL;
    if (path && os_stands_at(fd, path))
        os_remove_open(fd, path);
    else
        close(fd);
    free(path);
}
