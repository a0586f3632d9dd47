/* label_file.h - text files that give labels to the pictures of one folder.
 *
 * A line has a picture's name, with or without its ending, and then the label. Commas, semicolons, tabs or blanks separate them:
 * the separator that finds most pictures is used. Names may be in a later column, after an index. If a heading calls a column
 * "label" or "class", labels are taken from it. Fields may be in quotes as in CSV, a name may have a folder before it, and the
 * text may begin with a byte order mark. What follows the label is ignored, but if blanks separate, a label that is not a number
 * goes up to the line's end. Or a line has only a label, one for each picture in the order of their names. */
#ifndef SHUNT_DATA_LABEL_FILE_H
#define SHUNT_DATA_LABEL_FILE_H

#include "runtime/data/picture_labels.h"

typedef struct given_label {
    char *text;
    size_t line; /* from 1 */
} given_label;

typedef struct label_file {
    const char *path;
    given_label *labels; /* of each picture */
} label_file;

/* folder: the pictures' folder; lines of other folders are ignored. Free the result. */
shunt_status label_file_read(const char *path, const char *folder, const picture_list *list, label_file *out);
void label_file_free(label_file *file, const picture_list *list);

#endif
