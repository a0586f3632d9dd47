/* output.h - a file that a command writes: under a temporary name beside its own until it is whole. */
#ifndef SHUNT_TOOLS_OUTPUT_H
#define SHUNT_TOOLS_OUTPUT_H

#include <stdbool.h>
#include <stdio.h>

typedef struct output {
    FILE *file; /* NULL: not begun */
    char *path, *temporary;
} output;

/* Prints why when it fails. */
int output_begin(output *self, const char *path);
/* Gives the file its name; with keep false, or when not all of it could be written, removes it and leaves what stood
 * there before. Does nothing for one that was not begun. */
int output_end(output *self, bool keep);

#endif
