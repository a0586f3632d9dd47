/* wide_step.c - see wide_step.h. */
#include "tests/support/wide_step.h"
#include "runtime/base/random.h"
#include "runtime/graph/graph.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PROBES = 8, MOST_OUTPUTS = WIDE_GRADIENTS + 2 };

double wide_number(const json_t *test, const char *key)
{
    return json_number_value(json_object_get(test, key));
}

int64_t wide_whole(const json_t *test, const char *key)
{
    return json_integer_value(json_object_get(test, key));
}

shunt_tensor wide_tensor(uint8_t dtype, uint32_t rank, const int64_t *dims, const double *values)
{
    shunt_tensor made = {shunt_tensor_make(dtype, rank, dims), NULL};
    made.data = calloc(shunt_tensor_count(&made.desc) + 1, shunt_dtype_bytes(dtype));
    cr_assert(made.data);
    for (uint64_t i = 0; values && i < shunt_tensor_count(&made.desc); i++) {
        if (dtype == SHUNT_F64)
            ((double *)made.data)[i] = values[i];
        else
            ((float *)made.data)[i] = (float)values[i];
    }
    return made;
}

static shunt_weights *convert(const shunt_graph *graph, const shunt_weights *from)
{
    shunt_weights *made;
    OK(shunt_weights_create(&made));
    for (uint32_t v = 0; v < graph->nvalues; v++) {
        const graph_value *value = &graph->values[v];
        if (value->source != VALUE_PARAMETER) continue;
        const shunt_tensor_view *view = shunt_weights_find(from, value->name);
        cr_assert(view, "%s", value->name);
        const uint64_t count = shunt_tensor_count(&view->desc);
        double *values = malloc(count * sizeof *values);
        cr_assert(values);
        for (uint64_t i = 0; i < count; i++) values[i] = (double)((const float *)view->data)[i];
        shunt_tensor tensor = wide_tensor(value->desc.dtype, view->desc.rank, view->desc.dims, values);
        OK(shunt_weights_set(made, value->name, &tensor.desc, tensor.data));
        free(tensor.data);
        free(values);
    }
    return made;
}

static void build(const shunt_model *model, const train_loss *loss, uint8_t dtype, wide_step *step)
{
    OK(train_loss_graph(shunt_model_graph(model), loss, &step->graph));
    for (uint32_t v = 0; v < step->graph->nvalues; v++) {
        const graph_value *value = &step->graph->values[v];
        if (value->source != VALUE_PARAMETER || value->diff == SHUNT_NO_VALUE) continue;
        cr_assert_lt(step->count, WIDE_GRADIENTS);
        step->names[step->count] = value->name;
        step->gradients[step->count++] = wide_tensor(dtype, value->desc.rank, value->desc.dims, NULL);
        shunt_graph_output(step->graph, value->name, value->diff);
    }
    OK(shunt_graph_check(step->graph));
    if (dtype == SHUNT_F64) shunt_graph_widen(step->graph);
}

void wide_step_do(const shunt_model *model, const train_loss *loss, shunt_device *device, uint8_t dtype,
                  const shunt_tensor *inputs, size_t ninputs, wide_step *step)
{
    shunt_executor *executor;
    shunt_tensor outputs[MOST_OUTPUTS];
    *step = (wide_step){.count = 0};
    build(model, loss, dtype, step);
    for (uint32_t i = 0; i < 2; i++) { /* logits, losses */
        const shunt_tensor_desc desc = shunt_graph_desc(step->graph, step->graph->outputs[i].value);
        outputs[i] = wide_tensor(dtype, desc.rank, desc.dims, NULL);
    }
    memcpy(outputs + 2, step->gradients, step->count * sizeof *outputs);
    shunt_weights *weights = convert(step->graph, shunt_model_weights(model));
    OK(shunt_executor_create(step->graph, weights, device, &executor));
    OK(shunt_executor_run(executor, inputs, ninputs, outputs, 2 + step->count));
    for (uint64_t i = 0; i < shunt_tensor_count(&outputs[1].desc); i++)
        step->losses += train_net_at(&outputs[1].desc, outputs[1].data, i);
    shunt_executor_destroy(executor);
    shunt_weights_destroy(weights);
    for (size_t i = 0; i < 2; i++) free(outputs[i].data);
}

void wide_step_end(wide_step *step)
{
    for (size_t g = 0; g < step->count; g++) free(step->gradients[g].data);
    shunt_graph_destroy(step->graph);
}

/* As in training.c: the root mean square of the errors of products with vectors of +-1. scale: the largest gradient's size. */
static void compare_probes(const json_t *kept, const shunt_tensor *tensor, const char *what, double scale)
{
    double error = 0;
    for (int p = 0; p < PROBES; p++) {
        char name[16];
        snprintf(name, sizeof name, "probe%d", p);
        const uint64_t key = random_key(name, 1);
        double sum = -json_number_value(json_array_get(kept, (size_t)p + 1));
        for (uint64_t i = 0; i < shunt_tensor_count(&tensor->desc); i++)
            sum += (random_at(key, i) < 0.5 ? -1 : 1) * train_net_at(&tensor->desc, tensor->data, i);
        error += sum * sum / PROBES;
    }
    const double norm = json_number_value(json_array_get(kept, 0));
    cr_expect(sqrt(error) <= 1e-6 * norm + 1e-12 * scale, "%s: error %.3g of a gradient of %.3g", what, sqrt(error),
              norm);
}

void wide_step_compare(const json_t *test, const wide_step *step, double loss)
{
    const json_t *gradients = json_object_get(test, "gradients"), *kept;
    double scale = 0;
    const char *name;
    cr_assert_eq(json_object_size(gradients), step->count);
    cr_expect(fabs(loss / wide_number(test, "loss") - 1) <= 1e-6, "loss %.12g instead of %.12g", loss,
              wide_number(test, "loss"));
    json_object_foreach((json_t *)gradients, name, kept) scale =
        fmax(scale, json_number_value(json_array_get(kept, 0)));
    for (size_t g = 0; g < step->count; g++) {
        kept = json_object_get(gradients, step->names[g]);
        cr_assert(kept, "%s", step->names[g]);
        compare_probes(kept, &step->gradients[g], step->names[g], scale);
    }
}

/* In float32: of the error of a gradient, relative to it or to a thousandth of the largest. */
void wide_step_compare_narrow(const wide_step *wide, const wide_step *narrow)
{
    double largest = 0;
    cr_expect(fabs(narrow->losses / wide->losses - 1) <= 1e-5, "loss %.9g instead of %.9g", narrow->losses,
              wide->losses);
    for (int pass = 0; pass < 2; pass++) {
        for (size_t g = 0; g < wide->count; g++) {
            double error = 0, size = 0;
            for (uint64_t i = 0; i < shunt_tensor_count(&wide->gradients[g].desc); i++) {
                const double expected = train_net_at(&wide->gradients[g].desc, wide->gradients[g].data, i),
                             off = train_net_at(&narrow->gradients[g].desc, narrow->gradients[g].data, i) - expected;
                error += off * off;
                size += expected * expected;
            }
            if (pass == 0)
                largest = fmax(largest, sqrt(size));
            else
                cr_expect(sqrt(error) <= 1e-2 * fmax(sqrt(size), 1e-3 * largest),
                          "%s: error %.3g of a gradient of %.3g", wide->names[g], sqrt(error), sqrt(size));
        }
    }
}
