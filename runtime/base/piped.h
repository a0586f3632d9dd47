/* piped.h - the content of standard input or of another pipe, as a file that can be mapped. */
#ifndef SHUNT_BASE_PIPED_H
#define SHUNT_BASE_PIPED_H

#include <shunt/shunt.h>
#include <stdbool.h>
#include <sys/stat.h>

/* "-" or "/dev/stdin". */
bool piped_is_input(const char *path);
/* Whether `fd`, which was opened for path, must be read to its end: standard input that is not a file, or a pipe without a name, as
 * /dev/fd/N of a shell's <(...). */
bool piped_is(const char *path, int fd, const struct stat *info);
/* *out: a file in memory with the whole content, at most `limit` bytes (0: a limit of our own). A pipe can be read only once;
 * opening it again in this process gives the same content. Any number of threads may call this. */
shunt_status piped_read(const char *path, int fd, const struct stat *info, uint64_t limit, int *out);

#endif
