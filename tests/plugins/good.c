/* good.c - three devices whose best score, order and firm's name point to different ones. */
#include "fake.h"

static shunt_status probe(uint32_t *ndevices)
{
    *ndevices = 3;
    return SHUNT_OK;
}

static shunt_status device_info(uint32_t index, shunt_device_info *out)
{
    if (index == 0) fake_describe(out, SHUNT_DEVICE_CPU, "AMD EPYC 7763", "AuthenticAMD", 100);
    if (index == 1) fake_describe(out, SHUNT_DEVICE_GPU, "gfx90a", "AMD", 50);
    if (index == 2) fake_describe(out, SHUNT_DEVICE_GPU, "Arc A770", "Intel", 1000);
    return SHUNT_OK;
}

static const shunt_backend backend = {FAKE_BACKEND("good"), .version = "2.5-good", .probe = probe,
                                      .device_info = device_info};

const shunt_backend *shunt_backend_entry(const shunt_host *host)
{
    (void)host;
    return &backend;
}
