/* child.h - a program that may crash or hang, run beside this one, and what it answers. child_posix.c, child_windows.c. */
#ifndef SHUNT_SHARED_CHILD_H
#define SHUNT_SHARED_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct child {
    intptr_t process, group; /* what the system knows it by */
    intptr_t answers;        /* the reading end of a pipe; -1: its end was seen */
    bool ended;              /* by itself */
    bool lost;               /* how it ended cannot be known, since the application collects all children itself */
} child;

/* Starts a program: its path and arguments, and its environment, both ended by NULL. Its standard streams lead nowhere, no descriptor of
 * this process but for the answers is open there, and no signal is blocked or ignored. Returns 0 or errno's value. */
int child_start(child *self, char *const arguments[], char *const environment[]);
/* Waits this long at most for its end or for something to read, and appends what it has answered to the text. The pipe may be held open
 * by processes that the child started, so its end is not waited for. */
void child_listen(child *self, int milliseconds, char *text, size_t *used, size_t size);
/* Kills it and what it started. how: "crashes: SIGNAL", "ends the process with exit status N"; meaningless unless `ended`. */
void child_end(child *self, char *how, size_t size);

/* In the child. It gets no core file, and ends after so many seconds or when its parent does. */
void child_confine(unsigned seconds);
bool child_answer(const char *text);
/* Ends it at once: no library gets a chance to hang or crash on the way out. */
_Noreturn void child_leave(int status);

#endif
