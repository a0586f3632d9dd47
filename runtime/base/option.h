/* option.h - strings from outside the process that outlive their source. */
#ifndef SHUNT_RUNTIME_OPTION_H
#define SHUNT_RUNTIME_OPTION_H

#include <shunt/shunt.h>
#include <stdbool.h>

/* An environment variable that is no SHUNT_ option (HOME, XDG_CACHE_HOME); NULL when unset or empty, and in
 * a process whose rights were raised when it started (setuid, file capabilities). Lives on. */
const char *shunt_environment(const char *name);

/* A copy of text that lives until shunt_shutdown, the same for equal texts; NULL without memory. */
const char *shunt_intern(const char *text);

/* For shunt_shutdown. */
void shunt_options_free(void);

#endif
