/* swap.c - an OpenCL layer (OPENCL_LAYERS) that swaps kernel sources: where the folder SHUNT_SWAP has a file of the name with which a
 * program's text begins, that file is compiled instead. Binaries from a cache are not looked at. For tools/mutants. */
#include "layer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
    return layer_tell("swap", what, size, value, used);
}

EXPORT cl_int CL_API_CALL clInitLayer(cl_uint n, const cl_icd_dispatch *target, cl_uint *nout,
                                      const cl_icd_dispatch **out)
{
    const cl_int code = layer_take(n, target, nout, out);
    table.clCreateProgramWithSource = on_source;
    return code;
}
