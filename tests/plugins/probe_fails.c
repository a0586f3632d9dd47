/* probe_fails.c - its driver does not answer. */
#include "fake.h"

static shunt_status probe(uint32_t *ndevices)
{
    (void)ndevices;
    return fake_fail(SHUNT_E_DEVICE, "fakeGetPlatforms: driver asleep\n(code -1)");
}

static const shunt_backend backend = {FAKE_BACKEND("asleep"), .probe = probe};

const shunt_backend *shunt_backend_entry(const shunt_host *host)
{
    (void)host;
    return &backend;
}
