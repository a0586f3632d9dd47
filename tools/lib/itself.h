/* itself.h - another command of this program, in a process of its own: what it does to a driver, or a driver to it, stays there. */
#ifndef SHUNT_TOOLS_ITSELF_H
#define SHUNT_TOOLS_ITSELF_H

/* Runs `shunt` with these arguments (ended by NULL), whose first is the command. Returns its exit status, or -1 when it crashed, was
 * silent for `seconds` or could not be started. *said: what it printed to both streams, or why it did not end; to be freed, NULL
 * without memory. */
int itself_run(const char *const *arguments, int seconds, char **said);

#endif
