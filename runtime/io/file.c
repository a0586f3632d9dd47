/* file.c - mapped reading, atomic replacing, folders. Every failure names the path and the system's reason. */
#include "runtime/io/file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/error.h"

static shunt_status fail_errno(const char *doing, const char *path, int error)
{
    shunt_status status = error == ENOENT ? SHUNT_E_NOT_FOUND : error == ENOMEM ? SHUNT_E_MEMORY : SHUNT_E_IO;
    return shunt_fail(status, "%s: %s: %s", path, doing, strerror(error));
}

/* What a file that is no regular one is, for messages. */
static const char *kind_of(mode_t mode)
{
    if (S_ISDIR(mode)) return "is a directory, not a file";
    return "is not a regular file";
}

static shunt_status check_readable(const char *path, const struct stat *info, uint64_t limit)
{
    if (!S_ISREG(info->st_mode)) return shunt_fail(SHUNT_E_INVALID, "%s: %s", path, kind_of(info->st_mode));
    if (info->st_size == 0) return shunt_fail(SHUNT_E_INVALID, "%s: the file is empty", path);
    uint64_t size = (uint64_t)info->st_size;
    if (limit && size > limit)
        return shunt_fail(SHUNT_E_INVALID, "%s: the file has %" PRIu64 " bytes, more than the %" PRIu64 " allowed",
                          path, size, limit);
    if (size > SIZE_MAX) return shunt_fail(SHUNT_E_MEMORY, "%s: too large for this machine's addresses", path);
    return SHUNT_OK;
}

shunt_status shunt_map_file(const char *path, uint64_t limit, shunt_mapping *out)
{
    *out = (shunt_mapping){0};
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO must not block */
    if (fd < 0) return fail_errno("cannot open", path, errno);
    struct stat info;
    shunt_status status =
        fstat(fd, &info) ? fail_errno("cannot stat", path, errno) : check_readable(path, &info, limit);
    if (!status) {
        void *data = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (data == MAP_FAILED)
            status = fail_errno("cannot map", path, errno);
        else
            *out = (shunt_mapping){data, (size_t)info.st_size, info.st_dev, info.st_ino};
    }
    close(fd);
    return status;
}

void shunt_unmap_file(shunt_mapping *mapping)
{
    if (mapping->data) munmap((void *)(uintptr_t)mapping->data, mapping->size);
    *mapping = (shunt_mapping){0};
}

/* ---- Writing -------------------------------------------------------------------------------------------- */

static void free_writer(shunt_writer *writer)
{
    free(writer->path);
    free(writer->temporary);
    *writer = (shunt_writer){0};
}

/* Creates PATH.tmp-PID-N for the first N that is free. Not mkstemp: that would ignore the umask. */
static int create_temporary(shunt_writer *writer)
{
    for (unsigned n = 0; n < 1000; n++) {
        if (asprintf(&writer->temporary, "%s.tmp-%ld-%u", writer->path, (long)getpid(), n) < 0) {
            writer->temporary = NULL;
            errno = ENOMEM;
            return -1;
        }
        int fd = open(writer->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd >= 0 || errno != EEXIST) return fd;
        free(writer->temporary);
        writer->temporary = NULL;
    }
    return -1;
}

shunt_status shunt_write_begin(shunt_writer *writer, const char *path)
{
    *writer = (shunt_writer){0};
    struct stat old;
    bool exists = stat(path, &old) == 0;
    if (exists && !S_ISREG(old.st_mode)) return shunt_fail(SHUNT_E_INVALID, "%s: %s", path, kind_of(old.st_mode));
    /* Through a symbolic link the file behind it is replaced, not the link. */
    writer->path = exists ? realpath(path, NULL) : strdup(path);
    int fd = writer->path ? create_temporary(writer) : -1;
    if (fd < 0) {
        shunt_status status = fail_errno("cannot create", path, errno);
        free_writer(writer);
        return status;
    }
    if (exists) (void)!fchmod(fd, old.st_mode & 0777); /* a mode that cannot be kept is no reason to fail */
    writer->file = fdopen(fd, "wb");
    if (!writer->file) {
        shunt_status status = fail_errno("cannot create", path, errno);
        close(fd);
        unlink(writer->temporary);
        free_writer(writer);
        return status;
    }
    return SHUNT_OK;
}

shunt_status shunt_write(shunt_writer *writer, const void *data, size_t size)
{
    if (!size || fwrite(data, 1, size, writer->file) == size) return SHUNT_OK; /* an empty tensor has no address */
    return fail_errno("cannot write", writer->path, errno);
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

shunt_status shunt_write_end(shunt_writer *writer, int ok)
{
    shunt_status status = SHUNT_OK;
    if (ok && ferror(writer->file)) {
        status = shunt_fail(SHUNT_E_IO, "%s: cannot write all of it", writer->path);
        ok = 0;
    }
    if (ok && (fflush(writer->file) || fsync(fileno(writer->file)))) {
        status = fail_errno("cannot write", writer->path, errno);
        ok = 0;
    }
    if (fclose(writer->file) && ok) {
        status = fail_errno("cannot write", writer->path, errno);
        ok = 0;
    }
    if (ok && rename(writer->temporary, writer->path)) {
        status = fail_errno("cannot replace", writer->path, errno);
        ok = 0;
    }
    if (ok)
        sync_folder(writer->path);
    else
        unlink(writer->temporary);
    free_writer(writer);
    return status;
}

/* ---- Folders --------------------------------------------------------------------------------------------- */

shunt_status shunt_make_folders(const char *path)
{
    char *copy = strdup(path);
    if (!copy) return shunt_fail_memory();
    shunt_status status = SHUNT_OK;
    for (char *end = copy; *end && !status;) {
        end += strspn(end, "/");
        end += strcspn(end, "/");
        char kept = *end;
        *end = '\0';
        struct stat info;
        if (mkdir(copy, 0777) && (errno != EEXIST || stat(copy, &info))) {
            status = fail_errno("cannot make the folder", copy, errno);
        } else if (stat(copy, &info) == 0 && !S_ISDIR(info.st_mode)) {
            status = shunt_fail(SHUNT_E_IO, "%s: cannot make the folder %s: that is a file", path, copy);
        }
        *end = kept;
    }
    free(copy);
    return status;
}
