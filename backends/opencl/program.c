/* program.c - kernels get compiled once per device, source and options; what was compiled is kept in the host's disk cache (cached.c). What is
 * known to be needed is compiled together (bundle.c). */
#include "bundle.h"
#include "cached.h"

#include <stdlib.h>
#include <string.h>

enum { BUNDLE_MOST = 16 /* units: a later process may want few of them, and loads all */ };

struct ocl_program {
    ocl_program *next;
    ocl_unit unit;
    ocl_built built;
    uint64_t bundle; /* its number; 0: the program is the unit's own */
    bool saved;
};

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

static shunt_status compile(const ocl_device *device, const char *name, const char *text, const char *options,
                            cl_program *out)
{
    char all[OCL_OPTIONS_CHARS + 32] = "-cl-std=CL1.2 ";
    strcat(all, options);
    cl_int code;
    cl_program program = clCreateProgramWithSource(device->context, 1, &text, NULL, &code);
    if (!program) return ocl_fail_context(ocl_failed("clCreateProgramWithSource", code), "%s", name);
    code = clBuildProgram(program, 1, &device->id, all, NULL, NULL);
    if (code) {
        char *words = build_log(program, device->id);
        clReleaseProgram(program);
        shunt_status status = ocl_fail(SHUNT_E_DEVICE, "%s with %s: clBuildProgram: %s: %s", name, all,
                                       ocl_code_name(code), words ? words : "no build log");
        free(words);
        return status;
    }
    *out = program;
    return SHUNT_OK;
}

/* ---- The table ----------------------------------------------------------------------------------------------------- */

static ocl_program *find(const ocl_device *device, const ocl_source *source, const char *options)
{
    ocl_program *at = device->programs;
    while (at && !ocl_same_unit(&at->unit, source, options)) at = at->next;
    return at;
}

/* A new entry at the head of the table, which takes the program over; NULL without memory. */
static ocl_program *add(ocl_device *device, const ocl_unit *unit, cl_program program, uint64_t bundle, bool fresh)
{
    ocl_program *made = calloc(1, sizeof *made);
    if (!made) {
        clReleaseProgram(program);
        ocl_fail_memory();
        return NULL;
    }
    made->unit = *unit;
    made->built = (ocl_built){.program = program, .fresh = fresh};
    made->bundle = bundle;
    if (bundle) ocl_bundle_suffix(unit, made->built.suffix);
    made->next = device->programs;
    device->programs = made;
    return made;
}

/* The same for another unit of a bundle. */
static ocl_program *add_part(ocl_device *device, const ocl_unit *unit, cl_program bundle, uint64_t number, bool fresh)
{
    return clRetainProgram(bundle) ? NULL : add(device, unit, bundle, number, fresh);
}

/* ---- Bundles ------------------------------------------------------------------------------------------------------- */

/* What the cache has of bundle `number`, or NULL. */
static cl_program load_bundle(const ocl_device *device, uint64_t number)
{
    char *text;
    cl_program program = ocl_cached_bundle(device, number, &text);
    if (text && compile(device, "a bundle", text, "", &program)) program = NULL;
    free(text);
    return program;
}

/* The unit from its bundle, if the cache knows one. */
static ocl_program *recall(ocl_device *device, const ocl_unit *unit)
{
    const uint64_t number = ocl_cached_bundle_of(device, unit);
    if (!number) return NULL;
    for (const ocl_program *at = device->programs; at; at = at->next)
        if (at->bundle == number) return add_part(device, unit, at->built.program, number, at->built.fresh);
    cl_program program = load_bundle(device, number);
    return program ? add(device, unit, program, number, false) : NULL;
}

/* If they do not build together, each is built when it is asked for. */
static void make_bundle(ocl_device *device, const ocl_unit *units, uint32_t count)
{
    cl_program program;
    char *text = ocl_bundle_text(units, count);
    if (!text) return;
    ocl_log(SHUNT_LOG_DEBUG, "opencl: compiling %u sources as one", count);
    if (compile(device, "a bundle", text, "", &program)) {
        ocl_log(SHUNT_LOG_DEBUG, "opencl: each alone, as together they do not build: %s", ocl_last_error());
    } else {
        const uint64_t number = ocl_cached_keep_bundle(device, units, count, text, program);
        for (uint32_t i = 0; i < count; i++) add_part(device, &units[i], program, number, true);
        clReleaseProgram(program);
    }
    free(text);
}

/* Whether it is there already, or will be without the compiler. */
static bool is_known(ocl_device *device, const ocl_unit *unit)
{
    bool kept;
    if (find(device, unit->source, unit->options) || recall(device, unit)) return true;
    cl_program own = ocl_cached_program(device, unit, &kept);
    return own ? add(device, unit, own, 0, false) != NULL : kept;
}

void ocl_programs_foresee(ocl_device *device, const ocl_units *units)
{
    ocl_units fresh = {0};
    pthread_mutex_lock(&device->lock);
    for (uint32_t i = 0; i < units->count; i++)
        if (ocl_bundle_takes(&units->list[i]) && !is_known(device, &units->list[i]))
            ocl_units_add(&fresh, units->list[i].source, units->list[i].options);
    for (uint32_t at = 0, count; at < fresh.count; at += count) {
        count = fresh.count - at < BUNDLE_MOST ? fresh.count - at : BUNDLE_MOST;
        if (count > 1) make_bundle(device, &fresh.list[at], count);
    }
    pthread_mutex_unlock(&device->lock);
    free(fresh.list);
}

/* ---- One by one ------------------------------------------------------------------------------------------------------ */

/* A program of its own, from the cache or the compiler. */
static shunt_status add_own(ocl_device *device, const ocl_unit *unit, ocl_program **out)
{
    bool kept;
    cl_program program = ocl_cached_program(device, unit, &kept);
    const bool fresh = !program && !kept;
    if (fresh) ocl_log(SHUNT_LOG_DEBUG, "opencl: compiling %s with %s", unit->source->name, unit->options);
    shunt_status status =
        program ? SHUNT_OK : compile(device, unit->source->name, unit->source->text, unit->options, &program);
    if (status) return status;
    *out = add(device, unit, program, 0, fresh);
    return *out ? SHUNT_OK : SHUNT_E_MEMORY;
}

shunt_status ocl_program_get(ocl_device *device, const ocl_source *source, const char *options, const ocl_built **out)
{
    shunt_status status = SHUNT_OK;
    pthread_mutex_lock(&device->lock);
    ocl_program *found = find(device, source, options);
    if (!found) {
        ocl_unit unit = {.source = source};
        strcpy(unit.options, options);
        found = recall(device, &unit);
        if (!found) status = add_own(device, &unit, &found);
    }
    if (!status) *out = &found->built;
    pthread_mutex_unlock(&device->lock);
    return status;
}

void ocl_programs_save(ocl_device *device)
{
    pthread_mutex_lock(&device->lock);
    for (ocl_program *at = device->programs; at; at = at->next) {
        if (!at->built.fresh || at->bundle || at->saved) continue;
        at->saved = true; /* or not, but once is enough */
        ocl_cached_keep_program(device, &at->unit, at->built.program);
    }
    pthread_mutex_unlock(&device->lock);
}

void ocl_programs_free(ocl_device *device)
{
    while (device->programs) {
        ocl_program *program = device->programs;
        device->programs = program->next;
        clReleaseProgram(program->built.program);
        free(program);
    }
}
