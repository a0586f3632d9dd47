/* entry.c - the plugin's one exported symbol: hands out the backend's table and keeps the host's. */
#include "opencl.h"

const shunt_host *ocl_host;

static shunt_status probe(uint32_t *ndevices)
{
    const ocl_found *found;
    return ocl_find_devices(&found, ndevices);
}

static shunt_status device_info(uint32_t index, shunt_device_info *out)
{
    const ocl_found *found;
    uint32_t count;
    shunt_status status = ocl_find_devices(&found, &count);
    if (status) return status;
    if (index >= count) return ocl_fail(SHUNT_E_NOT_FOUND, "no OpenCL device %u: there are %u", index, count);
    shunt_struct_copy(out, &found[index].info);
    return SHUNT_OK;
}

static const shunt_backend backend = {
    .size = sizeof(shunt_backend),
    .abi_major = SHUNT_ABI_MAJOR,
    .abi_minor = SHUNT_ABI_MINOR,
    .name = "opencl",
    .version = SHUNT_VERSION,
    .probe = probe,
    .device_info = device_info,
    .device_open = ocl_device_open,
    .last_error = ocl_last_error,
    .extension = ocl_extension,
};

__attribute__((visibility("default"))) const shunt_backend *shunt_backend_entry(const shunt_host *host)
{
    static shunt_host services = {.size =
                                      sizeof services}; /* a host that is older than this plugin has a shorter table */
    if (host->abi_major != SHUNT_ABI_MAJOR) return NULL;
    shunt_struct_copy(&services, host);
    ocl_host = &services;
    return &backend;
}
