/* null_pointer.c - lacks a required pointer. */
#include "fake.h"

static const shunt_backend backend = {FAKE_BACKEND("lacking"), .device_info = NULL};

const shunt_backend *shunt_backend_entry(const shunt_host *host)
{
    (void)host;
    return &backend;
}
