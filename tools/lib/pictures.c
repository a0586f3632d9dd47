/* pictures.c - see pictures.h. */
#include "pictures.h"
#include "args.h"
#include "say.h"
#include "runtime/shared/os.h"
#include <errno.h>
#include <shunt/shunt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Takes the path over. A path of NULL means that there was no memory for it. */
static int add(picture_paths *self, char *path)
{
    if (path && self->count == self->room) {
        const size_t room = self->room ? 2 * self->room : 64;
        char **grown = reallocarray(self->paths, room, sizeof *grown);
        if (!grown) {
            free(path);
            path = NULL;
        } else {
            self->paths = grown;
            self->room = room;
        }
    }
    if (!path) return say_failure("no memory");
    self->paths[self->count++] = path;
    return EXIT_OK;
}

static int add_folder(picture_paths *self, const char *folder)
{
    char *spec, *path;
    shunt_dataset *pictures = NULL;
    if (asprintf(&spec, "pictures:%s", folder) < 0) return say_failure("no memory");
    int status = shunt_dataset_open(spec, NULL, &pictures) ? say_library_failure(folder) : EXIT_OK;
    const size_t length = strlen(folder);
    for (size_t i = 0; status == EXIT_OK && i < shunt_dataset_count(pictures); i++) {
        const char *between = length && folder[length - 1] == '/' ? "" : "/";
        if (asprintf(&path, "%s%s%s", folder, between, shunt_dataset_picture(pictures, i)) < 0) path = NULL;
        status = add(self, path);
    }
    shunt_dataset_close(pictures);
    free(spec);
    return status;
}

static int add_lines(picture_paths *self, FILE *file, const char *list)
{
    char *line = NULL;
    size_t room = 0, before = self->count;
    ssize_t length;
    int status = EXIT_OK;
    while (status == EXIT_OK && (length = getline(&line, &room, file)) > 0) {
        while (length && (line[length - 1] == '\n' || line[length - 1] == '\r')) line[--length] = '\0';
        if (strlen(line) != (size_t)length)
            status =
                say_failure("%s: not a list of files: it has a zero byte in line %zu", list, self->count - before + 1);
        else if (length)
            status = add(self, strdup(line));
    }
    if (status == EXIT_OK && ferror(file)) status = say_failure("%s: %s", list, strerror(errno));
    if (status == EXIT_OK && self->count == before) status = say_failure("%s: no file is named in it", list);
    free(line);
    return status;
}

static int add_list(picture_paths *self, const char *list)
{
    const bool piped = !strcmp(list, "-");
    FILE *file = piped ? stdin : os_read_text(list);
    if (!file) return say_failure("%s: %s", list, strerror(errno));
    int status = add_lines(self, file, list);
    if (!piped) fclose(file);
    return status;
}

int pictures_find(char *const *operands, const char *list, picture_paths *out)
{
    int status = EXIT_OK;
    struct stat info;
    *out = (picture_paths){0};
    for (; *operands && status == EXIT_OK; operands++)
        status = os_stat(*operands, &info) || !S_ISDIR(info.st_mode) ? add(out, strdup(*operands))
                                                                     : add_folder(out, *operands);
    if (status == EXIT_OK && list) status = add_list(out, list);
    if (status != EXIT_OK) pictures_free(out);
    return status;
}

void pictures_free(picture_paths *self)
{
    for (size_t i = 0; i < self->count; i++) free(self->paths[i]);
    free(self->paths);
    *self = (picture_paths){0};
}
