/* random.c - weights out of a formula (docs/random-weights.md), for benchmarks and for comparing with other programs,
 * which compute the same numbers from the same text. */
#include "models/model.h"
#include "runtime/error.h"
#include "runtime/graph/graph.h"
#include "runtime/io/random.h"
#include "runtime/io/weights.h"

#include <math.h>
#include <stdlib.h>

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
    }
}

static shunt_status set_random(shunt_weights *weights, const graph_value *value, uint64_t seed)
{
    double low, high;
    bounds(value, &low, &high);
    size_t count = (size_t)shunt_tensor_count(&value->desc);
    float *data = malloc(count * sizeof *data);
    if (!data) return shunt_fail_memory();
    uint64_t key = shunt_random_key(value->name, seed);
    for (size_t i = 0; i < count; i++) data[i] = (float)(low + (high - low) * shunt_random_at(key, i));
    shunt_status status = shunt_weights_set(weights, value->name, &value->desc, data);
    free(data);
    return status;
}

shunt_status shunt_model_randomize(shunt_model *model, uint64_t seed)
{
    shunt_weights *weights;
    shunt_status status = shunt_weights_create(&weights);
    if (status) return status;
    for (uint32_t i = 0; !status && i < model->graph->nvalues; i++)
        if (model->graph->values[i].source == VALUE_PARAMETER)
            status = set_random(weights, &model->graph->values[i], seed);
    if (!status && shunt_weights_spill(weights)) shunt_log(SHUNT_LOG_DEBUG, "%s", shunt_last_error());
    if (status)
        shunt_weights_destroy(weights);
    else
        model_take_weights(model, weights);
    return status;
}
