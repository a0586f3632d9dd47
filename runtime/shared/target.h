/* target.h - which file a path names for a writer, and files that are written into because they cannot be replaced: devices, pipes,
 * descriptors that are open. target_posix.c, target_windows.c. Functions return 0 or errno's value; *reason is set where that does not say
 * it. */
#ifndef SHUNT_SHARED_TARGET_H
#define SHUNT_SHARED_TARGET_H

#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>

/* Follows the links of the path's last part, which may lead to a file that is not there yet. *whole: its path, with the folder, to be
 * freed; *descriptor: the one that is meant, or -1. */
int target_follow(const char *path, char **whole, int *descriptor);

/* Opens what is to be written into: the descriptor, or where it is -1, the path, which exists. *fd is a descriptor of its own. */
int target_open(const char *path, int descriptor, int *fd, const char **reason);

/* Copies the file into it. A reader that goes away is a failure, and does not end the process. */
int target_copy(FILE *from, int fd);

/* Makes the new file the old one's owner's, with its mode, as far as that is allowed. */
void target_inherit(int fd, const struct stat *old);

/* Gives the file, which is closed, another one's name, and lets that reach the disk. */
int target_rename(const char *from, const char *to);

#endif
