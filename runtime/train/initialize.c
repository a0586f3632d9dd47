/* initialize.c - fresh weights: He et al. 2015, eq. 10, from numbers that depend on names, indices and the seed only. */
#include <shunt/train.h>

#include <math.h>
#include <stdlib.h>

#include "runtime/base/error.h"
#include "runtime/graph/graph.h"
#include "runtime/base/random.h"

/* Normal, by Box and Muller: of two numbers one is used, so that element i depends on i alone. */
static double normal_at(uint64_t key, uint64_t index)
{
    double radius = sqrt(-2 * log(1 - random_at(key, 2 * index))); /* of a number in (0, 1] */
    return radius * cos(2 * M_PI * random_at(key, 2 * index + 1));
}

static void fill(const graph_value *value, uint64_t seed, float *data)
{
    const uint64_t count = shunt_tensor_count(&value->desc), key = random_key(value->name, seed);
    const int64_t *dims = value->desc.dims;
    double fan_in = 1;
    for (uint32_t i = 1; i < value->desc.rank; i++) fan_in *= (double)dims[i];
    for (uint64_t i = 0; i < count; i++) {
        switch (value->role) {
        case SHUNT_ROLE_WEIGHT:
            data[i] = (float)(sqrt(2 / fan_in) * normal_at(key, i));
            break;
        case SHUNT_ROLE_SCALE:
        case SHUNT_ROLE_VARIANCE:
            data[i] = 1;
            break;
        default:
            data[i] = 0;
        }
    }
}

shunt_status shunt_graph_initialize(const shunt_graph *graph, uint64_t seed, shunt_weights **out)
{
    if (!graph || !out) return error_null(__func__, "graph, out");
    shunt_status status = shunt_weights_create(out);
    for (uint32_t i = 0; !status && i < graph->nvalues; i++) {
        const graph_value *value = &graph->values[i];
        if (value->source != VALUE_PARAMETER) continue;
        float *data = malloc((size_t)shunt_tensor_bytes(&value->desc));
        if (data) fill(value, seed, data);
        status = data ? shunt_weights_set(*out, value->name, &value->desc, data) : error_memory();
        free(data);
    }
    if (status) {
        shunt_weights_destroy(*out);
        *out = NULL;
    }
    return status;
}
