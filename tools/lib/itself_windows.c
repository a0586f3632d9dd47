/* itself_windows.c - see itself.h. No process is started, as supervise_windows.c has none; shunt report then says why. */
#include "itself.h"

#include <string.h>

int itself_run(const char *const *arguments, int seconds, char **said)
{
    (void)arguments, (void)seconds;
    *said = strdup("on Windows this is not run yet: it needs a process of its own");
    return -1;
}
