/* progress.h - a progress line on stderr for work that takes over a second; nothing if stderr is not a terminal.
 * One at a time. A thread of its own draws it, so it moves during one long step (compiling kernels), too. */
#ifndef SHUNT_TOOLS_PROGRESS_H
#define SHUNT_TOOLS_PROGRESS_H

#include <stdint.h>

/* total 0: how much there is to do is not known; only the time is shown. */
void progress_begin(const char *label, uint64_t total);
void progress_advance(uint64_t by);
/* Text after the bar, at most 80 characters; "" removes it. */
void progress_note(const char *format, ...) __attribute__((format(printf, 1, 2)));
void progress_end(void);
/* For shunt_set_prepare_handler: a note in the line that there is, or else a line of its own. */
void progress_preparing(void *context, uint32_t done, uint32_t total);

/* Removes the progress line while something else is written to the terminal. */
void progress_lock(void);
void progress_unlock(void);

#endif
