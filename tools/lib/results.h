/* results.h - where the result of each of several pictures is written: a file, or a folder of files with the pictures' names. */
#ifndef SHUNT_TOOLS_RESULTS_H
#define SHUNT_TOOLS_RESULTS_H

#include "pictures.h"

typedef struct result_paths {
    char **paths; /* one a picture; NULL: no results are wanted */
    size_t count;
} result_paths;

/* wanted: a file for one picture's result; a folder, which is made, if it ends in '/', is one already, or if there are several pictures;
 * NULL: no results. In a folder street.jpg's is street.png. Fails if a result would replace its picture, or two have one name. Returns an EXIT_
 * number after printing why it is not EXIT_OK. */
int results_place(const char *option, const char *wanted, const picture_paths *pictures, result_paths *out);
void results_free(result_paths *self);

#endif
