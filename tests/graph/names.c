/* names.c - an op's name is for reports and decides no value; a parameter's name stands for one tensor of the weights.
 * Values are checked against a double-precision evaluation from the formulas, gradients against differences of the loss. */
#include "runtime/graph/graph.h"
#include "runtime/base/random.h"

#include <criterion/criterion.h>
#include <shunt/shunt.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define OK(call) cr_assert_eq(call, SHUNT_OK, "%s", shunt_last_error())

static double number(const char *name, uint64_t index)
{
    double value = 2 * random_at(random_key(name, 0), index) - 1;
    return (double)(float)(strstr(name, "variance") ? value + 1.5 : value);
}

/* All parameters of the graph by `number`, but one element that is moved. */
static shunt_weights *make_weights(const shunt_graph *graph, const char *moved, uint64_t element, double change)
{
    shunt_weights *weights;
    OK(shunt_weights_create(&weights));
    for (uint32_t v = 0; v < graph->nvalues; v++) {
        const graph_value *value = &graph->values[v];
        if (value->source != VALUE_PARAMETER) continue;
        const bool wide = value->desc.dtype == SHUNT_F64;
        uint64_t count = shunt_tensor_count(&value->desc);
        void *data = malloc(count * sizeof(double));
        cr_assert_not_null(data);
        for (uint64_t i = 0; i < count; i++) {
            double x = number(value->name, i) + (moved && i == element && !strcmp(moved, value->name) ? change : 0);
            if (wide)
                ((double *)data)[i] = x;
            else
                ((float *)data)[i] = (float)x;
        }
        OK(shunt_weights_set(weights, value->name, &value->desc, data));
        free(data);
    }
    return weights;
}

/* ---- Ops of one name ---------------------------------------------------------------------------------------------- */

enum { C = 3, PIXELS = 6 };

static shunt_value vector(shunt_graph *graph, const char *name, shunt_role role)
{
    return shunt_graph_parameter(graph, name, role, 1, (int64_t[]){C});
}

/* A 1x1 convolution and a batch norm, both called "op"; layer: the letter that its parameters' names begin with. */
static shunt_value layer(shunt_graph *graph, shunt_value x, const char *weights, char layer)
{
    char names[4][16] = {"_scale", "_shift", "_mean", "_variance"};
    for (int i = 0; i < 4; i++) names[i][0] = layer;
    const shunt_op_attr conv = {.conv = {.stride = {1, 1}, .dilation = {1, 1}, .groups = 1}};
    const shunt_op_attr norm = {.batch_norm = {.epsilon = 0x1p-10f}};
    shunt_value in[] = {x, shunt_graph_parameter(graph, weights, SHUNT_ROLE_WEIGHT, 4, (int64_t[]){C, C, 1, 1})};
    shunt_value made = shunt_graph_op(graph, "op", SHUNT_OP_CONV, 0, &conv, 2, in);
    return shunt_graph_op(
        graph, "op", SHUNT_OP_BATCH_NORM, 0, &norm, 5,
        (shunt_value[]){made, vector(graph, names[0], SHUNT_ROLE_SCALE), vector(graph, names[1], SHUNT_ROLE_SHIFT),
                        vector(graph, names[2], SHUNT_ROLE_MEAN), vector(graph, names[3], SHUNT_ROLE_VARIANCE)});
}

static void evaluate(double x[C], const char *weights, char layer)
{
    char names[4][16] = {"_scale", "_shift", "_mean", "_variance"};
    double y[C];
    for (int i = 0; i < 4; i++) names[i][0] = layer;
    for (uint64_t k = 0; k < C; k++) {
        y[k] = 0;
        for (uint64_t c = 0; c < C; c++) y[k] += x[c] * number(weights, k * C + c);
        y[k] = (y[k] - number(names[2], k)) / sqrt(number(names[3], k) + 0x1p-10) * number(names[0], k) +
               number(names[1], k);
    }
    memcpy(x, y, sizeof y);
}

/* Two layers; the second has the weights of that name. Run twice, since another size is another plan of the same executor. */
static void expect_layers(const char *second)
{
    shunt_graph *graph = shunt_graph_create();
    shunt_device *device;
    shunt_executor *executor;
    shunt_value x = shunt_graph_input(graph, "op", 4, (int64_t[]){1, C, 1, PIXELS});
    shunt_graph_output(graph, "op", layer(graph, layer(graph, x, "a_weights", 'a'), second, 'b'));
    OK(shunt_graph_check(graph));
    shunt_weights *weights = make_weights(graph, NULL, 0, 0);
    OK(shunt_device_open("scalar", NULL, &device));
    OK(shunt_executor_create(graph, weights, device, &executor));
    for (int64_t pixels = PIXELS; pixels >= PIXELS - 1; pixels--) {
        float src[C * PIXELS], dst[C * PIXELS];
        shunt_tensor_desc desc = {.dtype = SHUNT_F32, .rank = 4, .block = SHUNT_PLAIN, .dims = {1, C, 1, pixels}};
        for (uint64_t i = 0; i < C * PIXELS; i++) src[i] = (float)number("x", i);
        OK(shunt_executor_run(executor, &(shunt_tensor){desc, src}, 1, &(shunt_tensor){desc, dst}, 1));
        for (int64_t p = 0; p < pixels; p++) {
            double expected[C];
            for (int64_t c = 0; c < C; c++) expected[c] = (double)src[c * pixels + p];
            evaluate(expected, "a_weights", 'a');
            evaluate(expected, second, 'b');
            for (int64_t c = 0; c < C; c++)
                cr_expect_float_eq(dst[c * pixels + p], expected[c], 2e-6, "channel %d, pixel %d: %g, not %g", (int)c,
                                   (int)p, (double)dst[c * pixels + p], expected[c]);
        }
    }
    shunt_executor_destroy(executor);
    shunt_device_close(device);
    shunt_weights_destroy(weights);
    shunt_graph_destroy(graph);
}

Test(names, ops_of_one_name_are_folded_apart)
{
    expect_layers("b_weights");
}

Test(names, one_tensor_is_folded_with_each_batch_norm_behind_it)
{
    expect_layers("a_weights");
}

/* The names that folded tensors have in reports are free for tensors of the weights. */
Test(names, a_tensor_may_be_called_as_folded_ones_are)
{
    expect_layers("op.weight (folded)");
}

/* ---- Parameters of one name --------------------------------------------------------------------------------------- */

/* Convolution "c" twice, then a mean: the losses (0), and the gradient by the convolution's weights (1). */
static shunt_graph *twice(void)
{
    shunt_value diff;
    shunt_graph *graph = shunt_graph_create();
    shunt_value x = shunt_graph_input(graph, "x", 4, (int64_t[]){2, C, 4, 4});
    shunt_value y = shunt_graph_relu(graph, "relu", shunt_graph_conv(graph, "c", x, C, 3, 1, 1, 1));
    y = shunt_graph_global_pool(graph, "pool", shunt_graph_conv(graph, "c", y, C, 3, 1, 1, 1));
    shunt_value labels = shunt_graph_input(graph, "labels", 1, (int64_t[]){2});
    shunt_value losses = shunt_graph_cross_entropy(graph, "loss", y, labels, 0, &diff);
    OK(shunt_graph_gradients(graph, y, diff, NULL));
    const shunt_sgd_options sgd = {0};
    OK(shunt_graph_sgd(graph, shunt_graph_input(graph, "rate", 1, (int64_t[]){1}), &sgd));
    shunt_graph_output(graph, "losses", losses);
    shunt_graph_output(graph, "diff", shunt_graph_gradient(graph, "c.weight"));
    shunt_graph_widen(graph);
    return graph;
}

/* A step with c.weight[element] moved; then that element after the step. Returns the mean loss. */
static double step(uint64_t element, double change, double diff[C * C * 9], double *after)
{
    shunt_graph *graph = twice();
    shunt_device *device;
    shunt_executor *executor;
    double x[2 * C * 16], losses[2];
    shunt_weights *weights = make_weights(graph, "c.weight", element, change);
    for (uint64_t i = 0; i < sizeof x / sizeof *x; i++) x[i] = number("x", i);
    OK(shunt_device_open("scalar", NULL, &device));
    OK(shunt_executor_create(graph, weights, device, &executor));
    shunt_tensor in[] = {{shunt_graph_desc(graph, graph->inputs[0]), x},
                         {shunt_graph_desc(graph, graph->inputs[1]), (double[]){0, 2}},
                         {shunt_graph_desc(graph, graph->inputs[2]), (double[]){0.25}}};
    shunt_tensor out[] = {{shunt_graph_desc(graph, graph->outputs[0].value), losses},
                          {shunt_graph_desc(graph, graph->outputs[1].value), diff}};
    OK(shunt_executor_run(executor, in, 3, out, 2));
    OK(shunt_executor_fetch(executor, weights));
    *after = ((const double *)shunt_weights_find(weights, "c.weight")->data)[element];
    shunt_executor_destroy(executor);
    shunt_device_close(device);
    shunt_weights_destroy(weights);
    shunt_graph_destroy(graph);
    return (losses[0] + losses[1]) / 2;
}

Test(names, a_tensor_used_twice_learns_from_both)
{
    static const double h = 1e-5;
    for (uint64_t element = 0; element < C * C * 9; element += 7) {
        double diff[C * C * 9], unused[C * C * 9], after, moved;
        step(element, 0, diff, &after);
        double expected = (step(element, h, unused, &moved) - step(element, -h, unused, &moved)) / (2 * h);
        cr_expect_float_eq(diff[element], expected, 1e-8, "element %d: %g, not %g", (int)element, diff[element],
                           expected);
        cr_expect_float_eq(after, number("c.weight", element) - 0.25 * expected, 1e-8, "element %d after a step",
                           (int)element);
    }
}

Test(names, a_tensor_has_one_shape_and_role)
{
    shunt_graph *graph = shunt_graph_create();
    const int64_t dims[] = {2, 3};
    shunt_value first = shunt_graph_parameter(graph, "w", SHUNT_ROLE_WEIGHT, 2, dims);
    cr_assert_eq(shunt_graph_parameter(graph, "w", SHUNT_ROLE_WEIGHT, 2, dims), first);
    shunt_graph *copy;
    OK(shunt_graph_copy(graph, &copy));
    cr_assert_eq(shunt_graph_parameter(copy, "w", SHUNT_ROLE_WEIGHT, 2, dims), first);
    cr_assert_eq(shunt_graph_parameter(copy, "w", SHUNT_ROLE_BIAS, 2, dims), SHUNT_NO_VALUE);
    cr_assert_eq(shunt_graph_check(copy), SHUNT_E_INVALID);
    cr_assert_eq(shunt_graph_parameter(graph, "w", SHUNT_ROLE_WEIGHT, 1, dims), SHUNT_NO_VALUE);
    cr_assert_eq(shunt_graph_check(graph), SHUNT_E_INVALID);
    cr_assert(strstr(shunt_last_error(), "parameter w: the graph has one of that name"), "%s", shunt_last_error());
    shunt_graph_destroy(copy);
    shunt_graph_destroy(graph);
}
