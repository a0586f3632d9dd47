/* cached.c - see cached.h. */
#include "cached.h"

#include "cpu.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* In front of what an entry holds, because drivers crash on a damaged binary. Alone: the driver has the program. */
typedef struct header {
    char magic[8];
    uint64_t hash;
} header;

static const char magic[8] = "shunt-1";

/* What an entry holds: the binary of a unit, or nothing; the number of the unit's bundle; the binary of a bundle; its text. */
static const char unit_binaries[] = "opencl-program", unit_bundles[] = "opencl-unit",
                  bundle_binaries[] = "opencl-bundle", bundle_texts[] = "opencl-text";

/* An entry: its name space, and all that it depends on: the processor (drivers for it give their device the same name on others that can do
 * less), compute units (of a sub-device), platform, device, driver, options, source; each text ends with its 0. */
typedef struct place {
    const char *space;
    char *key; /* freed by its user; NULL: out of memory */
    size_t nkey;
} place;

static place place_of(const ocl_device *device, const char *space, const char *options, const char *source)
{
    const shunt_device_info *info = &device->found.info;
    const char *parts[] = {info->platform, info->name, info->driver, options, source};
    enum { NPARTS = sizeof parts / sizeof *parts };
    const ocl_cpu cpu = ocl_cpu_look();
    const size_t fixed = sizeof cpu + sizeof device->found.limits.units;
    place made = {space, NULL, fixed};
    for (int i = 0; i < NPARTS; i++) made.nkey += strlen(parts[i]) + 1;
    made.key = malloc(made.nkey);
    if (!made.key) return made;
    memcpy(made.key, &cpu, sizeof cpu);
    memcpy(made.key + sizeof cpu, &device->found.limits.units, sizeof device->found.limits.units);
    char *at = made.key + fixed;
    for (int i = 0; i < NPARTS; i++) at = stpcpy(at, parts[i]) + 1;
    return made;
}

static place unit_place(const ocl_device *device, const char *space, const ocl_unit *unit)
{
    return place_of(device, space, unit->options, unit->source->text);
}

static place bundle_place(const ocl_device *device, const char *space, uint64_t number)
{
    char name[24];
    snprintf(name, sizeof name, "%016" PRIx64, number);
    return place_of(device, space, "", name);
}

static void outdated(void)
{
    ocl_log(SHUNT_LOG_INFO, "opencl: a cached program is damaged or outdated; compiling it again");
}

/* What the entry holds, which ocl_host->cache_free takes with its header; NULL: there is none. */
static const header *get(place from, size_t *bytes)
{
    void *blob = NULL;
    size_t nblob = 0;
    header head;
    if (!from.key || ocl_host->cache_get(from.space, from.key, from.nkey, &blob, &nblob)) return NULL;
    if (nblob >= sizeof head) {
        memcpy(&head, blob, sizeof head);
        *bytes = nblob - sizeof head;
        if (!memcmp(head.magic, magic, sizeof magic) && head.hash == ocl_hash((const char *)blob + sizeof head, *bytes))
            return blob;
    }
    ocl_host->cache_free(blob);
    outdated();
    return NULL;
}

static void put(place to, const void *content, size_t bytes)
{
    unsigned char *blob = malloc(sizeof(header) + bytes);
    if (to.key && blob) {
        header head = {.hash = ocl_hash(content, bytes)};
        memcpy(head.magic, magic, sizeof magic);
        memcpy(blob, &head, sizeof head);
        memcpy(blob + sizeof head, content, bytes);
        if (ocl_host->cache_put(to.space, to.key, to.nkey, blob, sizeof head + bytes))
            ocl_log(SHUNT_LOG_INFO, "opencl: a program could not be cached");
    }
    free(blob);
}

/* Whether what the driver finds by itself is enough. */
static bool driver_keeps(const ocl_device *device)
{
    const char *choice = ocl_host->option("pocl_binaries");
    return ocl_is_pocl(&device->found.info) && !(choice && !strcmp(choice, "on"));
}

/* ---- Binaries ---- */

/* NULL: the driver does not take it. */
static cl_program load(const ocl_device *device, const unsigned char *binary, size_t bytes)
{
    cl_int code, loaded = CL_SUCCESS;
    cl_program program = clCreateProgramWithBinary(device->context, 1, &device->id, &bytes, &binary, &loaded, &code);
    if (!program) return NULL;
    code = loaded ? loaded : clBuildProgram(program, 1, &device->id, "", NULL, NULL);
    if (!code) return program;
    clReleaseProgram(program);
    return NULL;
}

/* *kept: an entry without one is there. */
static cl_program get_binary(const ocl_device *device, place from, bool *kept)
{
    size_t bytes = 0;
    cl_program program = NULL;
    const header *found = get(from, &bytes);
    *kept = found && bytes == 0;
    if (!found) return NULL;
    if (bytes > 0) program = load(device, (const unsigned char *)(found + 1), bytes);
    ocl_host->cache_free((void *)found);
    if (bytes > 0 && !program) outdated();
    return program;
}

/* Failures cost the next process a compilation. */
static void put_binary(const ocl_device *device, place to, cl_program program)
{
    size_t bytes = 0;
    ocl_turn_begin(device, NULL);
    if (clGetProgramInfo(program, CL_PROGRAM_BINARY_SIZES, sizeof bytes, &bytes, NULL)) bytes = 0;
    unsigned char *binary = bytes ? malloc(bytes) : NULL;
    const bool got =
        binary && clGetProgramInfo(program, CL_PROGRAM_BINARIES, sizeof binary, &binary, NULL) == CL_SUCCESS;
    ocl_turn_end(device);
    if (got) put(to, binary, bytes);
    free(binary);
}

/* ---- Programs of one unit ---- */

cl_program ocl_cached_program(const ocl_device *device, const ocl_unit *unit, bool *kept)
{
    const place from = unit_place(device, unit_binaries, unit);
    cl_program program = get_binary(device, from, kept);
    *kept = *kept && driver_keeps(device);
    free(from.key);
    return program;
}

void ocl_cached_keep_program(const ocl_device *device, const ocl_unit *unit, cl_program program)
{
    const place to = unit_place(device, unit_binaries, unit);
    if (driver_keeps(device))
        put(to, "", 0);
    else
        put_binary(device, to, program);
    free(to.key);
}

/* ---- Bundles ---- */

uint64_t ocl_cached_bundle_of(const ocl_device *device, const ocl_unit *unit)
{
    uint64_t number = 0;
    size_t bytes = 0;
    const place from = unit_place(device, unit_bundles, unit);
    const header *found = get(from, &bytes);
    if (found && bytes == sizeof number) memcpy(&number, found + 1, sizeof number);
    if (found) ocl_host->cache_free((void *)found);
    free(from.key);
    return number;
}

static char *get_text(place from)
{
    size_t bytes = 0;
    const header *found = get(from, &bytes);
    if (!found) return NULL;
    char *text = strndup((const char *)(found + 1), bytes);
    ocl_host->cache_free((void *)found);
    return text;
}

cl_program ocl_cached_bundle(const ocl_device *device, uint64_t number, char **text)
{
    const bool keeps = driver_keeps(device);
    const place from = bundle_place(device, keeps ? bundle_texts : bundle_binaries, number);
    bool kept;
    *text = keeps ? get_text(from) : NULL;
    cl_program program = keeps ? NULL : get_binary(device, from, &kept);
    free(from.key);
    return program;
}

uint64_t ocl_cached_keep_bundle(const ocl_device *device, const ocl_unit *units, uint32_t count, const char *text,
                                cl_program program)
{
    const bool keeps = driver_keeps(device);
    const uint64_t number = ocl_hash(text, strlen(text));
    const place to = bundle_place(device, keeps ? bundle_texts : bundle_binaries, number);
    if (keeps)
        put(to, text, strlen(text));
    else
        put_binary(device, to, program);
    free(to.key);
    for (uint32_t i = 0; i < count; i++) {
        const place unit = unit_place(device, unit_bundles, &units[i]);
        put(unit, &number, sizeof number);
        free(unit.key);
    }
    return number;
}
