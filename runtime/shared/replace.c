/* replace.c - see replace.h. */
#include "runtime/shared/replace.h"
#include "runtime/shared/sweep.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { MOST_LINKS = 40, NAME_CHARS = 200 /* of a temporary name: NAME_MAX less what is appended */ };

static bool fail(replacement *self, int error, const char *reason)
{
    self->error = error;
    self->reason = reason ? reason : strerror(error);
    return false;
}

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

/* Follows the links of the path's last part, which may lead to a file that is not there yet. Sets self->path, or
 * *descriptor where they lead to one that is open. */
static bool follow_links(replacement *self, const char *path, int *descriptor)
{
    char *from = strdup(path);
    for (int n = 0; from && n < MOST_LINKS; n++) {
        const char *name;
        char *whole = resolve_folder(from, &name), target[PATH_MAX];
        free(from);
        if (!whole) return fail(self, errno, NULL);
        *descriptor = descriptor_of(whole, name);
        ssize_t length = *descriptor < 0 ? readlink(whole, target, sizeof target - 1) : -1;
        if (length < 0) {
            self->path = whole;
            return true;
        }
        target[length] = '\0';
        if (target[0] == '/')
            from = strdup(target);
        else if (asprintf(&from, "%.*s%s", (int)(name - whole), whole, target) < 0)
            from = NULL;
        free(whole);
    }
    int error = from ? ELOOP : ENOMEM;
    free(from);
    return fail(self, error, NULL);
}

/* ---- Begin ---- */

/* What was begun, after a failure. */
static void give_up(replacement *self)
{
    if (self->file) fclose(self->file);
    if (self->temporary) unlink(self->temporary);
    if (self->through >= 0) close(self->through);
    free(self->temporary);
    free(self->path);
    *self = (replacement){.through = -1, .error = self->error, .reason = self->reason};
}

/* Removes what killed writers of the file, of whose path `kept` bytes go into temporary names, have left. */
static void sweep_beside(const char *path, int kept)
{
    char *copy = strndup(path, (size_t)kept), *name = copy ? strrchr(copy, '/') : NULL;
    if (name) {
        *name = '\0';
        sweep_temporaries(name == copy ? "/" : copy, name + 1);
    }
    free(copy);
}

/* Opens PATH.tmp-PID-N for the first N that is free. Not mkstemp: that would ignore the umask. */
static int open_temporary(replacement *self)
{
    const char *name = strrchr(self->path, '/') + 1;
    size_t length = strlen(name);
    int kept = (int)(name - self->path) + (length < NAME_CHARS ? (int)length : NAME_CHARS);
    sweep_beside(self->path, kept);
    for (unsigned n = 0; n < 1000; n++) {
        if (asprintf(&self->temporary, "%.*s" TEMPORARY_MARK "%ld-%u", kept, self->path, (long)getpid(), n) < 0) {
            self->temporary = NULL;
            errno = ENOMEM;
            return -1;
        }
        int fd = open(self->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd >= 0) {
            sweep_spare(fd);
            return fd;
        }
        int error = errno;
        free(self->temporary);
        self->temporary = NULL;
        errno = error;
        if (error != EEXIST) return -1;
    }
    return -1;
}

static bool begin_beside(replacement *self, const struct stat *old)
{
    int fd = open_temporary(self);
    if (fd < 0) return fail(self, errno, NULL);
    if (old) { /* an owner or a mode that cannot be kept is no reason to fail */
        (void)!fchown(fd, old->st_uid, old->st_gid);
        (void)!fchmod(fd, old->st_mode & 0777);
    }
    self->file = fdopen(fd, "wb");
    if (self->file) return true;
    fail(self, errno, NULL);
    close(fd);
    return false;
}

static bool open_through(replacement *self, const char *path, const struct stat *old, int descriptor)
{
    if (old && S_ISDIR(old->st_mode)) return fail(self, EISDIR, "it is a directory, not a file");
    if (old && S_ISSOCK(old->st_mode)) return fail(self, EINVAL, "it is a socket");
    if (descriptor >= 0) {
        self->stdout_named = descriptor == STDOUT_FILENO;
        self->through = fcntl(descriptor, F_DUPFD_CLOEXEC, 3);
        if (self->through < 0) return fail(self, errno, NULL);
        if ((fcntl(self->through, F_GETFL) & O_ACCMODE) == O_RDONLY) return fail(self, EBADF, "it is open for reading");
        return true;
    }
    self->through = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (self->through < 0)
        return fail(self, errno, errno == ENXIO && S_ISFIFO(old->st_mode) ? "it is a FIFO without a reader" : NULL);
    int flags = fcntl(self->through, F_GETFL);
    if (flags < 0 || fcntl(self->through, F_SETFL, flags & ~O_NONBLOCK)) return fail(self, errno, NULL);
    return true;
}

static bool begin(replacement *self, const char *path)
{
    struct stat old;
    bool exists = stat(path, &old) == 0;
    int descriptor;
    size_t length = strlen(path);
    if (!length) return fail(self, ENOENT, NULL);
    if (!follow_links(self, path, &descriptor)) return false;
    if (descriptor < 0 && !exists && path[length - 1] == '/') return fail(self, EISDIR, "it names a folder");
    if (descriptor < 0 && (!exists || S_ISREG(old.st_mode))) return begin_beside(self, exists ? &old : NULL);
    if (!open_through(self, path, exists ? &old : NULL, descriptor)) return false;
    self->file = tmpfile();
    return self->file || fail(self, errno, NULL);
}

bool replace_begin(replacement *self, const char *path)
{
    *self = (replacement){.through = -1};
    if (begin(self, path)) return true;
    give_up(self);
    return false;
}

/* ---- End ---- */

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

static bool copy_all(replacement *self)
{
    char buffer[1 << 13];
    rewind(self->file);
    for (size_t n; (n = fread(buffer, 1, sizeof buffer, self->file)) > 0;)
        if (!write_all(self->through, buffer, n)) return fail(self, errno, NULL);
    if (ferror(self->file)) return fail(self, EIO, NULL);
    int closed = close(self->through);
    self->through = -1;
    return !closed || fail(self, errno, NULL);
}

/* A reader that goes away is a failure to report. It must not end the process: the signal is held back and taken away. */
static bool copy_through(replacement *self)
{
    sigset_t pipe, before, pending;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    sigpending(&pending);
    pthread_sigmask(SIG_BLOCK, &pipe, &before);
    if (self->stdout_named) fflush(stdout); /* what was printed before stands before */
    bool copied = copy_all(self);
    if (!sigismember(&pending, SIGPIPE)) sigtimedwait(&pipe, NULL, &(struct timespec){0});
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return copied;
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

static bool put_in_place(replacement *self)
{
    bool synced = fsync(fileno(self->file)) == 0 || errno == EINVAL || errno == ENOTSUP; /* some file systems cannot */
    int error = errno;
    FILE *file = self->file;
    self->file = NULL;
    if (fclose(file) && synced) {
        synced = false;
        error = errno;
    }
    if (!synced) return fail(self, error, NULL);
    if (rename(self->temporary, self->path)) return fail(self, errno, NULL);
    free(self->temporary);
    self->temporary = NULL;
    sync_folder(self->path);
    return true;
}

static bool end(replacement *self)
{
    errno = 0;
    if (fflush(self->file) || ferror(self->file))
        return fail(self, errno ? errno : EIO, errno ? NULL : "not all of it could be written; is the disk full?");
    return self->through >= 0 ? copy_through(self) : put_in_place(self);
}

bool replace_end(replacement *self, bool keep)
{
    if (!self->file) return true;
    bool kept = !keep || end(self);
    give_up(self);
    return kept;
}
