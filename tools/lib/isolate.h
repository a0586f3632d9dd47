/* isolate.h - runs code that may crash or hang, such as a driver's loading, in a child process. */
#ifndef SHUNT_TOOLS_ISOLATE_H
#define SHUNT_TOOLS_ISOLATE_H

#include <stdbool.h>
#include <stddef.h>

/* Writes its finding into text (size bytes, "" at first) and says whether all is well. */
typedef bool (*isolated_work)(const void *argument, char *text, size_t size);

/* Does the work in a child, silent on the standard streams, for at most `seconds`. False, with the reason in text, also
 * when the child crashed or did not end in time. The process should have no other threads yet. */
bool isolate(isolated_work work, const void *argument, int seconds, char *text, size_t size);

#endif
