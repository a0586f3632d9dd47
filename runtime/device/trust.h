/* trust.h - whether other people could have put something into a folder or a file that this process is to believe. */
#ifndef SHUNT_RUNTIME_TRUST_H
#define SHUNT_RUNTIME_TRUST_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

/* Whether it belongs to this process' user or to root, and neither its group nor others may write to it; else why not. */
bool trust_owner(const struct stat *about, char *reason, size_t size);

/* The same of a folder. One that is not there, or cannot be looked at, is trusted: nothing comes from it. */
bool trust_folder(const char *path, char *reason, size_t size);

#endif
