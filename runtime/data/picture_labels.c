/* picture_labels.c - see picture_labels.h. The file is text from anywhere: lines are counted from 1 in messages. */
#include "runtime/data/picture_labels.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/error.h"
#include "runtime/base/file.h"

enum { MOST_BYTES = 1 << 28, MOST_CLASSES = 1 << 24 };

/* ---- The list ---------------------------------------------------------------------------------------------- */

shunt_status picture_list_add(picture_list *list, const char *name, int64_t label)
{
    size_t length = strlen(name) + 1;
    if (list->names_room - list->used < length) {
        size_t room = 2 * list->names_room + length + 4096;
        char *names = realloc(list->names, room);
        if (!names) return shunt_fail_memory();
        list->names = names;
        list->names_room = room;
    }
    if (list->count == list->items_room) {
        size_t room = list->items_room ? 2 * list->items_room : 256;
        picture_item *items = reallocarray(list->items, room, sizeof *items);
        if (!items) return shunt_fail_memory();
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

/* The picture of this name, or of this name and an ending. `count` when there is none. */
static size_t find_picture(const picture_list *list, const char *name)
{
    size_t length = strlen(name), at = lower_bound(list, name);
    if (at < list->count && !strcmp(picture_name(list, at), name)) return at;
    for (; at < list->count && !strncmp(picture_name(list, at), name, length); at++)
        if (picture_name(list, at)[length] == '.' && !strchr(picture_name(list, at) + length + 1, '.')) return at;
    return list->count;
}

/* ---- The file --------------------------------------------------------------------------------------------------- */

typedef struct line {
    char *label;   /* in the copy of the text */
    size_t number; /* in the file; 0: this picture has none yet */
} line;

typedef struct label_file {
    const char *path;
    char *text;
    line *lines; /* the label of each picture */
} label_file;

static shunt_status read_text(label_file *file)
{
    shunt_mapping map;
    shunt_status status = shunt_map_file(file->path, MOST_BYTES, &map);
    if (status) return status;
    file->text = strndup((const char *)map.data, map.size);
    if (!file->text)
        status = shunt_fail_memory();
    else if (strlen(file->text) != map.size)
        status = shunt_fail(SHUNT_E_INVALID, "%s: not a text file: it holds a zero byte", file->path);
    shunt_unmap_file(&map);
    return status;
}

/* Cuts the text's next line that is not blank off, without blanks at its ends. NULL: there is none. */
static char *next_line(char **text, size_t *number)
{
    while (**text) {
        char *begin = *text, *end = begin + strcspn(begin, "\n");
        *text = *end ? end + 1 : end;
        *end = '\0';
        ++*number;
        begin += strspn(begin, " \t\r");
        for (end = begin + strlen(begin); end > begin && strchr(" \t\r", end[-1]);) *--end = '\0';
        if (*begin) return begin;
    }
    return NULL;
}

/* Cuts a line in two behind its first word; *rest is the second word. */
static void cut(char *text, char **rest)
{
    char *end = text + strcspn(text, " \t,");
    *rest = end + strspn(end, " \t,");
    *end = '\0';
    (*rest)[strcspn(*rest, " \t,")] = '\0';
}

/* "NAME LABEL". */
static shunt_status take_named(const label_file *file, const picture_list *list, char *text, size_t number)
{
    char *label;
    cut(text, &label);
    size_t at = find_picture(list, text);
    if (at == list->count) return SHUNT_OK; /* a heading; and a label for a picture that is not there does no harm */
    line *of = &file->lines[at];
    if (!*label) return shunt_fail(SHUNT_E_INVALID, "%s: line %zu: no label behind '%s'", file->path, number, text);
    if (of->number && strcmp(of->label, label))
        return shunt_fail(SHUNT_E_INVALID, "%s: lines %zu and %zu give %s different labels", file->path, of->number,
                          number, picture_name(list, at));
    *of = (line){label, number};
    return SHUNT_OK;
}

/* Do the lines begin with names of pictures? One of the first two does, then. */
static bool names_pictures(const label_file *file, const picture_list *list)
{
    const char *at = file->text + strspn(file->text, " \t\r\n");
    for (int i = 0; i < 2 && *at; i++) {
        char name[4096];
        size_t length = strcspn(at, " \t\r\n,");
        if (length < sizeof name) {
            memcpy(name, at, length);
            name[length] = '\0';
            if (length && find_picture(list, name) < list->count) return true;
        }
        at += strcspn(at, "\n");
        at += strspn(at, " \t\r\n");
    }
    return false;
}

static shunt_status read_lines(const label_file *file, const picture_list *list)
{
    char *rest = file->text, *text;
    size_t number = 0, count = 0;
    bool named = names_pictures(file, list);
    shunt_status status = SHUNT_OK;
    for (; !status && (text = next_line(&rest, &number)); count++) {
        if (named)
            status = take_named(file, list, text, number);
        else if (count < list->count)
            file->lines[count] = (line){text, number};
    }
    if (status) return status;
    if (!named && count != list->count)
        return shunt_fail(SHUNT_E_INVALID, "%s: %zu labels for %zu pictures, and no names of pictures", file->path,
                          count, list->count);
    for (size_t i = 0; i < list->count; i++)
        if (!file->lines[i].number)
            return shunt_fail(SHUNT_E_INVALID, "%s: no label for %s; it must have one for each picture", file->path,
                              picture_name(list, i));
    return SHUNT_OK;
}

/* ---- Labels to classes -------------------------------------------------------------------------------------------- */

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool all_numbers(const label_file *file, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (file->lines[i].label[strspn(file->lines[i].label, "0123456789")]) return false;
    return true;
}

static shunt_status take_numbers(const label_file *file, picture_list *list, size_t *nclasses)
{
    for (size_t i = 0; i < list->count; i++) {
        const line *from = &file->lines[i];
        errno = 0;
        unsigned long long class = strtoull(from->label, NULL, 10);
        if (errno || class >= MOST_CLASSES)
            return shunt_fail(SHUNT_E_INVALID, "%s: line %zu: class %s is too large", file->path, from->number,
                              from->label);
        list->items[i].label = (int64_t) class;
        if (class >= *nclasses) *nclasses = (size_t) class + 1;
    }
    return SHUNT_OK;
}

static shunt_status take_names(const label_file *file, picture_list *list, char ***classes, size_t *nclasses)
{
    size_t distinct = 0;
    char **names = calloc(list->count, sizeof *names), **own = calloc(list->count, sizeof *own);
    shunt_status status = names && own ? SHUNT_OK : shunt_fail_memory();
    if (!status) {
        for (size_t i = 0; i < list->count; i++) names[i] = file->lines[i].label;
        qsort(names, list->count, sizeof *names, by_text);
        for (size_t i = 0; i < list->count; i++)
            if (i == 0 || strcmp(names[i], names[distinct - 1])) names[distinct++] = names[i];
        for (size_t i = 0; i < list->count; i++) {
            char **found = bsearch(&file->lines[i].label, names, distinct, sizeof *names, by_text);
            list->items[i].label = found - names;
        }
        for (size_t i = 0; !status && i < distinct; i++)
            if (!(own[i] = strdup(names[i]))) status = shunt_fail_memory();
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

shunt_status picture_labels_read(const char *path, picture_list *list, char ***classes, size_t *nclasses)
{
    label_file file = {.path = path, .lines = calloc(list->count, sizeof(line))};
    *classes = NULL;
    *nclasses = 0;
    shunt_status status = file.lines ? read_text(&file) : shunt_fail_memory();
    if (!status) status = read_lines(&file, list);
    if (!status)
        status = all_numbers(&file, list->count) ? take_numbers(&file, list, nclasses)
                                                 : take_names(&file, list, classes, nclasses);
    free(file.text);
    free(file.lines);
    return status;
}
