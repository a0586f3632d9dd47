/* libc_windows.h - functions of the C library that Windows' own lacks. The build includes it first in every file (meson.build). */
#ifndef SHUNT_SHARED_LIBC_WINDOWS_H
#define SHUNT_SHARED_LIBC_WINDOWS_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

/* Flags without a meaning here. All files are opened as they are, without changes at the ends of lines. */
#define O_CLOEXEC (_O_NOINHERIT | _O_BINARY)
#define O_NOFOLLOW 0
#define O_NONBLOCK 0
#define S_ISSOCK(mode) ((void)(mode), 0)
#define lstat(path, about) stat(path, about)
#define NAME_MAX 255

/* Where the environment comes from cannot be told; no program here runs with raised rights of its file. */
#define secure_getenv getenv

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow" /* the compiler knows them, the library does not */

static inline int setenv(const char *name, const char *value, int replaces)
{
    return replaces ? _putenv_s(name, value) : 0;
}

static inline char *strndup(const char *text, size_t most)
{
    const size_t n = strnlen(text, most);
    char *copy = malloc(n + 1);
    if (!copy) return NULL;
    memcpy(copy, text, n);
    copy[n] = '\0';
    return copy;
}

static inline char *stpcpy(char *to, const char *from)
{
    const size_t n = strlen(from);
    memcpy(to, from, n + 1);
    return to + n;
}

static inline char *strsep(char **rest, const char *dividers)
{
    char *field = *rest;
    if (!field) return NULL;
    char *end = field + strcspn(field, dividers);
    *rest = *end ? end + 1 : NULL;
    *end = '\0';
    return field;
}

static inline char *strcasestr(const char *text, const char *wanted)
{
    const size_t n = strlen(wanted);
    for (; *text; text++)
        if (!strncasecmp(text, wanted, n)) return (char *)(uintptr_t)text;
    return n ? NULL : (char *)(uintptr_t)text;
}

static inline void *memmem(const void *bytes, size_t size, const void *wanted, size_t n)
{
    for (const char *at = bytes; n <= size; at++, size--)
        if (!memcmp(at, wanted, n)) return (void *)(uintptr_t)at;
    return NULL;
}

static inline void *reallocarray(void *old, size_t count, size_t size)
{
    size_t bytes;
    return __builtin_mul_overflow(count, size, &bytes) ? NULL : realloc(old, bytes);
}

#pragma GCC diagnostic pop

/* libc_windows.c */
struct dirent;
ssize_t getline(char **line, size_t *room, FILE *file);
int scandir(const char *path, struct dirent ***entries, int (*wanted)(const struct dirent *entry),
            int (*compare)(const struct dirent **a, const struct dirent **b));

#endif
