/* os_files_posix.c - see os.h. */
#include "runtime/shared/os.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/vfs.h>
#include <unistd.h>

enum { PIPE_FILE_SYSTEM = 0x50495045, FIRST_FREE = 3 /* behind standard input, output and error */ };

/* ---- Paths ---- */

const char os_list_divider[] = ":", os_slashes[] = "/";
const os_cache_place os_cache_places[] = {{"XDG_CACHE_HOME", "shunt"}, {"HOME", ".cache/shunt"}, {NULL, NULL}};

bool os_is_absolute(const char *path)
{
    return path[0] == '/';
}

char *os_real_path(const char *path)
{
    return realpath(path, NULL);
}

char *os_last_slash(const char *path)
{
    return strrchr(path, '/');
}

/* ---- Open files ---- */

int os_stat(const char *path, struct stat *about)
{
    return stat(path, about);
}

FILE *os_read_text(const char *path)
{
    return fopen(path, "re");
}

int os_make_folder(const char *path, unsigned mode)
{
    return mkdir(path, (mode_t)mode) ? errno : 0;
}

int os_duplicate(int fd)
{
    return fcntl(fd, F_DUPFD_CLOEXEC, FIRST_FREE);
}

bool os_lock(int fd)
{
    return flock(fd, LOCK_EX | LOCK_NB) == 0;
}

static struct flock byte_lock(unsigned number)
{
    return (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = (off_t)number, .l_len = 1};
}

bool os_lock_byte(int fd, unsigned number)
{
    struct flock wanted = byte_lock(number);
    return fcntl(fd, F_SETLK, &wanted) == 0;
}

bool os_byte_is_locked(int fd, unsigned number)
{
    struct flock asked = byte_lock(number);
    return fcntl(fd, F_GETLK, &asked) == 0 && asked.l_type != F_UNLCK;
}

bool os_identify(int fd, uint64_t *system, uint64_t *file)
{
    struct stat about;
    if (fstat(fd, &about)) return false;
    *system = about.st_dev;
    *file = about.st_ino;
    return true;
}

bool os_stands_at(int fd, const char *path)
{
    struct stat held, there;
    return !fstat(fd, &held) && !lstat(path, &there) && held.st_dev == there.st_dev && held.st_ino == there.st_ino;
}

void os_remove_open(int fd, const char *path)
{
    unlink(path); /* first, while the lock lasts: afterwards it may be another one's */
    close(fd);
}

bool os_sync(int fd)
{
    return fsync(fd) == 0;
}

int64_t os_modified(const struct stat *about)
{
    return (int64_t)about->st_mtim.tv_sec * 1000000000 + about->st_mtim.tv_nsec;
}

void os_touch(const char *path)
{
    (void)!utimensat(AT_FDCWD, path, NULL, 0);
}

int os_nameless_file(void)
{
    return memfd_create("shunt", MFD_CLOEXEC);
}

FILE *os_temporary(void)
{
    return tmpfile();
}

bool os_is_pipe(int fd, const struct stat *about)
{
    struct statfs system;
    return S_ISFIFO(about->st_mode) && !fstatfs(fd, &system) && system.f_type == PIPE_FILE_SYSTEM;
}

void os_wait_readable(int fd)
{
    poll(&(struct pollfd){fd, POLLIN, 0}, 1, -1);
}

void os_deny_others(int fd)
{
    struct stat about;
    if (!fstat(fd, &about)) (void)!fchmod(fd, about.st_mode & ~(mode_t)(S_IWGRP | S_IWOTH));
}

/* ---- Text ---- */

void os_text_begin(os_text *self)
{
    *self = (os_text){0};
    self->to = open_memstream(&self->text, &self->size);
}

char *os_text_end(os_text *self, size_t *size)
{
    const bool whole = self->to && fclose(self->to) == 0;
    char *text = self->text;
    if (whole) *size = self->size;
    if (!whole) free(text);
    *self = (os_text){0};
    return whole ? text : NULL;
}
