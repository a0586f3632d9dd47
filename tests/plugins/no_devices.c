/* no_devices.c - a backend that finds no device, which is no error. */
#include "fake.h"

static shunt_status probe(uint32_t *ndevices)
{
    *ndevices = 0;
    return SHUNT_OK;
}

static const shunt_backend backend = {FAKE_BACKEND("empty"), .probe = probe};

const shunt_backend *shunt_backend_entry(const shunt_host *host)
{
    (void)host;
    return &backend;
}
