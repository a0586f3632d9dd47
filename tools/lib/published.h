/* published.h - weights that others have published, and where pulled ones are stored. */
#ifndef SHUNT_TOOLS_PUBLISHED_H
#define SHUNT_TOOLS_PUBLISHED_H

#include <stdbool.h>

typedef struct published {
    const char *name;  /* what shunt pull calls it */
    const char *model; /* what it is the weights of */
    const char *url;   /* its file's name has the first 8 digits of its SHA-256 */
    const char *preset;
    const char *errors; /* top-1/top-5, as published */
} published;

extern const published published_weights[]; /* ended by one without a name */

/* By its name, or by its file's. NULL: not listed. */
const published *published_find(const char *name);
const published *published_of_file(const char *path);

/* Where the model's weights are kept, to be freed: CACHE/weights/MODEL. Prints why when there is no such place. */
char *pulled_folder(const char *model);
/* The path of the model's weights that were pulled last, to be freed; NULL: none. */
char *pulled_find(const char *model);
/* The path of the trained network that comes with Shunt, to be freed; NULL: it is of another model, or not there. model
 * NULL: any will do. */
char *shipped_find(const char *model);

#endif
