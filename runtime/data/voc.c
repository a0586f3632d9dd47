/* voc.c - pictures whose pixels have classes, in Pascal VOC's folders: JPEGImages, SegmentationClass, ImageSets/Segmentation. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "runtime/base/error.h"
#include "runtime/base/file.h"
#include "runtime/data/folders.h"
#include "runtime/data/image.h"

enum { MOST_LIST_BYTES = 64 << 20, MOST_NAME = 255 };

struct shunt_pixelset {
    char *folder;
    char *text;   /* of the list */
    char **names; /* in it */
    size_t count, room;
};

/* ---- The list ------------------------------------------------------------------------------------------------------- */

/* A name must not lead out of the folders. */
static shunt_status check_name(const char *list, const char *name, size_t line)
{
    if (strlen(name) <= MOST_NAME && !strpbrk(name, "/\\") && *name != '.') return SHUNT_OK;
    return error_fail(SHUNT_E_INVALID, "%s: line %zu is not the name of a picture", list, line);
}

static shunt_status add_name(shunt_pixelset *self, char *name)
{
    if (self->count == self->room) {
        const size_t room = self->room ? 2 * self->room : 64;
        char **grown = reallocarray(self->names, room, sizeof *grown);
        if (!grown) return error_memory();
        self->names = grown;
        self->room = room;
    }
    self->names[self->count++] = name;
    return SHUNT_OK;
}

/* Of each line the first word: lists of single classes have a number behind it. */
static shunt_status cut_lines(shunt_pixelset *self, const char *list)
{
    static const char blanks[] = " \t\r";
    shunt_status status = SHUNT_OK;
    size_t line = 1;
    for (char *at = self->text, *next; !status && at; at = next, line++) {
        next = strchr(at, '\n');
        if (next) *next++ = '\0';
        at += strspn(at, blanks);
        at[strcspn(at, blanks)] = '\0';
        if (!*at) continue;
        status = check_name(list, at, line);
        if (!status) status = add_name(self, at);
    }
    if (!status && !self->count) status = error_fail(SHUNT_E_INVALID, "%s: it names no picture", list);
    return status;
}

static shunt_status read_list(shunt_pixelset *self, const char *list)
{
    file_mapping file;
    shunt_status status = file_map(list, MOST_LIST_BYTES, &file);
    if (status) return status;
    self->text = strndup((const char *)file.data, file.size);
    if (!self->text)
        status = error_memory();
    else if (strlen(self->text) != file.size)
        status = error_fail(SHUNT_E_INVALID, "%s: not a text file: it holds a zero byte", list);
    file_unmap(&file);
    return status ? status : cut_lines(self, list);
}

shunt_status shunt_pixelset_open(const char *spec, const char *split, shunt_pixelset **out)
{
    static const char kind[] = "voc:";
    char *list = NULL;
    if (!spec || !out) return error_null(__func__, "spec, out");
    *out = NULL;
    if (strncmp(spec, kind, sizeof kind - 1))
        return error_fail(SHUNT_E_NOT_FOUND,
                          "'%s' is not a known set of pictures with classes of pixels; there is voc:DIR", spec);
    if (split && strcmp(split, "test") && strcmp(split, "train"))
        return error_fail(SHUNT_E_INVALID, "%s: no split is called '%s'; there are train and test", spec, split);
    shunt_pixelset *self = calloc(1, sizeof *self);
    if (!self) return error_memory();
    self->folder = strdup(spec + sizeof kind - 1);
    const char *name = split && !strcmp(split, "train") ? "train" : "val";
    shunt_status status = SHUNT_OK;
    if (!self->folder || asprintf(&list, "%s/ImageSets/Segmentation/%s.txt", self->folder, name) < 0)
        status = error_memory();
    if (!status) status = read_list(self, list);
    free(list);
    if (status)
        shunt_pixelset_close(self);
    else
        *out = self;
    return status;
}

void shunt_pixelset_close(shunt_pixelset *set)
{
    if (!set) return;
    free(set->folder);
    free(set->text);
    free(set->names);
    free(set);
}

size_t shunt_pixelset_count(const shunt_pixelset *set)
{
    return set ? set->count : 0;
}

const char *shunt_pixelset_name(const shunt_pixelset *set, size_t index)
{
    return set && index < set->count ? set->names[index] : NULL;
}

/* ---- Pictures ------------------------------------------------------------------------------------------------------- */

/* JPEGImages/NAME.jpg, or with another ending that pictures have; to be freed. */
static shunt_status find_picture(const shunt_pixelset *self, const char *name, char **out)
{
    struct stat info;
    const char *ending;
    for (size_t i = 0; (ending = picture_ending(i)); i++) {
        if (asprintf(out, "%s/JPEGImages/%s%s", self->folder, name, ending) < 0) return error_memory();
        if (!stat(*out, &info)) return SHUNT_OK;
        free(*out);
    }
    return error_fail(SHUNT_E_NOT_FOUND, "%s/JPEGImages/%s.jpg: there is no such file, nor one with another ending",
                      self->folder, name);
}

static shunt_status read_classes(const shunt_pixelset *self, const char *name, shunt_labelled_image *out)
{
    char *path;
    file_mapping file;
    image_numbers map = {0};
    if (asprintf(&path, "%s/SegmentationClass/%s.png", self->folder, name) < 0) return error_memory();
    shunt_status status = file_map(path, 0, &file);
    if (!status) {
        status = image_decode_numbers(file.data, file.size, path, &map);
        file_unmap(&file);
    }
    out->classes = map.numbers;
    if (!status && (map.height != out->image.height || map.width != out->image.width))
        status = error_fail(SHUNT_E_INVALID, "%s: it has %lldx%lld pixels, and the picture %lldx%lld", path,
                            (long long)map.width, (long long)map.height, (long long)out->image.width,
                            (long long)out->image.height);
    free(path);
    return status;
}

shunt_status shunt_pixelset_get(const shunt_pixelset *set, size_t index, shunt_labelled_image *out)
{
    if (!set || !out) return error_null(__func__, "set, out");
    char *path;
    *out = (shunt_labelled_image){.classes = NULL};
    if (index >= set->count) return error_fail(SHUNT_E_INVALID, "picture %zu of a set of %zu", index, set->count);
    shunt_status status = find_picture(set, set->names[index], &path);
    if (status) return status;
    status = shunt_image_read(path, &out->image);
    free(path);
    if (!status) status = read_classes(set, set->names[index], out);
    if (status) shunt_labelled_image_free(out);
    return status;
}

void shunt_labelled_image_free(shunt_labelled_image *image)
{
    if (!image) return;
    shunt_image_free(&image->image);
    free(image->classes);
    image->classes = NULL;
}
