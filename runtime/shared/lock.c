/* lock.c - see lock.h. */
#include "runtime/shared/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

int folder_lock(const char *folder)
{
    char *path;
    if (asprintf(&path, "%s/.lock", folder) < 0) return -1;
    /* A file that can be written: network file systems refuse to lock a folder, or one that is open for reading. */
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
    free(path);
    if (fd < 0 || !flock(fd, LOCK_EX | LOCK_NB)) return fd;
    int why = errno;
    close(fd);
    errno = why;
    return -1;
}
