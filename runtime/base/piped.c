/* piped.c - see piped.h. */
#include "runtime/base/piped.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/error.h"
#include "runtime/shared/os.h"

enum { CHUNK = 1 << 16, MOST_KEPT = 8 };
static const uint64_t most_bytes = (uint64_t)8 << 30;

bool piped_is_input(const char *path)
{
    return !strcmp(path, "-") || !strcmp(path, "/dev/stdin");
}

bool piped_is(const char *path, int fd, const struct stat *info)
{
    if (S_ISREG(info->st_mode) || S_ISDIR(info->st_mode)) return false;
    if (piped_is_input(path)) return !isatty(fd);
    return os_is_pipe(fd, info);
}

/* ---- Reading once --------------------------------------------------------------------------------------------------- */

static shunt_status fail_read(const char *path, int error)
{
    return error_fail(SHUNT_E_IO, "%s: cannot read: %s", path, strerror(error));
}

static shunt_status write_all(const char *path, int into, const char *bytes, size_t count)
{
    while (count) {
        ssize_t n = write(into, bytes, count);
        if (n < 0 && errno != EINTR) return fail_read(path, errno);
        if (n > 0) bytes += n, count -= (size_t)n;
    }
    return SHUNT_OK;
}

static shunt_status copy(const char *path, int fd, uint64_t limit, int into)
{
    char *bytes = malloc(CHUNK);
    uint64_t total = 0;
    shunt_status status = bytes ? SHUNT_OK : error_memory();
    while (!status) {
        ssize_t n = read(fd, bytes, CHUNK);
        if (n == 0) break;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) os_wait_readable(fd);
        if (n < 0 && errno != EINTR && errno != EAGAIN && errno != EWOULDBLOCK) status = fail_read(path, errno);
        if (n < 0) continue;
        total += (uint64_t)n;
        if (total > limit)
            status =
                error_fail(SHUNT_E_INVALID, "%s: it delivers more than the %" PRIu64 " bytes allowed", path, limit);
        else
            status = write_all(path, into, bytes, (size_t)n);
    }
    free(bytes);
    return status;
}

/* ---- Opening again --------------------------------------------------------------------------------------------------- */

/* What was read: the pipe, by the number of its inode, which is not given again, and the file in memory. */
static struct {
    dev_t device;
    ino_t inode;
    int file;
} kept[MOST_KEPT];
static size_t nkept;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static int find_kept(const struct stat *info)
{
    for (size_t i = 0; i < nkept && i < MOST_KEPT; i++)
        if (kept[i].device == info->st_dev && kept[i].inode == info->st_ino) return kept[i].file;
    return -1;
}

/* In place of the oldest one. */
static void keep(const struct stat *info, int file)
{
    size_t at = nkept++ % MOST_KEPT;
    if (nkept > MOST_KEPT) close(kept[at].file);
    kept[at].device = info->st_dev;
    kept[at].inode = info->st_ino;
    kept[at].file = file;
}

static shunt_status read_and_keep(const char *path, int fd, const struct stat *info, uint64_t limit, int *file)
{
    *file = os_nameless_file();
    if (*file < 0) return fail_read(path, errno);
    shunt_status status = copy(path, fd, limit ? limit : most_bytes, *file);
    if (status)
        close(*file);
    else
        keep(info, *file);
    return status;
}

shunt_status piped_read(const char *path, int fd, const struct stat *info, uint64_t limit, int *out)
{
    shunt_status status = SHUNT_OK;
    *out = -1;
    pthread_mutex_lock(&lock);
    int file = find_kept(info);
    if (file < 0) status = read_and_keep(path, fd, info, limit, &file);
    if (!status && (*out = os_duplicate(file)) < 0) status = fail_read(path, errno);
    pthread_mutex_unlock(&lock);
    return status;
}
