/* helper.h - the helper program shunt-probe, which loads a plugin and asks for its devices in a process of its own. */
#ifndef SHUNT_RUNTIME_HELPER_H
#define SHUNT_RUNTIME_HELPER_H

#include <stdbool.h>
#include <stddef.h>

/* The helper's answers. */
#define HELPER_GREETING "shunt-probe " SHUNT_VERSION "\n"
#define HELPER_DONE "done\n"

typedef enum helper_verdict {
    HELPER_SAFE,
    HELPER_UNSAFE,  /* the plugin crashed or ended the process */
    HELPER_SLOW,    /* it was not done in time, which may be different next time */
    HELPER_UNUSABLE /* the helper itself does not work: nothing is known of the plugin */
} helper_verdict;

/* The helper's path: the option "probe_helper", or the program installed with the library. */
bool helper_find(char *path, size_t size);

/* Takes as long as the plugin, at most the option "probe_seconds" (default: 10). reason: why the plugin is not safe. */
helper_verdict helper_run(const char *helper, const char *plugin, char *reason, size_t size);

#endif
