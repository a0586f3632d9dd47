/* map_gradients.c - gradients through maps that grow by transposed convolutions, are resized and put side by side, as in heads that label pixels: in float64 on the scalar
 * backend, against differences of the loss, which is linear in each parameter. */
#include "runtime/base/random.h"
#include "runtime/graph/graph.h"

#include <criterion/criterion.h>
#include <math.h>
#include <shunt/shunt.h>

#define OK(call) cr_assert_eq((call), SHUNT_OK, "%s", shunt_last_error())

enum { N = 2, H = 7, W = 5, C = 3, K = 4, P = 9, Q = 11, DST = N * (C + K) * P * Q, MOST = 256 };
static const char *const names[] = {"coarse.weight", "coarse.bias", "grown.weight",
                                    "grown.bias",    "fine.weight", "fine.bias"};
enum { NAMES = sizeof names / sizeof *names };

typedef struct maps {
    shunt_graph *graph;
    double gradients[NAMES][MOST];
} maps;

static shunt_value resize(shunt_graph *g, const char *name, shunt_value src, shunt_value like, shunt_resize_attr how)
{
    const shunt_op_attr attr = {.resize = how};
    const int follows = like != SHUNT_NO_VALUE;
    return shunt_graph_op(g, name, SHUNT_OP_RESIZE, follows ? SHUNT_FLAG_LIKE : 0, &attr, 1 + (uint32_t)follows,
                          (shunt_value[]){src, like});
}

/* A map of half the size grows, and is brought to the size of the input, then stands beside another one; both become larger together. */
static void make_graph(maps *t)
{
    shunt_graph *g = t->graph = shunt_graph_create();
    const shunt_op_attr channels = {.concat = {.axis = 1}};
    shunt_value x = shunt_graph_input(g, "x", 4, (const int64_t[]){N, 2, H, W});
    shunt_value diff = shunt_graph_input(g, "diff", 4, (const int64_t[]){N, C + K, P, Q});
    shunt_value coarse = shunt_graph_conv(g, "coarse", x, C, 3, 2, 1, 1);
    coarse = shunt_graph_conv_transpose(g, "grown", coarse, C, 3, 2, 1, 1);
    coarse = resize(g, "up", coarse, x, (shunt_resize_attr){.filter = SHUNT_RESIZE_BILINEAR});
    shunt_value fine = shunt_graph_conv(g, "fine", x, K, 3, 1, 1, 1);
    x = shunt_graph_op(g, "both", SHUNT_OP_CONCAT, 0, &channels, 2, (shunt_value[]){coarse, fine});
    x = resize(
        g, "dst", x, SHUNT_NO_VALUE,
        (shunt_resize_attr){.filter = SHUNT_RESIZE_NEAREST, .coordinates = SHUNT_RESIZE_ASYMMETRIC, .size = {P, Q}});
    OK(shunt_graph_gradients(g, x, diff, NULL));
    shunt_graph_output(g, "dst", x);
    for (int i = 0; i < NAMES; i++) shunt_graph_output(g, names[i], shunt_graph_gradient(g, names[i]));
    OK(shunt_graph_check(g));
    shunt_graph_widen(g);
}

static shunt_tensor_desc desc_of(const maps *t, const char *parameter)
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

/* The loss, the sum of dst * diff, and all gradients, with one element of a parameter moved. */
static double run(maps *t, int moved, uint64_t element, double change)
{
    static double x[N * 2 * H * W], diff[DST], dst[DST], values[MOST];
    double loss = 0;
    shunt_weights *weights;
    shunt_device *device;
    shunt_executor *executor;
    shunt_tensor outputs[1 + NAMES];
    OK(shunt_weights_create(&weights));
    for (int i = 0; i < NAMES; i++) {
        const shunt_tensor_desc desc = desc_of(t, names[i]);
        cr_assert(shunt_tensor_count(&desc) <= MOST);
        fill(values, shunt_tensor_count(&desc), names[i], element, i == moved ? change : 0);
        OK(shunt_weights_set(weights, names[i], &desc, values));
        outputs[1 + i] = (shunt_tensor){desc, t->gradients[i]};
    }
    fill(x, sizeof x / sizeof *x, "x", 0, 0);
    fill(diff, DST, "diff", 0, 0);
    const shunt_tensor inputs[] = {{shunt_graph_desc(t->graph, shunt_graph_input_value(t->graph, 0)), x},
                                   {shunt_graph_desc(t->graph, shunt_graph_input_value(t->graph, 1)), diff}};
    outputs[0] = (shunt_tensor){inputs[1].desc, dst};
    OK(shunt_device_open("scalar", NULL, &device));
    OK(shunt_executor_create(t->graph, weights, device, &executor));
    OK(shunt_executor_run(executor, inputs, 2, outputs, 1 + NAMES));
    shunt_executor_destroy(executor);
    shunt_device_close(device);
    shunt_weights_destroy(weights);
    for (int i = 0; i < DST; i++) loss += dst[i] * diff[i];
    return loss;
}

Test(map_gradients, are_differences_of_the_loss)
{
    maps t, other;
    make_graph(&t);
    other = t;
    run(&t, 0, 0, 0);
    for (int i = 0; i < NAMES; i++) {
        const shunt_tensor_desc desc = desc_of(&t, names[i]);
        for (uint64_t e = 0; e < shunt_tensor_count(&desc); e += 1 + shunt_tensor_count(&desc) / 6) {
            const double expected = (run(&other, i, e, 0.5) - run(&other, i, e, -0.5)), got = t.gradients[i][e];
            cr_assert(fabs(got - expected) <= 1e-10 * (1 + fabs(expected)), "%s, element %llu: %.12g instead of %.12g",
                      names[i], (unsigned long long)e, got, expected);
        }
    }
    shunt_graph_destroy(t.graph);
}
