/* trust.h - whether other users could have changed a folder or a file that this process relies on. */
#ifndef SHUNT_RUNTIME_TRUST_H
#define SHUNT_RUNTIME_TRUST_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

/* Whether it belongs to this process' user or to root, and neither its group nor others may write to it; else why not. */
bool trust_owner(const struct stat *about, char *reason, size_t size);

/* The same for a folder. A folder that does not exist or cannot be examined is trusted: nothing can come from it. */
bool trust_folder(const char *path, char *reason, size_t size);

#endif
