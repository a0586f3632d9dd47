/* pictures.h - which pictures operands name: files, folders with all pictures below them, and lists of files. */
#ifndef SHUNT_TOOLS_PICTURES_H
#define SHUNT_TOOLS_PICTURES_H

#include <stddef.h>

typedef struct picture_paths {
    char **paths;
    size_t count, room;
} picture_paths;

/* The operands' pictures in their order, those of a folder in the order of their names, then those of `list`: a file with one path
 * a line, "-" for standard input, NULL for none. Returns an EXIT_ number after printing why it is not EXIT_OK. */
int pictures_find(char *const *operands, const char *list, picture_paths *out);
void pictures_free(picture_paths *self);

#endif
