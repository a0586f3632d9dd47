/* null_entry.c - its entry returns NULL. */
#include "fake.h"

const shunt_backend *shunt_backend_entry(const shunt_host *host)
{
    (void)host;
    return NULL;
}
