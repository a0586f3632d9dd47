/* host_posix.c - see host.h. */
#include "host.h"
#include "scalar.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/utsname.h>
#include <unistd.h>

uint64_t scalar_memory(void)
{
    long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    return pages > 0 && page > 0 ? (uint64_t)pages * (uint64_t)page : UINT64_C(1) << 32;
}

void scalar_machine(char *text, size_t size)
{
    struct utsname machine;
    snprintf(text, size, "%s", uname(&machine) ? "host" : machine.machine);
}

void *scalar_alloc(uint64_t bytes)
{
    void *data;
    return posix_memalign(&data, SCALAR_ALIGNMENT, (size_t)bytes) ? NULL : data;
}

void scalar_free(void *data)
{
    free(data);
}
