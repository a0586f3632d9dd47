/* newer_minor.c - a plugin of a later minor version: a longer table, of which this runtime knows the beginning. */
#include "fake.h"

static const struct later {
    shunt_backend known;
    void (*later)(void);
} backend = {{FAKE_BACKEND("newer"), .size = sizeof(struct later), .abi_minor = SHUNT_ABI_MINOR + 7}, NULL};

const shunt_backend *shunt_backend_entry(const shunt_host *host)
{
    (void)host;
    return &backend.known;
}
