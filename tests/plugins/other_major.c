/* other_major.c - speaks another major version of the ABI, whose table may look like anything. */
#include "fake.h"

static const shunt_backend backend = {
    .size = sizeof backend, .abi_major = SHUNT_ABI_MAJOR + 1, .name = (const char *)8};

const shunt_backend *shunt_backend_entry(const shunt_host *host)
{
    (void)host;
    return &backend;
}
