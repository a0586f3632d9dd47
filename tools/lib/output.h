/* output.h - a file that a command writes as a whole or not at all: runtime/shared/replace.h with the command's messages. */
#ifndef SHUNT_TOOLS_OUTPUT_H
#define SHUNT_TOOLS_OUTPUT_H

#include "runtime/shared/replace.h"

typedef struct output {
    FILE *file; /* what `to` writes to; NULL: not begun */
    char *path; /* as the user named it */
    replacement to;
} output;

/* Prints why when it fails. */
int output_begin(output *self, const char *path);
/* Gives the file its name. If keep is false, or if not all of it could be written, an old file is unchanged. Does nothing for a file
 * that was not begun. */
int output_end(output *self, bool keep);

#endif
