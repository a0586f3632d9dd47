/* icd_crash.c - a driver that crashes while it is loaded, and is loud about it. */
#include <signal.h>
#include <stdio.h>

__attribute__((constructor)) static void crash(void)
{
    puts("about to crash");
    fflush(stdout);
    raise(SIGKILL);
}
