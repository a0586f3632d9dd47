/* bundle_units.c - the programs that ops of every kind need, on a CPU and as if it were a GPU, compile together: nothing that one unit
 * declares or defines reaches another, and nothing is warned of. So the lists of names that embed.py makes are complete.
 *
 * Linked with the plugin's own objects. Arguments: the kernel files. Exit status 77: there is no OpenCL driver for a CPU. */
#include "backends/opencl/bundle.h"
#include "runtime/verify/draw.h"
#include "runtime/verify/layout.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SKIPPED = 77, CASES = 12, FORMS = 2 /* of a source */, TOGETHER = 16, MOST = 256, LOG_CHARS = 1 << 16 };

/* Not of an op: they are built alone. */
static const char *const of_no_op[] = {"matrix_probe.cl", "wave_probe.cl", "measure.cl"};

static unsigned wrong;

/* ---- A host that keeps nothing ------------------------------------------------------------------------------------ */

static void hear(int level, const char *message)
{
    (void)level, (void)message;
}

static const char *option(const char *key)
{
    (void)key;
    return NULL;
}

static shunt_status cache_get(const char *space, const void *key, size_t nkey, void **blob, size_t *nblob)
{
    (void)space, (void)key, (void)nkey, (void)blob, (void)nblob;
    return SHUNT_E_NOT_FOUND;
}

static shunt_status cache_put(const char *space, const void *key, size_t nkey, const void *blob, size_t nblob)
{
    (void)space, (void)key, (void)nkey, (void)blob, (void)nblob;
    return SHUNT_OK;
}

static const shunt_host host = {.size = sizeof host,
                                .abi_major = SHUNT_ABI_MAJOR,
                                .abi_minor = SHUNT_ABI_MINOR,
                                .log = hear,
                                .option = option,
                                .cache_get = cache_get,
                                .cache_put = cache_put,
                                .cache_free = free};

/* ---- What ops need -------------------------------------------------------------------------------------------------- */

/* Makes the op with each candidate; the device notes what for. */
static void note_op(ocl_device *notes, const shunt_op_desc *desc)
{
    shunt_op_candidates all = {.size = sizeof all};
    shunt_prepare_options options = {.size = sizeof options, .ahead_inputs = 2, .later_outputs = 1};
    if (ocl_op_query(&notes->base, desc, &all)) return;
    for (uint32_t i = 0; i < all.count && !all.list[i].reason[0]; i++) {
        options.algorithm = all.list[i].algorithm;
        options.params = all.list[i].params;
        ocl_foresee_op(notes, desc, &options);
    }
}

static void note_all(ocl_device *notes)
{
    static const uint8_t types[] = {SHUNT_F32, SHUNT_F16, SHUNT_BF16};
    const shunt_device_info *info = &notes->found.info;
    for (uint32_t kind = 1; kind < SHUNT_OP_KINDS; kind++)
        for (uint64_t n = 0; n < CASES; n++)
            for (int t = 0; t < 3; t++) {
                const uint16_t block = (uint16_t)(n % 2 ? 1 : t ? info->block16 : info->block);
                shunt_op_desc drawn;
                draw_op(kind, 1, n, &drawn);
                const shunt_op_desc desc = layout_op(&drawn, types[t], block, block);
                note_op(notes, &desc);
            }
}

/* As it is; with blocks as for matrix units; as if it were the card of tests/offline. */
static void note_as_all(ocl_device *notes)
{
    shunt_device_info *info = &notes->found.info;
    note_all(notes);
    info->block = 16;
    info->block16 = 32;
    note_all(notes);
    info->block16 = 16;
    info->type = SHUNT_DEVICE_GPU;
    notes->found.limits = (ocl_limits){.units = 60, .float_width = 4, .group = 256, .local = 65536};
    note_all(notes);
}

/* At most FORMS units of each source, those of a source side by side. */
static uint32_t choose(const ocl_units *all, ocl_unit *chosen)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < all->count; i++) {
        bool met = false;
        for (uint32_t before = 0; before < i; before++) met = met || all->list[before].source == all->list[i].source;
        for (uint32_t j = i, forms = 0; j < all->count && !met && forms < FORMS && count < MOST; j++)
            if (all->list[j].source == all->list[i].source && ocl_bundle_takes(&all->list[j])) {
                chosen[count++] = all->list[j];
                forms++;
            }
    }
    return count;
}

static void expect_all(const ocl_unit *chosen, uint32_t count, char **paths)
{
    for (; *paths; paths++) {
        const char *slash = strrchr(*paths, '/'), *file = slash ? slash + 1 : *paths;
        bool found = false;
        for (size_t i = 0; i < sizeof of_no_op / sizeof *of_no_op; i++) found = found || !strcmp(of_no_op[i], file);
        for (uint32_t i = 0; i < count && !found; i++) found = !strcmp(chosen[i].source->name, file);
        if (!found) fprintf(stderr, "no drawn op needs %s\n", file);
        wrong += !found;
    }
}

/* ---- Together --------------------------------------------------------------------------------------------------------- */

/* Each kernel has the suffix of one of the units. */
static void expect_suffixes(cl_program program, const ocl_unit *units, uint32_t count)
{
    static char names[LOG_CHARS];
    if (clGetProgramInfo(program, CL_PROGRAM_KERNEL_NAMES, sizeof names, names, NULL)) names[0] = 0;
    unsigned kernels = 0;
    for (char *save, *name = strtok_r(names, ";", &save); name; name = strtok_r(NULL, ";", &save), kernels++) {
        bool found = false;
        for (uint32_t i = 0; i < count; i++) {
            char suffix[OCL_SUFFIX_CHARS];
            ocl_bundle_suffix(&units[i], suffix);
            found = found || (strlen(name) > strlen(suffix) && !strcmp(name + strlen(name) - strlen(suffix), suffix));
        }
        if (!found) fprintf(stderr, "%s is of no unit\n", name);
        wrong += !found;
    }
    if (kernels < count) fprintf(stderr, "%u kernels of %u units\n", kernels, count);
    wrong += kernels < count;
}

/* clang warns of vectors that are longer than the registers; an op gets none, but where the test states blocks that the device has not. */
static bool fits(const ocl_device *device, const ocl_unit *units, uint32_t count)
{
    for (uint32_t i = 0; i < count && device->found.limits.float_width < 16; i++)
        if (strstr(units[i].options, "-DV=16")) return false;
    return true;
}

static void expect_builds(const ocl_device *device, const ocl_unit *units, uint32_t count)
{
    static char log[LOG_CHARS];
    char *text = ocl_bundle_text(units, count);
    cl_program program =
        text ? clCreateProgramWithSource(device->context, 1, (const char *[]){text}, NULL, NULL) : NULL;
    const cl_int code =
        program ? clBuildProgram(program, 1, &device->id, "-cl-std=CL1.2", NULL, NULL) : CL_OUT_OF_HOST_MEMORY;
    if (program && clGetProgramBuildInfo(program, device->id, CL_PROGRAM_BUILD_LOG, sizeof log, log, NULL)) log[0] = 0;
    if (code || (strstr(log, "warning") && fits(device, units, count))) {
        fprintf(stderr, "%s: %s\n", ocl_code_name(code), log);
        for (uint32_t i = 0; i < count; i++) fprintf(stderr, "    %s %s\n", units[i].source->name, units[i].options);
        wrong++;
    } else {
        expect_suffixes(program, units, count);
    }
    if (program) clReleaseProgram(program);
    free(text);
}

static void expect_all_build(const ocl_device *device, const ocl_unit *units, uint32_t count)
{
    ocl_unit mixed[MOST];
    for (uint32_t at = 0; at < count; at += TOGETHER)
        expect_builds(device, &units[at], count - at < TOGETHER ? count - at : TOGETHER);
    /* The last forms in another order: those that are far from each other become neighbours. */
    uint32_t n = 0;
    for (uint32_t first = 0; first < 8; first++)
        for (uint32_t i = count - 1 - first; i < count; i -= 8)
            if (i == count - 1 || units[i + 1].source != units[i].source) mixed[n++] = units[i];
    for (uint32_t at = 0; at < n; at += TOGETHER)
        expect_builds(device, &mixed[at], n - at < TOGETHER ? n - at : TOGETHER);
}

/* ---- On a driver -------------------------------------------------------------------------------------------------------- */

static bool open_cpu(ocl_device *device)
{
    const ocl_found *found;
    uint32_t count;
    cl_int code;
    if (ocl_find_devices(&found, &count)) return false;
    for (; count > 0 && found->info.type != SHUNT_DEVICE_CPU; found++) count--;
    if (count == 0) return false;
    device->found = *found;
    device->id = found->id;
    const cl_context_properties properties[] = {CL_CONTEXT_PLATFORM, (cl_context_properties)found->platform, 0};
    device->context = clCreateContext(properties, 1, &device->id, NULL, NULL, &code);
    device->maps = device->context ? clCreateCommandQueue(device->context, device->id, 0, &code) : NULL;
    return device->maps;
}

int main(int argc, char **argv)
{
    ocl_units all = {0};
    static ocl_unit chosen[MOST];
    ocl_device device = {.foreseen = &all};
    if (!shunt_backend_entry(&host) || !open_cpu(&device)) return SKIPPED;
    note_as_all(&device);
    const uint32_t count = choose(&all, chosen);
    fprintf(stderr, "%u units noted, %u of them built\n", all.count, count);
    if (argc > 1) expect_all(chosen, count, argv + 1);
    expect_all_build(&device, chosen, count);
    clReleaseCommandQueue(device.maps);
    clReleaseContext(device.context);
    free(all.list);
    return wrong > 0;
}
