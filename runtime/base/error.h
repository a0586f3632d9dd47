/* error.h - how the library reports a failure: a status, and a message for this thread (shunt_last_error). */
#ifndef SHUNT_RUNTIME_ERROR_H
#define SHUNT_RUNTIME_ERROR_H

#include <shunt/shunt.h>

/* Sets this thread's message and returns status: `return error_fail(SHUNT_E_IO, "%s: %s", path, reason);`
 * One line: what was tried on which file or object, why it failed, what to do. */
shunt_status error_fail(shunt_status status, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Puts "CONTEXT: " before this thread's message and returns status, for callers that know more. */
shunt_status error_context(shunt_status status, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The status for an argument that must not be NULL: "FUNCTION: NULL where a pointer is needed (NAMES)". */
shunt_status error_null(const char *function, const char *names);

/* The status for running out of host memory, with its message. */
shunt_status error_memory(void);

/* For the child's handler of fork (device/fork_posix.c): no other thread holds the log's lock there. */
void log_after_fork(void);

/* To the log handler, if its level lets it through. */
void log_write(int level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
