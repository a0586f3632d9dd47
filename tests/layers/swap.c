/* swap.c - an OpenCL layer (OPENCL_LAYERS) that swaps kernel sources: where the folder SHUNT_SWAP has a file of the name with which a
 * program's text begins, that file is compiled instead. Binaries from a cache are not looked at. For tools/mutants. */
#define CL_TARGET_OPENCL_VERSION 300
#define CL_USE_DEPRECATED_OPENCL_1_2_APIS
#include <CL/cl_layer.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))

static const cl_icd_dispatch *driver;
static cl_icd_dispatch table;

/* The text to compile instead, to be freed; NULL: none. */
static char *other_text(const char *text)
{
    char name[64], path[4096];
    const char *folder = getenv("SHUNT_SWAP");
    if (!folder || sscanf(text, "/* %63s", name) != 1 || strchr(name, '/')) return NULL;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "r");
    if (!file) return NULL;
    char *other = NULL;
    size_t room = 0;
    if (getdelim(&other, &room, '\0', file) < 0) {
        free(other);
        other = NULL;
    }
    fclose(file);
    return other;
}

static cl_program CL_API_CALL on_source(cl_context context, cl_uint count, const char **texts, const size_t *lengths,
                                        cl_int *code)
{
    char *other = count == 1 && !lengths ? other_text(texts[0]) : NULL;
    const char *text = other;
    cl_program program = other ? driver->clCreateProgramWithSource(context, 1, &text, NULL, code)
                               : driver->clCreateProgramWithSource(context, count, texts, lengths, code);
    free(other);
    return program;
}

EXPORT cl_int CL_API_CALL clGetLayerInfo(cl_layer_info what, size_t size, void *value, size_t *used)
{
    static const char name[] = "swap";
    const cl_layer_api_version version = CL_LAYER_API_VERSION_100;
    const void *answer = what == CL_LAYER_NAME ? (const void *)name : &version;
    const size_t bytes = what == CL_LAYER_NAME ? sizeof name : sizeof version;
    if (what != CL_LAYER_NAME && what != CL_LAYER_API_VERSION) return CL_INVALID_VALUE;
    if (value && size < bytes) return CL_INVALID_VALUE;
    if (value) memcpy(value, answer, bytes);
    if (used) *used = bytes;
    return CL_SUCCESS;
}

EXPORT cl_int CL_API_CALL clInitLayer(cl_uint n, const cl_icd_dispatch *target, cl_uint *nout,
                                      const cl_icd_dispatch **out)
{
    if (!target || !nout || !out || n < sizeof table / sizeof(void *)) return CL_INVALID_VALUE;
    driver = target;
    table = *target;
    table.clCreateProgramWithSource = on_source;
    *nout = sizeof table / sizeof(void *);
    *out = &table;
    return CL_SUCCESS;
}
