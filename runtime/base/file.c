/* file.c - mapped reading, atomic replacing, folders. Every failure names the path and the system's reason. */
#include "runtime/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/error.h"
#include "runtime/base/piped.h"
#include "runtime/shared/folders.h"
#include "runtime/shared/os.h"

static shunt_status fail_errno(const char *doing, const char *path, int error)
{
    shunt_status status = error == ENOENT ? SHUNT_E_NOT_FOUND : error == ENOMEM ? SHUNT_E_MEMORY : SHUNT_E_IO;
    return error_fail(status, "%s: %s: %s", path, doing, strerror(error));
}

/* What a file that is no regular one is, for messages. */
static const char *kind_of(mode_t mode)
{
    if (S_ISDIR(mode)) return "is a directory, not a file";
    if (S_ISFIFO(mode)) return "is a FIFO, not a regular file; pass it as standard input: - <FIFO";
    return "is not a regular file";
}

static shunt_status check_readable(const char *path, const struct stat *info, uint64_t limit)
{
    if (!S_ISREG(info->st_mode)) return error_fail(SHUNT_E_INVALID, "%s: %s", path, kind_of(info->st_mode));
    if (info->st_size == 0) return error_fail(SHUNT_E_INVALID, "%s: the file is empty", path);
    uint64_t size = (uint64_t)info->st_size;
    if (limit && size > limit)
        return error_fail(SHUNT_E_INVALID, "%s: the file has %" PRIu64 " bytes, more than the %" PRIu64 " allowed",
                          path, size, limit);
    if (size > SIZE_MAX) return error_fail(SHUNT_E_MEMORY, "%s: too large for this machine's addresses", path);
    return SHUNT_OK;
}

/* Opens it, or what comes through it. */
static shunt_status open_readable(const char *path, uint64_t limit, int *fd, struct stat *info)
{
    /* A FIFO must not block. */
    *fd = piped_is_input(path) ? os_duplicate(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (*fd < 0) return fail_errno("cannot open", path, errno);
    if (fstat(*fd, info)) return fail_errno("cannot stat", path, errno);
    if (!piped_is(path, *fd, info)) return SHUNT_OK;
    int file;
    shunt_status status = piped_read(path, *fd, info, limit, &file);
    close(*fd);
    *fd = file;
    return status ? status : fstat(file, info) ? fail_errno("cannot stat", path, errno) : SHUNT_OK;
}

shunt_status file_map(const char *path, uint64_t limit, file_mapping *out)
{
    *out = (file_mapping){0};
    int fd;
    struct stat info;
    shunt_status status = open_readable(path, limit, &fd, &info);
    if (!status) status = check_readable(path, &info, limit);
    if (!status) {
        const void *data = os_map(fd, (size_t)info.st_size);
        if (!data)
            status = fail_errno("cannot map", path, errno);
        else
            *out = (file_mapping){.data = data, .size = (size_t)info.st_size};
        if (data && !os_identify(fd, &out->device, &out->inode)) status = fail_errno("cannot stat", path, errno);
        if (status) file_unmap(out);
    }
    if (fd >= 0) close(fd);
    return status;
}

const char file_in_memory[] = "the file in memory";

shunt_status file_copy(const void *bytes, size_t size, file_mapping *out)
{
    *out = (file_mapping){0};
    if (!size) return error_fail(SHUNT_E_INVALID, "%s: it is empty", file_in_memory);
    void *data = os_pages(size);
    if (!data) return fail_errno("cannot copy", file_in_memory, errno);
    memcpy(data, bytes, size);
    *out = (file_mapping){.data = data, .size = size};
    return SHUNT_OK;
}

void file_unmap(file_mapping *mapping)
{
    os_unmap(mapping->data, mapping->size);
    *mapping = (file_mapping){0};
}

/* ---- Writing -------------------------------------------------------------------------------------------- */

static shunt_status fail_write(const char *path, const replacement *file)
{
    shunt_status status = file->error == ENOENT                            ? SHUNT_E_NOT_FOUND
                          : file->error == ENOMEM                          ? SHUNT_E_MEMORY
                          : file->error == EISDIR || file->error == EINVAL ? SHUNT_E_INVALID
                                                                           : SHUNT_E_IO;
    return error_fail(status, "%s: cannot write: %s", path, file->reason);
}

shunt_status file_write_begin(file_writer *writer, const char *path)
{
    *writer = (file_writer){.path = strdup(path)};
    if (!writer->path) return error_memory();
    if (replace_begin(&writer->to, path)) {
        writer->file = writer->to.file;
        return SHUNT_OK;
    }
    shunt_status status = fail_write(path, &writer->to);
    free(writer->path);
    writer->path = NULL;
    return status;
}

shunt_status file_write(file_writer *writer, const void *data, size_t size)
{
    if (!size || fwrite(data, 1, size, writer->file) == size) return SHUNT_OK; /* an empty tensor has no address */
    return fail_errno("cannot write", writer->path, errno);
}

shunt_status file_write_end(file_writer *writer, int ok)
{
    shunt_status status = replace_end(&writer->to, ok) ? SHUNT_OK : fail_write(writer->path, &writer->to);
    free(writer->path);
    *writer = (file_writer){0};
    return status;
}

/* ---- Folders --------------------------------------------------------------------------------------------- */

shunt_status file_make_folders(const char *path, mode_t mode)
{
    size_t length;
    int error = make_folders(path, mode, &length);
    if (!error) return SHUNT_OK;
    return error_fail(error == ENOMEM ? SHUNT_E_MEMORY : SHUNT_E_IO, "%s: cannot make the folder %.*s: %s", path,
                      (int)length, path, error == ENOTDIR ? "that is a file" : strerror(error));
}
