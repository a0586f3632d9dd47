/* replace.c - see replace.h. */
#include "runtime/shared/replace.h"
#include "runtime/shared/os.h"
#include "runtime/shared/sweep.h"
#include "runtime/shared/target.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { NAME_CHARS = 200 /* of a temporary name: NAME_MAX less what is appended */ };

static bool fail(replacement *self, int error, const char *reason)
{
    self->error = error;
    self->reason = reason ? reason : strerror(error);
    return false;
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
    if (old) target_inherit(fd, old);
    self->file = fdopen(fd, "wb");
    if (self->file) return true;
    fail(self, errno, NULL);
    close(fd);
    return false;
}

static bool begin_through(replacement *self, const char *path, const struct stat *old, int descriptor)
{
    const char *reason = NULL;
    if (old && S_ISDIR(old->st_mode)) return fail(self, EISDIR, "it is a directory, not a file");
    if (old && S_ISSOCK(old->st_mode)) return fail(self, EINVAL, "it is a socket");
    self->stdout_named = descriptor == STDOUT_FILENO;
    int error = target_open(path, descriptor, &self->through, &reason);
    if (error) return fail(self, error, reason);
    self->file = os_temporary();
    return self->file || fail(self, errno, NULL);
}

static bool begin(replacement *self, const char *path)
{
    struct stat old;
    bool exists = stat(path, &old) == 0;
    int descriptor = -1;
    size_t length = strlen(path);
    if (!length) return fail(self, ENOENT, NULL);
    int error = target_follow(path, &self->path, &descriptor);
    if (error) return fail(self, error, NULL);
    if (descriptor < 0 && !exists && os_last_slash(path) == path + length - 1)
        return fail(self, EISDIR, "it names a folder");
    if (descriptor < 0 && (!exists || S_ISREG(old.st_mode))) return begin_beside(self, exists ? &old : NULL);
    return begin_through(self, path, exists ? &old : NULL, descriptor);
}

bool replace_begin(replacement *self, const char *path)
{
    *self = (replacement){.through = -1};
    if (begin(self, path)) return true;
    give_up(self);
    return false;
}

/* ---- End ---- */

static bool copy_through(replacement *self)
{
    if (self->stdout_named) fflush(stdout); /* what was printed before stands before */
    int error = target_copy(self->file, self->through);
    if (error) return fail(self, error, NULL);
    int closed = close(self->through);
    self->through = -1;
    return !closed || fail(self, errno, NULL);
}

static bool put_in_place(replacement *self)
{
    bool synced = os_sync(fileno(self->file)) || errno == EINVAL || errno == ENOTSUP; /* some file systems cannot */
    int error = errno;
    FILE *file = self->file;
    self->file = NULL;
    if (fclose(file) && synced) {
        synced = false;
        error = errno;
    }
    if (!synced) return fail(self, error, NULL);
    error = target_rename(self->temporary, self->path);
    if (error) return fail(self, error, NULL);
    free(self->temporary);
    self->temporary = NULL;
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
