/* ghost_gradients.c - the gradients that train a policy, in float64 on the scalar backend. The straight-through gradient is that of
 * a network whose decisions move with their gates: where STEP stands, it adds to each gate what lacks to the decision, a constant. That
 * network's loss, with the term for the share of blocks, is differentiated by differences. */
#include "models/nets/net.h"
#include "runtime/base/random.h"
#include "runtime/graph/graph.h"
#include "runtime/train/gradient_norms.h"

#include <criterion/criterion.h>
#include <math.h>
#include <shunt/shunt.h>
#include <stdlib.h>
#include <string.h>

#define OK(call) cr_assert_eq((call), SHUNT_OK, "%s", shunt_last_error())

enum { N = 4, SIDE = 8, BLOCKS = 1, CLASSES = 4, MOST = 40000 };
static const double WEIGHT = 3, SHARE = 0.25;
static const char *const names[] = {"policy.fc.bias",      "policy.fc.weight", "policy.conv1.weight",
                                    "policy.bn2.weight",   "conv1.weight",     "layer1.0.conv2.weight",
                                    "layer3.0.bn1.weight", "fc.weight"};
enum { NAMES = sizeof names / sizeof *names };

static double images[N * 3 * SIDE * SIDE], labels[N] = {1, 3, 0, 2};

static shunt_graph *make_network(void)
{
    const shunt_model_options options = {.classes = CLASSES, .height = SIDE, .width = SIDE};
    net_spec net;
    shunt_graph *graph;
    OK(net_describe("ghost-resnet8", &options, &net));
    cr_assert_eq(net.ghost, BLOCKS);
    OK(net_build(&net, NULL, &graph));
    return graph;
}

static graph_op *find_step(shunt_graph *graph)
{
    for (uint32_t i = 0; i < graph->nops; i++)
        if (graph->ops[i].kind == SHUNT_OP_STEP) return &graph->ops[i];
    cr_assert_fail("no STEP");
    return NULL;
}

/* STEP becomes the addition of "offset". */
static void make_smooth(shunt_graph *graph)
{
    const shunt_value offset =
        shunt_graph_parameter(graph, "offset", SHUNT_ROLE_SHIFT, 2, (const int64_t[]){N, BLOCKS});
    graph_op *step = find_step(graph);
    step->kind = SHUNT_OP_ADD;
    step->inputs[step->ninputs++] = offset;
}

static shunt_graph *make_loss(const shunt_graph *network, bool ghost)
{
    const shunt_tensor_desc pictures = shunt_tensor_make(SHUNT_F32, 4, (const int64_t[]){N, 3, SIDE, SIDE});
    const train_loss loss = {.pictures = &pictures, .norm_momentum = 0.1f, .ghost = ghost};
    shunt_graph *graph;
    OK(train_loss_graph(network, &loss, &graph));
    OK(shunt_graph_check(graph));
    return graph;
}

/* Parameters from their names, one element moved. offset: of the smooth network. */
static shunt_weights *make_weights(const shunt_graph *graph, const double *offset, const char *moved, uint64_t element,
                                   double change)
{
    static double data[MOST];
    shunt_weights *weights;
    OK(shunt_weights_create(&weights));
    for (uint32_t v = 0; v < graph->nvalues; v++) {
        const graph_value *value = &graph->values[v];
        if (value->source != VALUE_PARAMETER) continue;
        const uint64_t count = shunt_tensor_count(&value->desc), key = random_key(value->name, 3);
        cr_assert(count <= MOST);
        for (uint64_t i = 0; i < count; i++) {
            const double u = 2 * random_at(key, i) - 1;
            data[i] = value->role == SHUNT_ROLE_SCALE    ? 1 + 0.3 * u
                      : value->role == SHUNT_ROLE_WEIGHT ? 0.4 * u
                                                         : 0.1 * u;
            if (value->role == SHUNT_ROLE_VARIANCE) data[i] = 1;
        }
        if (!strcmp(value->name,
                    "bn1.bias")) /* what the block is given is positive, or a skipped one ends at the ReLU's kink */
            for (uint64_t i = 0; i < count; i++) data[i] = 8;
        if (!strcmp(value->name, "offset")) memcpy(data, offset, N * BLOCKS * sizeof *data);
        if (moved && !strcmp(value->name, moved)) data[element] += change;
        OK(shunt_weights_set(weights, value->name, &value->desc, data));
    }
    return weights;
}

static shunt_tensor tensor_of(const shunt_graph *graph, shunt_value value, void *data)
{
    return (shunt_tensor){graph->values[value].desc, data};
}

static void run(const shunt_graph *graph, const shunt_weights *weights, const shunt_tensor *inputs,
                const shunt_tensor *outputs)
{
    shunt_device *device;
    shunt_executor *executor;
    OK(shunt_device_open("scalar", "threads=1", &device));
    OK(shunt_executor_create(graph, weights, device, &executor));
    OK(shunt_executor_run(executor, inputs, graph->ninputs, outputs, graph->noutputs));
    shunt_executor_destroy(executor);
    shunt_device_close(device);
}

typedef struct results {
    double logits[N * CLASSES], losses[N], decisions[N * BLOCKS], gates[N * BLOCKS], sum;
    double *gradients[NAMES];
} results;

/* Of the network with its decisions. */
static void differentiate(results *out)
{
    shunt_graph *network = make_network(), *graph = make_loss(network, true);
    const graph_op *step = find_step(graph);
    double wanted[N * BLOCKS], factor = 2 * WEIGHT / (N * BLOCKS) / (N * BLOCKS);
    shunt_graph_output(graph, "decisions", step->outputs[0]);
    shunt_graph_output(graph, "gates", step->inputs[0]);
    for (int i = 0; i < NAMES; i++) shunt_graph_output(graph, names[i], shunt_graph_gradient(graph, names[i]));
    OK(shunt_graph_check(graph));
    shunt_graph_widen(graph);
    for (int i = 0; i < N * BLOCKS; i++) wanted[i] = -SHARE * N * BLOCKS;
    void *const data[] = {out->logits, out->losses, &out->sum, out->decisions, out->gates};
    shunt_tensor outputs[5 + NAMES];
    for (uint32_t o = 0; o < 5 + NAMES; o++) {
        const shunt_value value = graph->outputs[o].value;
        if (o >= 5) out->gradients[o - 5] = calloc(shunt_tensor_count(&graph->values[value].desc), sizeof(double));
        outputs[o] = tensor_of(graph, value, o < 5 ? data[o] : out->gradients[o - 5]);
    }
    const shunt_tensor inputs[] = {
        tensor_of(graph, graph->inputs[0], images), tensor_of(graph, graph->inputs[1], labels),
        tensor_of(graph, graph->inputs[2], wanted), tensor_of(graph, graph->inputs[3], &factor)};
    shunt_weights *weights = make_weights(graph, NULL, NULL, 0, 0);
    run(graph, weights, inputs, outputs);
    shunt_weights_destroy(weights);
    shunt_graph_destroy(network);
    shunt_graph_destroy(graph);
}

/* Of the smooth network, with the term. */
static double loss_of(const double *offset, const char *moved, uint64_t element, double change)
{
    results r;
    shunt_graph *network = make_network();
    make_smooth(network);
    shunt_graph *graph = make_loss(network, false);
    for (uint32_t i = 0; i < graph->nops; i++)
        if (!strcmp(graph->ops[i].name, "policy.step")) {
            shunt_graph_output(graph, "decisions", graph->ops[i].outputs[0]);
            break;
        }
    shunt_graph_widen(graph);
    cr_assert_eq(graph->noutputs, 3);
    const shunt_tensor inputs[] = {tensor_of(graph, graph->inputs[0], images),
                                   tensor_of(graph, graph->inputs[1], labels)};
    const shunt_tensor outputs[] = {tensor_of(graph, graph->outputs[0].value, r.logits),
                                    tensor_of(graph, graph->outputs[1].value, r.losses),
                                    tensor_of(graph, graph->outputs[2].value, r.decisions)};
    shunt_weights *weights = make_weights(graph, offset, moved, element, change);
    run(graph, weights, inputs, outputs);
    shunt_weights_destroy(weights);
    shunt_graph_destroy(network);
    shunt_graph_destroy(graph);
    double loss = 0, mean = 0;
    for (int i = 0; i < N; i++) loss += r.losses[i] / N;
    for (int i = 0; i < N * BLOCKS; i++) mean += r.decisions[i] / (N * BLOCKS);
    return loss + WEIGHT * (mean - SHARE) * (mean - SHARE);
}

Test(ghost_gradients, are_differences_of_the_smooth_loss)
{
    const double h = 1e-6;
    double offset[N * BLOCKS], ones = 0;
    results r;
    for (int i = 0; i < N * 3 * SIDE * SIDE; i++) images[i] = 2 * random_at(random_key("images", 1), (uint64_t)i) - 1;
    differentiate(&r);
    for (int i = 0; i < N * BLOCKS; i++) {
        cr_assert_eq(r.decisions[i], r.gates[i] > 0.5);
        offset[i] = r.decisions[i] - r.gates[i];
        ones += r.decisions[i];
    }
    cr_assert_eq(r.sum, ones);
    cr_assert(ones > 0 && ones < N * BLOCKS, "%g", ones);
    for (int k = 0; k < NAMES; k++) {
        double largest = 0;
        for (uint64_t e = 0; e < (k ? 4 : BLOCKS); e++) {
            const double expected = (loss_of(offset, names[k], e, h) - loss_of(offset, names[k], e, -h)) / (2 * h);
            const double got = r.gradients[k][e];
            largest = fmax(largest, fabs(expected));
            cr_assert(fabs(got - expected) <= 1e-6 * (1 + fabs(expected)), "%s, element %llu: %.12g instead of %.12g",
                      names[k], (unsigned long long)e, got, expected);
        }
        cr_assert(largest > 1e-5, "%s has no gradient to speak of: %g", names[k], largest);
        free(r.gradients[k]);
    }
}
