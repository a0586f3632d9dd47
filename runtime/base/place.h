/* place.h - where the library lies, and from there what was installed with it: an installation may be moved as a whole. */
#ifndef SHUNT_BASE_PLACE_H
#define SHUNT_BASE_PLACE_H

#include <stdbool.h>

enum { PLACE_CHARS = 4000 };

/* The folder of the file that holds this code: libshunt.so, or a program that was linked with the static library. */
bool place_own_folder(char folder[PLACE_CHARS]);

/* The folders of plugins and of data: from the library's own place if it is installed, that is, if the helper program lies where the
 * installation puts it; else as configured when it was built. */
const char *place_plugins(void);
const char *place_data(void);

/* Whether a file is called as plugins are. */
bool place_is_plugin(const char *file);

#endif
