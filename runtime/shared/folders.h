/* folders.h - mkdir -p. */
#ifndef SHUNT_SHARED_FOLDERS_H
#define SHUNT_SHARED_FOLDERS_H

#include <stddef.h>
#include <sys/types.h>

/* Makes the folder and those above it that are missing, each with this mode (less the umask). Returns 0, or errno's value;
 * *length then is how much of the path is the folder that could not be made. ENOTDIR: there is a file of that name. */
int make_folders(const char *path, mode_t mode, size_t *length);

#endif
