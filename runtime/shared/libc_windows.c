/* libc_windows.c - see libc_windows.h. */
#include "runtime/shared/libc_windows.h"

#include <dirent.h>
#include <errno.h>

enum { LEAST_ROOM = 128 };

ssize_t getline(char **line, size_t *room, FILE *file)
{
    size_t n = 0;
    for (int c; (c = getc(file)) != EOF;) {
        if (n + 2 > *room) {
            const size_t more = *room < LEAST_ROOM ? LEAST_ROOM : 2 * *room;
            char *grown = realloc(*line, more);
            if (!grown) return -1;
            *line = grown;
            *room = more;
        }
        (*line)[n++] = (char)c;
        if (c == '\n') break;
    }
    if (!n) return -1;
    (*line)[n] = '\0';
    return (ssize_t)n;
}

typedef int compare_entries(const struct dirent **a, const struct dirent **b);
typedef int compare_any(const void *a, const void *b);

static struct dirent *copy_of(const struct dirent *entry)
{
    struct dirent *copy = malloc(sizeof *copy);
    if (copy) *copy = *entry;
    return copy;
}

static void free_entries(struct dirent **list, int n)
{
    while (n > 0) free(list[--n]);
    free(list);
}

int scandir(const char *path, struct dirent ***entries, int (*wanted)(const struct dirent *entry),
            compare_entries *compare)
{
    struct dirent **list = NULL;
    int n = 0;
    DIR *folder = opendir(path);
    if (!folder) return -1;
    for (const struct dirent *entry; (entry = readdir(folder));) {
        if (!wanted(entry)) continue;
        struct dirent **grown = realloc(list, ((size_t)n + 1) * sizeof *list), *copy = grown ? copy_of(entry) : NULL;
        if (grown) list = grown;
        if (!copy) {
            closedir(folder);
            free_entries(list, n);
            errno = ENOMEM;
            return -1;
        }
        list[n++] = copy;
    }
    closedir(folder);
    if (list) qsort(list, (size_t)n, sizeof *list, (compare_any *)(uintptr_t)compare);
    *entries = list;
    return n;
}
