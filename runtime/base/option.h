/* option.h - strings from outside the process that outlive their source. */
#ifndef SHUNT_RUNTIME_OPTION_H
#define SHUNT_RUNTIME_OPTION_H

#include <shunt/shunt.h>
#include <stdbool.h>

/* An environment variable that is not a SHUNT_ option (HOME, XDG_CACHE_HOME). NULL if it is unset or empty, and in a process that
 * was started with raised rights (setuid, file capabilities). Lives as long as the process. */
const char *option_environment(const char *name);

/* The environment for a child program, with this process's options: a list ended by NULL. Free the list, not its strings. NULL
 * without memory. */
char **options_environment(void);

/* Its lines "NAME=value" that begin with one of these prefixes, but not with one of the others, sorted. Prefixes are divided
 * by ':'. To be freed; NULL without memory. */
char *option_environment_lines(const char *prefixes, const char *but);

/* A copy of text that lives until shunt_shutdown, the same for equal texts; NULL without memory. */
const char *option_intern(const char *text);

/* For the child's handler of fork (device/fork_posix.c): no other thread holds the options' lock there. */
void options_after_fork(void);

/* For shunt_shutdown. */
void options_free(void);

#endif
