/* bad_name.c - a name that could not be told from SHUNT_DEVICE's grammar. */
#include "fake.h"

static const shunt_backend backend = {FAKE_BACKEND("Bad:Name")};

const shunt_backend *shunt_backend_entry(const shunt_host *host)
{
    (void)host;
    return &backend;
}
