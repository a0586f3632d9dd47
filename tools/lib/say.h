/* say.h - lines that hold names from outside: errors, log lines, lines of the result; and the end of standard output.
 * Errors are one line on stderr: "shunt classify: cat.jpg: reason; what to do". */
#ifndef SHUNT_TOOLS_SAY_H
#define SHUNT_TOOLS_SAY_H

#include <shunt/shunt.h>

/* The sub-command's name for the lines to come. */
void say_as(const char *name);

/* Each prints its line and returns the exit status that fits: EXIT_FAILED, EXIT_USAGE. */
int say_failure(const char *format, ...) __attribute__((format(printf, 1, 2)));
int say_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The library's last message, after "SUBJECT: " unless subject is NULL or the message starts with it. */
int say_library_failure(const char *subject);

/* A line of the result, on stdout. It is made printable, whatever the names in it hold; so what prints a file's, a tensor's
 * or a label's name as text is this, or a table. */
void say_line(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* For shunt_set_log_handler. */
void say_log(void *context, int level, const char *message);
/* A line "info: ..." of the command's own; SHUNT_LOG=warn or error silences it. */
void say_info(const char *message);
/* A line "warning: ..." of the command's own; SHUNT_LOG=error silences it. */
void say_warning(const char *message);

/* Flushes and closes standard output: EXIT_FAILED when what was printed did not all arrive (a full disk), else `status`. */
int say_end(int status);

#endif
