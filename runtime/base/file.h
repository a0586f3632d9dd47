/* file.h - files as the library uses them: mapped for reading, replaced atomically for writing. */
#ifndef SHUNT_RUNTIME_FILE_H
#define SHUNT_RUNTIME_FILE_H

#include <shunt/shunt.h>
#include <stdio.h>
#include <sys/types.h>

#include "runtime/shared/replace.h"

typedef struct file_mapping {
    const uint8_t *data;
    size_t size;
    uint64_t device, inode; /* the same for two names of one file */
} file_mapping;

/* Maps a regular file read-only, or all that comes from standard input ("-", "/dev/stdin") or a pipe (/dev/fd/N). Fails naming the path and the reason for a directory, a missing or an empty file, and
 * for a file larger than `limit` bytes (0: none). */
shunt_status file_map(const char *path, uint64_t limit, file_mapping *out);
void file_unmap(file_mapping *mapping);
/* A copy of bytes in memory as if it were a mapped file. Its path is file_in_memory, for messages and for readers that would look
 * for further files in its folder. */
shunt_status file_copy(const void *bytes, size_t size, file_mapping *out);
extern const char file_in_memory[];

/* A file that is written as a whole or not at all: runtime/shared/replace.h with the library's messages. After a failure, or with
 * ok = 0, the old file is unchanged and no temporary file remains. */
typedef struct file_writer {
    FILE *file; /* what `to` writes to */
    char *path; /* as the caller named it */
    replacement to;
} file_writer;
shunt_status file_write_begin(file_writer *writer, const char *path);
/* Like fwrite, with the reason as a message. file_write_end reports what failed while the caller wrote to `file` itself. */
shunt_status file_write(file_writer *writer, const void *data, size_t size);
/* Frees the writer either way. With ok = 0 it returns SHUNT_OK and keeps the caller's message. */
shunt_status file_write_end(file_writer *writer, int ok);

/* mkdir -p; each folder that is made gets this mode (less the umask). */
shunt_status file_make_folders(const char *path, mode_t mode);

#endif
