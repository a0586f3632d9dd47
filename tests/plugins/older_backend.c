/* older_backend.c - a table that ends before the optional pointers; what lies behind must not be called. */
#include "fake.h"

#include <stdlib.h>

static const shunt_backend backend = {FAKE_BACKEND("older"), .size = offsetof(shunt_backend, extension),
                                      .shutdown = abort};

const shunt_backend *shunt_backend_entry(const shunt_host *host)
{
    (void)host;
    return &backend;
}
