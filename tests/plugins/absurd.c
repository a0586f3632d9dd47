/* absurd.c - devices that report nonsense: one that can be shown all the same, and ones that cannot be used. */
#include "fake.h"

static shunt_status probe(uint32_t *ndevices)
{
    *ndevices = 8;
    return SHUNT_OK;
}

static shunt_status device_info(uint32_t index, shunt_device_info *out)
{
    fake_describe(out, SHUNT_DEVICE_CPU, "plain", "Nobody", -5);
    switch (index) {
    case 0:
        memset(out->vendor, 'v', sizeof out->vendor); /* no end */
        snprintf(out->name, sizeof out->name, "a\x1b[31mb\nc\xff\xc2\x9b\xc3\xa9");
        out->score = 1000000000;
        out->type = 77;
        out->max_alloc = UINT64_MAX;
        break;
    case 1:
        out->memory = 0;
        break;
    case 2:
        out->max_alloc = 0;
        break;
    case 3:
        out->alignment = 24;
        break;
    case 4:
        out->alignment = 0;
        break;
    case 5:
        out->block = 1u << 31;
        break;
    case 6:
        return fake_fail(SHUNT_E_DEVICE, "device lost");
    default:
        out->name[0] = 0;
    }
    return SHUNT_OK;
}

static const shunt_backend backend = {FAKE_BACKEND("absurd"), .probe = probe, .device_info = device_info};

const shunt_backend *shunt_backend_entry(const shunt_host *host)
{
    (void)host;
    return &backend;
}
