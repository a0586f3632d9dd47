/* scalar.c - the built-in backend's entry: one device, the processor that runs the program. */
#include "host.h"
#include "scalar.h"

#include <stdio.h>
#include <string.h>

#if defined(__clang__)
#define COMPILER __VERSION__
#else
#define COMPILER "GCC " __VERSION__
#endif

const shunt_backend *scalar_entry(const shunt_host *host);

static shunt_status probe(uint32_t *ndevices)
{
    if (!ndevices) return scalar_fail(SHUNT_E_INVALID, "probe: ndevices is NULL");
    *ndevices = 1;
    return SHUNT_OK;
}

static shunt_status device_info(uint32_t index, shunt_device_info *out)
{
    if (index > 0) return scalar_fail(SHUNT_E_NOT_FOUND, "there is no scalar device %u; the only one is 0", index);
    if (!out) return scalar_fail(SHUNT_E_INVALID, "device_info: out is NULL");
    char machine[64];
    scalar_machine(machine, sizeof machine);
    uint64_t memory = scalar_memory();
    shunt_device_info info = {
        .size = sizeof info,
        .type = SHUNT_DEVICE_CPU,
        .vendor = "Shunt",
        .platform = "plain C with OpenMP",
        .driver = "scalar " SHUNT_VERSION ", " COMPILER,
        .score = 10,
        .caps = SHUNT_CAP_HOST_MEMORY,
        .memory = memory,
        .max_alloc = memory,
        .alignment = SCALAR_ALIGNMENT,
        .block = SHUNT_PLAIN,
        .dtypes = 1u << SHUNT_F64 | 1u << SHUNT_F16 | 1u << SHUNT_BF16,
    };
    snprintf(info.name, sizeof info.name, "%s processor, %d threads", machine, scalar_default_threads());
    shunt_struct_copy(out, &info);
    return SHUNT_OK;
}

static const shunt_backend backend = {
    .size = sizeof backend,
    .abi_major = SHUNT_ABI_MAJOR,
    .abi_minor = SHUNT_ABI_MINOR,
    .name = "scalar",
    .version = SHUNT_VERSION,
    .probe = probe,
    .device_info = device_info,
    .device_open = scalar_device_open,
    .last_error = scalar_last_error,
};

const shunt_backend *scalar_entry(const shunt_host *host)
{
    return host && host->abi_major == SHUNT_ABI_MAJOR ? &backend : NULL;
}
