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
#include "runtime/data/pixelset.h"

enum { MOST_LIST_BYTES = 64 << 20, MOST_NAME = 255, CLASSES = 21 };

typedef struct voc {
    shunt_pixelset set;
    char *folder;
    char *text;   /* of the list */
    char **names; /* in it */
    size_t room;
} voc;

/* ---- The list ------------------------------------------------------------------------------------------------------- */

/* A name must not lead out of the folders. */
static shunt_status check_name(const char *list, const char *name, size_t line)
{
    if (strlen(name) <= MOST_NAME && !strpbrk(name, "/\\") && *name != '.') return SHUNT_OK;
    return error_fail(SHUNT_E_INVALID, "%s: line %zu is not the name of a picture", list, line);
}

static shunt_status add_name(voc *self, char *name)
{
    if (self->set.count == self->room) {
        const size_t room = self->room ? 2 * self->room : 64;
        char **grown = reallocarray(self->names, room, sizeof *grown);
        if (!grown) return error_memory();
        self->names = grown;
        self->room = room;
    }
    self->names[self->set.count++] = name;
    return SHUNT_OK;
}

/* Of each line the first word: lists of single classes have a number behind it. */
static shunt_status cut_lines(voc *self, const char *list)
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
    if (!status && !self->set.count) status = error_fail(SHUNT_E_INVALID, "%s: it names no picture", list);
    return status;
}

static shunt_status read_list(voc *self, const char *list)
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

static void close_set(shunt_pixelset *set)
{
    voc *self = (voc *)set;
    free(self->folder);
    free(self->text);
    free(self->names);
    free(self);
}

static shunt_status open_set(const char *where, const char *split, shunt_pixelset **out)
{
    char *list = NULL;
    voc *self = calloc(1, sizeof *self);
    if (!self) return error_memory();
    self->set.classes = CLASSES;
    self->folder = strdup(where);
    shunt_status status = SHUNT_OK;
    if (!self->folder || asprintf(&list, "%s/ImageSets/Segmentation/%s.txt", where, split ? "train" : "val") < 0)
        status = error_memory();
    if (!status) status = read_list(self, list);
    free(list);
    if (status)
        close_set(&self->set);
    else
        *out = &self->set;
    return status;
}

static const char *name_of(const shunt_pixelset *set, size_t index)
{
    return ((const voc *)set)->names[index];
}

/* ---- Pictures ------------------------------------------------------------------------------------------------------- */

/* JPEGImages/NAME.jpg, or with another ending that pictures have; to be freed. */
static shunt_status find_picture(const voc *self, const char *name, char **out)
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

static shunt_status read_classes(const voc *self, const char *name, shunt_labelled_image *out)
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

static shunt_status get(const shunt_pixelset *set, size_t index, shunt_labelled_image *out)
{
    const voc *self = (const voc *)set;
    char *path;
    shunt_status status = find_picture(self, self->names[index], &path);
    if (status) return status;
    status = shunt_image_read(path, &out->image);
    free(path);
    return status ? status : read_classes(self, self->names[index], out);
}

const pixelset_kind pixelset_voc = {
    .name = "voc",
    .help = "voc:DIR",
    .open = open_set,
    .close = close_set,
    .picture = name_of,
    .get = get,
};
