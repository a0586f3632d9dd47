/* random.c - weights out of a formula (docs/random-weights.md), for benchmarks and for comparing with other programs,
 * which compute the same numbers from the same text. */
#include "models/model.h"
#include "runtime/base/error.h"
#include "runtime/graph/graph.h"
#include "runtime/base/random.h"
#include "runtime/weights/weights.h"

#include <math.h>

static void bounds(const graph_value *value, double *low, double *high)
{
    const int64_t *dims = value->desc.dims;
    *low = 0.5, *high = 1.5; /* scale and variance: around 1 */
    switch (value->role) {
    case SHUNT_ROLE_WEIGHT:
        if (value->desc.rank == 2)
            *high = 1 / sqrt((double)dims[1]);
        else
            *high = sqrt(6 / (double)(dims[1] * dims[2] * dims[3])); /* variance 2 / fan-in */
        *low = -*high;
        break;
    case SHUNT_ROLE_BIAS:
        *low = -0.1, *high = 0.1;
        break;
    case SHUNT_ROLE_SHIFT:
    case SHUNT_ROLE_MEAN:
        *low = -0.2, *high = 0.2;
        break;
    case SHUNT_ROLE_SCALE:
    case SHUNT_ROLE_VARIANCE:
        break;
    case SHUNT_ROLE_VELOCITY:
        *low = *high = 0;
        break;
    }
}

static bool is_parameter(const graph_value *value)
{
    return value->source == VALUE_PARAMETER;
}

static void fill(const graph_value *value, uint64_t seed, float *data)
{
    double low, high;
    bounds(value, &low, &high);
    const uint64_t count = shunt_tensor_count(&value->desc), key = random_key(value->name, seed);
    for (uint64_t i = 0; i < count; i++) data[i] = (float)(low + (high - low) * random_at(key, i));
}

static shunt_status fill_all(const shunt_graph *graph, uint64_t seed, shunt_weights *weights)
{
    size_t bytes = 0;
    void *room = NULL;
    for (uint32_t i = 0; i < graph->nvalues; i++)
        if (is_parameter(&graph->values[i])) bytes += (size_t)shunt_tensor_bytes(&graph->values[i].desc);
    shunt_status status = weights_reserve(weights, bytes, &room);
    float *at = room;
    for (uint32_t i = 0; !status && i < graph->nvalues; i++) {
        const graph_value *value = &graph->values[i];
        if (!is_parameter(value)) continue;
        fill(value, seed, at);
        status = weights_put(weights, value->name, &value->desc, at, 0);
        if (!status) weights_release(weights, shunt_weights_find(weights, value->name));
        at += shunt_tensor_count(&value->desc);
    }
    return status;
}

shunt_status shunt_model_randomize(shunt_model *model, uint64_t seed)
{
    if (!model) return error_null(__func__, "model");
    shunt_weights *weights;
    shunt_status status = shunt_weights_create(&weights);
    if (status) return status;
    status = fill_all(model->graph, seed, weights);
    if (status)
        shunt_weights_destroy(weights);
    else
        model_take_weights(model, weights);
    return status;
}
