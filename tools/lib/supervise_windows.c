/* supervise_windows.c - see supervise.h. Workers need fork(), so there are none here. */
#include "supervise.h"
#include "say.h"

worker_end supervise(const worker *self, int *result)
{
    (void)self;
    *result = 0;
    say_failure("it is not built for Windows, where its trials cannot have a process of their own yet");
    return WORKER_NONE;
}

const char *supervise_signal(int number)
{
    (void)number;
    return "a signal";
}
