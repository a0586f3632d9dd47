/* os.h - what differs between systems. os_*_posix.c has it for Linux and its like, os_*_windows.c for Windows; the build takes one of
 * each pair. No other file of the library or the command includes a header that one of them lacks (tests/law.py).
 *
 * Paths are UTF-8 with '/' between their parts; on Windows '\' is accepted as well. Any number of threads may call these functions. Those
 * that return bool or a pointer set errno when they fail. */
#ifndef SHUNT_SHARED_OS_H
#define SHUNT_SHARED_OS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>

/* ---- Paths (os_files) -------------------------------------------------------------------------------------------------- */

/* What stands between the folders of a list, ":" or ";"; and the characters that stand between the parts of a path. */
extern const char os_list_divider[], os_slashes[];
/* Where the cache folder lies: `below` in the folder that the first of these variables of the environment names by an absolute path. The
 * last one's variable is NULL. */
typedef struct os_cache_place {
    const char *variable, *below;
} os_cache_place;
extern const os_cache_place os_cache_places[];

bool os_is_absolute(const char *path);
/* Without links, "." and "..", of something that exists; to be freed. */
char *os_real_path(const char *path);
/* What divides the last part from its folder, as strrchr gives it; NULL: the path has one part only. */
char *os_last_slash(const char *path);

/* ---- Files (os_files) -------------------------------------------------------------------------------------------------- */

/* As stat; slashes at the end of a folder's path are allowed. */
int os_stat(const char *path, struct stat *about);
/* A text, opened to be read. */
FILE *os_read_text(const char *path);
/* 0 or errno's value. */
int os_make_folder(const char *path, unsigned mode);
/* A second descriptor of the same file, above those of the standard streams; -1 on failure. */
int os_duplicate(int fd);
/* Locks the open file until all its descriptors are closed, without waiting. errno is EWOULDBLOCK where another one has the lock. */
bool os_lock(int fd);
/* Locks the byte of that number, which need not exist, for this process. Closing any descriptor of the file may release it. */
bool os_lock_byte(int fd, unsigned number);
bool os_byte_is_locked(int fd, unsigned number); /* by another process */
/* The file system and the file's number there, equal for two names of one file alone. */
bool os_identify(int fd, uint64_t *system, uint64_t *file);
/* Whether the open file is the one that has this name now, which is no link. */
bool os_stands_at(int fd, const char *path);
/* Removes the open file, and closes it. */
void os_remove_open(int fd, const char *path);
/* Its content reaches the disk. */
bool os_sync(int fd);
/* When the content changed last, in nanoseconds since 1970. */
int64_t os_modified(const struct stat *about);
/* It counts as changed now; a failure is none. */
void os_touch(const char *path);
/* An empty file without a name, open for writing and reading; in memory where the system can. -1 on failure. */
int os_nameless_file(void);
/* The same as a stream, on disk. */
FILE *os_temporary(void);
/* A pipe that no file names. */
bool os_is_pipe(int fd, const struct stat *about);
/* Waits until a read of a descriptor that does not block would give something. */
void os_wait_readable(int fd);
/* Others than the owner may no longer write to it. */
void os_deny_others(int fd);

/* A stream into memory. */
typedef struct os_text {
    FILE *to; /* NULL: no memory */
    char *text;
    size_t size;
} os_text;
void os_text_begin(os_text *self);
/* Closes it. The text, with a zero byte behind `size` bytes, is to be freed; NULL: it could not all be kept. */
char *os_text_end(os_text *self, size_t *size);

/* ---- Memory (os_memory) ------------------------------------------------------------------------------------------------ */

/* The file's first `size` bytes, to be read; NULL on failure. Changes to the memory of os_map and os_pages stay in this process. */
const void *os_map(int fd, size_t size);
/* Pages of zeros, of memory; or of a temporary file, which the system writes out when memory is short: NULL if the disk is full. */
void *os_pages(size_t size);
void *os_pages_on_disk(size_t size);
/* `size` bytes or more of a piece that is repeated, each a multiple of 64 KiB; the pieces share their memory where the system can. To be
 * read only. */
void *os_pages_repeated(const void *piece, size_t bytes, size_t size);
/* Ends any of them. NULL is allowed. */
void os_unmap(const void *data, size_t size);
/* The range within os_map's memory or os_pages_on_disk's will hardly be read soon. */
void os_unneeded(const void *data, size_t size);

/* Aligned memory, a multiple of the alignment, which is a power of 2; in huge pages if it is large and the system has some. Ended by
 * os_aligned_free alone, never by free. */
void *os_aligned(size_t alignment, size_t size);
void os_aligned_free(void *memory);
/* Gives back to the system what free has left in the heap. */
void os_trim_heap(void);

/* ---- The process (os_process) ------------------------------------------------------------------------------------------ */

/* Processors in this machine; and those of them that this process is bound to. At least 1. */
long os_processors(void);
long os_own_processors(void);
/* The most memory that the process has had, in KiB; 0: unknown. */
long os_peak_kib(void);
/* The path of the file that this code was loaded from, without links; to be freed. */
char *os_own_file(void);
/* Bytes that nobody can guess. */
bool os_random(void *bytes, size_t size);
/* What a command does first. Descriptors 0 to 2 are taken, so that no file that is opened later gets what is printed there. A file that
 * grows over a limit is a failed write, not the end of the process. A console shows UTF-8. False: it cannot run. */
bool os_begin_command(void);
/* From now on the first request to end (Ctrl-C, SIGTERM; SIGHUP unless it is ignored) calls the function instead; a second one ends the
 * process. One at a time, in a program's main thread. */
void os_requests_begin(void (*handler)(int number));
void os_requests_end(void);
/* Which start of the machine this is; "": it does not say. */
void os_boot(char *text, size_t size);
/* What the machine is called; "": it does not say. */
void os_host_name(char *text, size_t size);

/* From the first to the second, this thread prints and reads numbers as C does, whatever locale the application has set. */
void *os_plain_numbers_begin(void);
void os_plain_numbers_end(void *before);

/* Libraries that are loaded at run time: how the names of their files end; global: their symbols serve libraries that are loaded later.
 * os_library_error: why the last call of this thread failed. */
extern const char os_library_ending[];
extern const char os_program_ending[]; /* the same of programs */
void *os_library_open(const char *path, bool global);
void *os_library_symbol(void *library, const char *name);
void os_library_close(void *library);
const char *os_library_error(void);

#endif
