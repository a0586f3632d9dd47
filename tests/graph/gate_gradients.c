/* gate_gradients.c - gradients through products and sums of which one side is repeated, a reshape and a sigmoid, as in a
 * squeeze-and-excitation block: in float64 on the scalar backend, against differences of the loss. */
#include "runtime/base/random.h"
#include "runtime/graph/graph.h"

#include <criterion/criterion.h>
#include <math.h>
#include <shunt/shunt.h>
#include <stdlib.h>

#define OK(call) cr_assert_eq((call), SHUNT_OK, "%s", shunt_last_error())

enum { N = 2, C = 4, H = 5, W = 3, DST = N * C * H * W };
static const char *const names[] = {"conv.weight", "conv.bias", "fc.weight", "fc.bias", "shift", "scale", "spot"};
enum { NAMES = sizeof names / sizeof *names };

typedef struct gated {
    shunt_graph *graph;
    shunt_weights *weights;
    double gradients[NAMES][128];
} gated;

static shunt_value pair(shunt_graph *g, const char *name, shunt_op_kind kind, uint32_t flags, shunt_value a,
                        shunt_value b)
{
    return shunt_graph_op(g, name, kind, flags, NULL, 2, (shunt_value[]){a, b});
}

/* The loss is the sum of dst * diff. A gate for each channel of each image; a shift and a scale for each channel; and a
 * factor for each place. */
static void make_graph(gated *t)
{
    shunt_graph *g = t->graph = shunt_graph_create();
    const shunt_op_attr flat = {.reshape = {.rank = 4, .dims = {0, 0, 1, 1}}};
    const int64_t each[] = {1, C, 1, 1}, place[] = {1, 1, H, W};
    shunt_value x = shunt_graph_input(g, "x", 4, (const int64_t[]){N, 3, H, W});
    shunt_value diff = shunt_graph_input(g, "diff", 4, (const int64_t[]){N, C, H, W});
    shunt_value y = shunt_graph_conv(g, "conv", x, C, 3, 1, 1, 1), gate = shunt_graph_global_pool(g, "pool", y);
    gate = shunt_graph_op(g, "gate", SHUNT_OP_RESHAPE, 0, &flat, 1, &gate);
    gate = shunt_graph_conv(g, "fc", gate, C, 1, 1, 0, 1);
    gate = shunt_graph_op(g, "sigmoid", SHUNT_OP_SIGMOID, 0, NULL, 1, &gate);
    x = pair(g, "mul", SHUNT_OP_MUL, SHUNT_FLAG_BROADCAST, y, gate);
    x = pair(g, "square", SHUNT_OP_MUL, 0, x, y);
    x = pair(g, "add", SHUNT_OP_ADD, SHUNT_FLAG_BROADCAST, x,
             shunt_graph_parameter(g, "shift", SHUNT_ROLE_SHIFT, 4, each));
    x = pair(g, "scale", SHUNT_OP_MUL, SHUNT_FLAG_BROADCAST,
             shunt_graph_parameter(g, "scale", SHUNT_ROLE_SCALE, 4, each), x);
    x = pair(g, "spot", SHUNT_OP_MUL, SHUNT_FLAG_BROADCAST, x,
             shunt_graph_parameter(g, "spot", SHUNT_ROLE_SCALE, 4, place));
    OK(shunt_graph_gradients(g, x, diff, NULL));
    shunt_graph_output(g, "dst", x);
    for (int i = 0; i < NAMES; i++) shunt_graph_output(g, names[i], shunt_graph_gradient(g, names[i]));
    OK(shunt_graph_check(g));
    shunt_graph_widen(g);
}

static shunt_tensor_desc desc_of(const gated *t, const char *parameter)
{
    return shunt_graph_desc(t->graph, graph_find_parameter(t->graph, parameter));
}

/* Between -1 and 1, and one element moved by `change`. */
static void fill(double *values, uint64_t count, const char *name, uint64_t element, double change)
{
    const uint64_t key = random_key(name, 5);
    for (uint64_t i = 0; i < count; i++) values[i] = 2 * random_at(key, i) - 1;
    values[element] += change;
}

/* The loss, and all gradients, with one element of a parameter moved. */
static double run(gated *t, int moved, uint64_t element, double change)
{
    double x[N * 3 * H * W], diff[DST], dst[DST], loss = 0, values[128];
    shunt_device *device;
    shunt_executor *executor;
    shunt_tensor outputs[1 + NAMES] = {{desc_of(t, "conv.bias"), dst}};
    OK(shunt_weights_create(&t->weights));
    for (int i = 0; i < NAMES; i++) {
        const shunt_tensor_desc desc = desc_of(t, names[i]);
        cr_assert(shunt_tensor_count(&desc) <= 128);
        fill(values, shunt_tensor_count(&desc), names[i], element, i == moved ? change : 0);
        OK(shunt_weights_set(t->weights, names[i], &desc, values));
        outputs[1 + i] = (shunt_tensor){desc, t->gradients[i]};
    }
    fill(x, sizeof x / sizeof *x, "x", 0, 0);
    fill(diff, DST, "diff", 0, 0);
    const shunt_tensor inputs[] = {{t->graph->values[t->graph->inputs[0]].desc, x},
                                   {t->graph->values[t->graph->inputs[1]].desc, diff}};
    outputs[0].desc = inputs[1].desc;
    OK(shunt_device_open("scalar", NULL, &device));
    OK(shunt_executor_create(t->graph, t->weights, device, &executor));
    OK(shunt_executor_run(executor, inputs, 2, outputs, 1 + NAMES));
    shunt_executor_destroy(executor);
    shunt_device_close(device);
    shunt_weights_destroy(t->weights);
    for (int i = 0; i < DST; i++) loss += dst[i] * diff[i];
    return loss;
}

Test(gate_gradients, are_differences_of_the_loss)
{
    const double h = 1e-5;
    gated t, other;
    make_graph(&t);
    other = t;
    run(&t, 0, 0, 0);
    for (int i = 0; i < NAMES; i++) {
        const shunt_tensor_desc desc = desc_of(&t, names[i]);
        for (uint64_t e = 0; e < shunt_tensor_count(&desc); e += shunt_tensor_count(&desc) / 4) {
            const double expected = (run(&other, i, e, h) - run(&other, i, e, -h)) / (2 * h), got = t.gradients[i][e];
            cr_assert(fabs(got - expected) <= 1e-7 * (1 + fabs(expected)), "%s, element %llu: %.12g instead of %.12g",
                      names[i], (unsigned long long)e, got, expected);
        }
    }
    shunt_graph_destroy(t.graph);
}
