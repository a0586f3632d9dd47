/* picture_labels.h - names of pictures with their labels, and the files that give labels to pictures in one folder. */
#ifndef SHUNT_RUNTIME_PICTURE_LABELS_H
#define SHUNT_RUNTIME_PICTURE_LABELS_H

#include <stdbool.h>

#include "runtime/data/dataset.h"

/* A million pictures are usual, so their names are stored one after another in one block of memory. */
typedef struct picture_item {
    size_t name; /* where it begins in `names` */
    int64_t label;
} picture_item;

typedef struct picture_list {
    char *names;
    size_t used, names_room;
    picture_item *items;
    size_t count, items_room;
} picture_list;

shunt_status picture_list_add(picture_list *list, const char *name, int64_t label);
void picture_list_free(picture_list *list);
const char *picture_name(const picture_list *list, size_t index);

/* The picture of this name, or of this name and an ending. `count` when there is none. The names are sorted. */
size_t picture_list_find(const picture_list *list, const char *name);

/* Gives each picture of `folder` its label from a text file, as label_file.h reads it. If all labels are numbers, they are the
 * classes', and *classes is NULL; else they are names, numbered in their order, and *classes has them, to be freed. */
shunt_status picture_labels_read(const char *path, const char *folder, picture_list *list, char ***classes,
                                 size_t *nclasses);

#endif
