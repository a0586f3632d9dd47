/* picture_labels.c - see picture_labels.h. */
#include "runtime/data/picture_labels.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/error.h"
#include "runtime/data/folders.h"
#include "runtime/data/label_file.h"

enum { MOST_CLASSES = 1 << 24, MOST_ENDING = 8 };

/* ---- The list ---------------------------------------------------------------------------------------------- */

shunt_status picture_list_add(picture_list *list, const char *name, int64_t label)
{
    size_t length = strlen(name) + 1;
    if (list->names_room - list->used < length) {
        size_t room = 2 * list->names_room + length + 4096;
        char *names = realloc(list->names, room);
        if (!names) return error_memory();
        list->names = names;
        list->names_room = room;
    }
    if (list->count == list->items_room) {
        size_t room = list->items_room ? 2 * list->items_room : 256;
        picture_item *items = reallocarray(list->items, room, sizeof *items);
        if (!items) return error_memory();
        list->items = items;
        list->items_room = room;
    }
    list->items[list->count++] = (picture_item){list->used, label};
    memcpy(list->names + list->used, name, length);
    list->used += length;
    return SHUNT_OK;
}

void picture_list_free(picture_list *list)
{
    free(list->names);
    free(list->items);
    *list = (picture_list){0};
}

const char *picture_name(const picture_list *list, size_t index)
{
    return list->names + list->items[index].name;
}

/* The first picture whose name is not before `name`. */
static size_t lower_bound(const picture_list *list, const char *name)
{
    size_t low = 0, high = list->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(picture_name(list, middle), name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Tries each known ending behind `name`: endings are few. The names that begin with `name` can be as many as the pictures
 * (cat.0.jpg, cat.1.jpg ...), so they are not searched. */
size_t picture_list_find(const picture_list *list, const char *name)
{
    char whole[NAME_MAX + 1];
    size_t length = strlen(name), at = lower_bound(list, name);
    if (at < list->count && !strcmp(picture_name(list, at), name)) return at;
    if (length + MOST_ENDING >= sizeof whole) return list->count;
    memcpy(whole, name, length);
    strcpy(whole + length, ".");
    at = lower_bound(list, whole);
    if (at == list->count || strncmp(picture_name(list, at), whole, length + 1)) return list->count;
    const char *ending;
    for (size_t i = 0; (ending = picture_ending(i)); i++)
        for (size_t upper = 0; upper <= strlen(ending); upper++) { /* .jpg .Jpg .JPg .JPG */
            strcpy(whole + length, ending);
            for (size_t k = 0; k < upper; k++) whole[length + k] = (char)toupper((unsigned char)ending[k]);
            at = lower_bound(list, whole);
            if (at < list->count && !strcmp(picture_name(list, at), whole)) return at;
        }
    return list->count;
}

/* ---- Labels to classes -------------------------------------------------------------------------------------------- */

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool all_numbers(const label_file *file, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (file->labels[i].text[strspn(file->labels[i].text, "0123456789")]) return false;
    return true;
}

static shunt_status take_numbers(const label_file *file, picture_list *list, size_t *nclasses)
{
    for (size_t i = 0; i < list->count; i++) {
        const given_label *from = &file->labels[i];
        errno = 0;
        unsigned long long class = strtoull(from->text, NULL, 10);
        if (errno || class >= MOST_CLASSES)
            return error_fail(SHUNT_E_INVALID, "%s: line %zu: class %s is too large", file->path, from->line,
                              from->text);
        list->items[i].label = (int64_t) class;
        if (class >= *nclasses) *nclasses = (size_t) class + 1;
    }
    return SHUNT_OK;
}

static shunt_status take_names(const label_file *file, picture_list *list, char ***classes, size_t *nclasses)
{
    size_t distinct = 0;
    char **names = calloc(list->count, sizeof *names), **own = calloc(list->count, sizeof *own);
    shunt_status status = names && own ? SHUNT_OK : error_memory();
    if (!status) {
        for (size_t i = 0; i < list->count; i++) names[i] = file->labels[i].text;
        qsort(names, list->count, sizeof *names, by_text);
        for (size_t i = 0; i < list->count; i++)
            if (i == 0 || strcmp(names[i], names[distinct - 1])) names[distinct++] = names[i];
        for (size_t i = 0; i < list->count; i++) {
            char **found = bsearch(&file->labels[i].text, names, distinct, sizeof *names, by_text);
            list->items[i].label = found - names;
        }
        for (size_t i = 0; !status && i < distinct; i++)
            if (!(own[i] = strdup(names[i]))) status = error_memory();
    }
    free(names);
    if (status) {
        for (size_t i = 0; own && i < distinct; i++) free(own[i]);
        free(own);
        return status;
    }
    *classes = own;
    *nclasses = distinct;
    return SHUNT_OK;
}

shunt_status picture_labels_read(const char *path, const char *folder, picture_list *list, char ***classes,
                                 size_t *nclasses)
{
    label_file file;
    *classes = NULL;
    *nclasses = 0;
    shunt_status status = label_file_read(path, folder, list, &file);
    if (status) return status;
    status = all_numbers(&file, list->count) ? take_numbers(&file, list, nclasses)
                                             : take_names(&file, list, classes, nclasses);
    label_file_free(&file, list);
    return status;
}
