/* entry.c - the plugin's one symbol, and its one device: the processor, as oneDNN sees it. */
#include "onednn.h"

#include <omp.h>
#include <stdio.h>
#include <unistd.h>

/* The kernels that oneDNN 2.6.3 has for processors without AVX2 crash on some shapes (grouped and dilated ones). */
static shunt_status probe(uint32_t *ndevices)
{
    dnnl_cpu_isa_t isa = dnnl_get_effective_cpu_isa();
    bool old = isa != dnnl_cpu_isa_all && (isa & dnnl_cpu_isa_avx2) != dnnl_cpu_isa_avx2;
    *ndevices = !old && dnnl_engine_get_count(dnnl_cpu) > 0 ? 1 : 0;
    return SHUNT_OK;
}

static const char *isa_name(dnnl_cpu_isa_t isa)
{
    static const struct {
        dnnl_cpu_isa_t isa;
        const char *name;
    } names[] = {{dnnl_cpu_isa_avx512_core_amx, "AVX-512 with AMX"},
                 {dnnl_cpu_isa_avx512_core_bf16, "AVX-512 with BF16"},
                 {dnnl_cpu_isa_avx512_core_vnni, "AVX-512 with VNNI"},
                 {dnnl_cpu_isa_avx512_core, "AVX-512"},
                 {dnnl_cpu_isa_avx2, "AVX2"}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (isa != dnnl_cpu_isa_all && (isa & names[i].isa) == names[i].isa) return names[i].name;
    return "generic";
}

static uint64_t memory(void)
{
    long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    return pages > 0 && page > 0 ? (uint64_t)pages * (uint64_t)page : UINT64_C(1) << 32;
}

static shunt_status device_info(uint32_t index, shunt_device_info *out)
{
    if (index > 0) return onednn_fail(SHUNT_E_NOT_FOUND, "there is no onednn device %u; the only one is 0", index);
    const dnnl_version_t *version = dnnl_version();
    shunt_device_info info = {
        .size = sizeof info,
        .type = SHUNT_DEVICE_CPU,
        .vendor = "oneAPI",
        .score = 90, /* an OpenCL driver for the processor goes first: tuned, it is the faster one */
        .caps = SHUNT_CAP_HOST_MEMORY,
        .memory = memory(),
        .max_alloc = memory(),
        .alignment = ONEDNN_ALIGNMENT,
        .block = onednn_block(),
    };
    snprintf(info.name, sizeof info.name, "processor with %s, %d threads", isa_name(dnnl_get_effective_cpu_isa()),
             omp_get_max_threads());
    snprintf(info.platform, sizeof info.platform, "oneDNN %d.%d.%d", version->major, version->minor, version->patch);
    snprintf(info.driver, sizeof info.driver, "oneDNN %d.%d.%d (%.40s), shunt-onednn %s", version->major,
             version->minor, version->patch, version->hash, SHUNT_VERSION);
    shunt_struct_copy(out, &info);
    return SHUNT_OK;
}

/* What is compiled stays in a cache of the library's, which leak checkers see. */
static void shutdown(void)
{
    dnnl_set_primitive_cache_capacity(0);
}

static const shunt_backend backend = {
    .size = sizeof backend,
    .abi_major = SHUNT_ABI_MAJOR,
    .abi_minor = SHUNT_ABI_MINOR,
    .name = "onednn",
    .version = SHUNT_VERSION,
    .probe = probe,
    .device_info = device_info,
    .device_open = onednn_device_open,
    .last_error = onednn_last_error,
    .shutdown = shutdown,
};

__attribute__((visibility("default"))) const shunt_backend *shunt_backend_entry(const shunt_host *host)
{
    return host && host->abi_major == SHUNT_ABI_MAJOR ? &backend : NULL;
}
