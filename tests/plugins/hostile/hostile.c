/* hostile.c - a plugin that takes the process with it when it is asked for devices: HOSTILE says how. Where a file lies
 * beside it whose name is its own and ".pid", a process that it leaves behind writes its number there. */
#include "../fake.h"

#include <dlfcn.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

enum { CRASH, EXIT, EXIT_3, HANG, CHILD };

/* A child that holds all descriptors open, as a driver's server may. */
static inline void leave_child(void)
{
    static const char here;
    Dl_info self;
    char name[512];
    if (fork() != 0 || !dladdr(&here, &self)) return;
    snprintf(name, sizeof name, "%s.pid", self.dli_fname);
    FILE *file = fopen(name, "w");
    if (file) fprintf(file, "%d\n", (int)getpid());
    if (file) fclose(file);
    for (;;) pause();
}

static shunt_status probe(uint32_t *count)
{
    *count = 1;
    if (HOSTILE == CRASH) {
        signal(SIGSEGV, SIG_DFL); /* a sanitizer's handler would turn it into an exit */
        raise(SIGSEGV);
    }
    if (HOSTILE == EXIT) exit(0);
    if (HOSTILE == EXIT_3) _exit(3);
    if (HOSTILE == HANG) pause();
    if (HOSTILE == CHILD) {
        leave_child();
        exit(0);
    }
    return SHUNT_OK;
}

static const shunt_backend backend = {FAKE_BACKEND("hostile"), .probe = probe};

FAKE_EXPORT const shunt_backend *shunt_backend_entry(const shunt_host *host)
{
    (void)host;
    return &backend;
}
