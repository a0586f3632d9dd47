/* results.c - see results.h. */
#include "results.h"
#include "args.h"
#include "runtime/shared/folders.h"
#include "runtime/shared/os.h"
#include "say.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static bool is_folder(const char *path)
{
    struct stat info;
    const char *slash = os_last_slash(path);
    return (slash && !slash[1]) || (!stat(path, &info) && S_ISDIR(info.st_mode));
}

static int make_folder(const char *path)
{
    size_t length;
    const int error = make_folders(path, 0777, &length);
    return error ? say_failure("%s: cannot be made: %.*s: %s", path, (int)length, path, strerror(error)) : EXIT_OK;
}

/* FOLDER/street.png for a/street.jpg. NULL without memory. */
static char *in_folder(const char *folder, const char *picture)
{
    const char *slash = os_last_slash(picture), *end = os_last_slash(folder);
    const char *name = !strcmp(picture, "-") ? "stdin" : slash ? slash + 1 : picture, *dot = strrchr(name, '.');
    const size_t stem = dot && dot > name ? (size_t)(dot - name) : strlen(name);
    char *made;
    const int size = asprintf(&made, "%s%s%.*s.png", folder, end && !end[1] ? "" : "/", (int)stem, name);
    return size < 0 ? NULL : made;
}

static bool same_file(const char *a, const char *b)
{
    char *x = os_real_path(a), *y = os_real_path(b);
    const bool same = x && y && !strcmp(x, y);
    free(x);
    free(y);
    return same;
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Whether two pictures of different folders have one name. */
static int check_names(const char *option, const result_paths *self)
{
    char **sorted = calloc(self->count + 1, sizeof *sorted);
    int status = sorted ? EXIT_OK : say_failure("no memory");
    for (size_t i = 0; sorted && i < self->count; i++) sorted[i] = self->paths[i];
    if (sorted) qsort(sorted, self->count, sizeof *sorted, compare);
    for (size_t i = 1; status == EXIT_OK && i < self->count; i++)
        if (!strcmp(sorted[i - 1], sorted[i]))
            status =
                say_usage("--%s: two pictures' results would be %s; run the folders one by one", option, sorted[i]);
    free(sorted);
    return status;
}

int results_place(const char *option, const char *wanted, const picture_paths *pictures, result_paths *out)
{
    *out = (result_paths){0};
    if (!wanted) return EXIT_OK;
    const bool folder = pictures->count > 1 || is_folder(wanted);
    int status = folder ? make_folder(wanted) : EXIT_OK;
    if (status == EXIT_OK && !(out->paths = calloc(pictures->count + 1, sizeof *out->paths)))
        status = say_failure("no memory");
    for (size_t i = 0; status == EXIT_OK && i < pictures->count; i++) {
        char *path = folder ? in_folder(wanted, pictures->paths[i]) : strdup(wanted);
        if (!path) status = say_failure("no memory");
        if (path && same_file(path, pictures->paths[i]))
            status = say_usage("--%s: the result would replace the picture %s; name another folder", option, path);
        out->paths[out->count++] = path;
    }
    if (status == EXIT_OK) status = check_names(option, out);
    if (status != EXIT_OK) results_free(out);
    return status;
}

void results_free(result_paths *self)
{
    for (size_t i = 0; i < self->count; i++) free(self->paths[i]);
    free(self->paths);
    *self = (result_paths){0};
}
