/* program.c - kernels get compiled once per device, source and options; the driver's binary is kept in the host's disk
 * cache under all that it depends on. A binary that is damaged or that the driver does not take any more costs a
 * compilation, never a failure: nothing but the source is trusted.
 *
 * PoCL keeps what it compiles in a cache of its own, and builds a source that is in there in 0.03 s. Asked for a binary, it compiles every
 * kernel of the program once more, for grids of any size; a binary starts in 0.001 s. With the option pocl_binaries "off" they are not
 * asked for: an entry without one notes that the kernels have been compiled and run. */
#include "cpu.h"
#include "opencl.h"

#include <stdlib.h>
#include <string.h>

struct ocl_program {
    ocl_program *next;
    const ocl_source *source;
    cl_program program;
    bool fresh, saved;
    char options[OCL_OPTIONS_CHARS];
};

/* ---- Binaries on disk ------------------------------------------------------------------------------------------ */

/* In front of the binary, because drivers crash on a damaged one. Alone: the driver has the binary. */
typedef struct header {
    char magic[8];
    uint64_t hash;
} header;

static const char magic[8] = "shunt-1";
static const char cache_name[] = "opencl-program";

/* FNV-1a */
static uint64_t hash_bytes(const void *bytes, size_t n)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (const unsigned char *at = bytes, *end = at + n; at < end; at++) hash = (hash ^ *at) * 0x100000001b3u;
    return hash;
}

/* All that a binary depends on: the processor (drivers for it give their device the same name on others that can do less), compute
 * units (of a sub-device), platform, device, driver, options, source; each text ends with its 0. The caller frees it; NULL without
 * memory. */
static char *make_key(const ocl_device *device, const ocl_source *source, const char *options, size_t *nkey)
{
    const shunt_device_info *info = &device->found.info;
    const char *parts[] = {info->platform, info->name, info->driver, options, source->text};
    enum { NPARTS = sizeof parts / sizeof *parts };
    const ocl_cpu cpu = ocl_cpu_look();
    const size_t fixed = sizeof cpu + sizeof device->found.limits.units;
    *nkey = fixed;
    for (int i = 0; i < NPARTS; i++) *nkey += strlen(parts[i]) + 1;
    char *key = malloc(*nkey);
    if (!key) return NULL;
    memcpy(key, &cpu, sizeof cpu);
    memcpy(key + sizeof cpu, &device->found.limits.units, sizeof device->found.limits.units);
    char *at = key + fixed;
    for (int i = 0; i < NPARTS; i++) at = stpcpy(at, parts[i]) + 1;
    return key;
}

static void release(cl_program *program)
{
    if (*program) clReleaseProgram(*program);
    *program = NULL;
}

/* Whether what the driver finds by itself is enough. */
static bool driver_keeps(const ocl_device *device)
{
    const char *choice = ocl_host->option("pocl_binaries");
    return ocl_is_pocl(&device->found.info) && choice && !strcmp(choice, "off");
}

/* A built program from the cache, or NULL; *kept: the driver has it. */
static cl_program load(const ocl_device *device, const char *key, size_t nkey, bool *kept)
{
    void *blob;
    size_t nblob;
    cl_program program = NULL;
    *kept = false;
    if (ocl_host->cache_get(cache_name, key, nkey, &blob, &nblob)) return NULL;
    header head;
    if (nblob == sizeof head) {
        memcpy(&head, blob, sizeof head);
        *kept = driver_keeps(device) && !memcmp(head.magic, magic, sizeof magic) && head.hash == hash_bytes(NULL, 0);
    } else if (nblob > sizeof head) {
        memcpy(&head, blob, sizeof head);
        const unsigned char *binary = (const unsigned char *)blob + sizeof head;
        size_t bytes = nblob - sizeof head;
        cl_int code = CL_INVALID_BINARY, loaded = CL_SUCCESS;
        if (!memcmp(head.magic, magic, sizeof magic) && head.hash == hash_bytes(binary, bytes))
            program = clCreateProgramWithBinary(device->context, 1, &device->id, &bytes, &binary, &loaded, &code);
        if (program && !code) code = loaded ? loaded : clBuildProgram(program, 1, &device->id, "", NULL, NULL);
        if (code) release(&program);
    }
    ocl_host->cache_free(blob);
    if (!program && !*kept)
        ocl_log(SHUNT_LOG_INFO, "opencl: a cached program is damaged or outdated; compiling it again");
    return program;
}

/* An entry of this binary, for which there is room behind the header. */
static void put(unsigned char *blob, size_t bytes, const char *key, size_t nkey)
{
    header head = {.hash = hash_bytes(blob + sizeof head, bytes)};
    memcpy(head.magic, magic, sizeof magic);
    memcpy(blob, &head, sizeof head);
    if (ocl_host->cache_put(cache_name, key, nkey, blob, sizeof head + bytes))
        ocl_log(SHUNT_LOG_INFO, "opencl: a program could not be cached");
}

/* Failures cost the next process a compilation. */
static void store(cl_program program, const char *key, size_t nkey)
{
    size_t bytes = 0;
    if (clGetProgramInfo(program, CL_PROGRAM_BINARY_SIZES, sizeof bytes, &bytes, NULL) || bytes == 0) return;
    unsigned char *blob = malloc(sizeof(header) + bytes), *binary = blob + sizeof(header);
    if (!blob) return;
    if (clGetProgramInfo(program, CL_PROGRAM_BINARIES, sizeof binary, &binary, NULL) == CL_SUCCESS)
        put(blob, bytes, key, nkey);
    free(blob);
}

/* Notes that the driver has it. */
static void store_note(const char *key, size_t nkey)
{
    unsigned char blob[sizeof(header)];
    put(blob, 0, key, nkey);
}

/* ---- Compiling --------------------------------------------------------------------------------------------------- */

/* The compiler's words as one line. The caller frees it; NULL when there are none. */
static char *build_log(cl_program program, cl_device_id id)
{
    size_t bytes;
    if (clGetProgramBuildInfo(program, id, CL_PROGRAM_BUILD_LOG, 0, NULL, &bytes) || bytes == 0) return NULL;
    char *text = calloc(1, bytes + 1);
    if (!text) return NULL;
    if (clGetProgramBuildInfo(program, id, CL_PROGRAM_BUILD_LOG, bytes, text, NULL)) text[0] = 0;
    for (char *at = text; *at; at++)
        if (*at == '\n' || *at == '\r') *at = ' ';
    return text;
}

static shunt_status compile(const ocl_device *device, const ocl_source *source, const char *options, cl_program *out)
{
    const char *text = source->text;
    char all[OCL_OPTIONS_CHARS + 32] = "-cl-std=CL1.2 ";
    strcat(all, options);
    cl_int code;
    cl_program program = clCreateProgramWithSource(device->context, 1, &text, NULL, &code);
    if (!program) return ocl_fail_context(ocl_failed("clCreateProgramWithSource", code), "%s", source->name);
    code = clBuildProgram(program, 1, &device->id, all, NULL, NULL);
    if (code) {
        char *words = build_log(program, device->id);
        release(&program);
        shunt_status status = ocl_fail(SHUNT_E_DEVICE, "%s with %s: clBuildProgram: %s: %s", source->name, all,
                                       ocl_code_name(code), words ? words : "no build log");
        free(words);
        return status;
    }
    *out = program;
    return SHUNT_OK;
}

/* From the cache or the compiler. */
static shunt_status build(const ocl_device *device, ocl_program *out)
{
    size_t nkey;
    char *key = make_key(device, out->source, out->options, &nkey);
    if (!key) return ocl_fail_memory();
    bool kept;
    out->program = load(device, key, nkey, &kept);
    free(key);
    if (out->program) return SHUNT_OK;
    out->fresh = !kept;
    if (out->fresh) ocl_log(SHUNT_LOG_DEBUG, "opencl: compiling %s with %s", out->source->name, out->options);
    return compile(device, out->source, out->options, &out->program);
}

/* A new entry at the head of the table. */
static shunt_status add_program(ocl_device *device, const ocl_source *source, const char *options)
{
    ocl_program *program = calloc(1, sizeof *program);
    if (!program) return ocl_fail_memory();
    program->source = source;
    strcpy(program->options, options);
    shunt_status status = build(device, program);
    if (status) {
        free(program);
        return status;
    }
    program->next = device->programs;
    device->programs = program;
    return SHUNT_OK;
}

shunt_status ocl_program_get(ocl_device *device, const ocl_source *source, const char *options, cl_program *out,
                             bool *fresh)
{
    shunt_status status = SHUNT_OK;
    pthread_mutex_lock(&device->lock);
    const ocl_program *at = device->programs;
    while (at && (at->source != source || strcmp(at->options, options))) at = at->next;
    if (!at) {
        status = add_program(device, source, options);
        at = device->programs;
    }
    if (!status) {
        *out = at->program;
        *fresh = at->fresh;
    }
    pthread_mutex_unlock(&device->lock);
    return status;
}

void ocl_programs_save(ocl_device *device)
{
    pthread_mutex_lock(&device->lock);
    for (ocl_program *at = device->programs; at; at = at->next) {
        if (!at->fresh || at->saved) continue;
        at->saved = true; /* or not, but once is enough */
        size_t nkey;
        char *key = make_key(device, at->source, at->options, &nkey);
        if (!key) continue;
        if (driver_keeps(device)) {
            store_note(key, nkey);
        } else {
            ocl_turn_begin(device, NULL);
            store(at->program, key, nkey);
            ocl_turn_end(device);
        }
        free(key);
    }
    pthread_mutex_unlock(&device->lock);
}

void ocl_programs_free(ocl_device *device)
{
    while (device->programs) {
        ocl_program *program = device->programs;
        device->programs = program->next;
        release(&program->program);
        free(program);
    }
}
