/* small_net.c - see small_net.h. */
#include "tests/support/small_net.h"

#include "runtime/graph/graph.h"
#include "runtime/base/random.h"

#include <stdlib.h>
#include <string.h>

static float number(const char *name, uint64_t index)
{
    return (float)(2 * random_at(random_key(name, 0), index) - 1);
}

/* conv, batch norm, ReLU, max pool; a residual block; one with option A's shortcut; mean, linear, softmax. The average
 * pool and the batch norm after it are there to stand alone. */
static shunt_value build(shunt_graph *g)
{
    shunt_value x = shunt_graph_input(g, "x", 4, (int64_t[]){SMALL_NET_IMAGES, 3, SMALL_NET_SIDE, SMALL_NET_SIDE});
    shunt_value a = shunt_graph_batch_norm(g, "a.bn", shunt_graph_conv(g, "a", x, 8, 3, 1, 1, 0), 1e-5f);
    a = shunt_graph_max_pool(g, "a.pool", shunt_graph_relu(g, "a.relu", a), 3, 2, 1);
    shunt_value b = shunt_graph_conv(g, "b", a, 8, 1, 1, 0, 1);
    b = shunt_graph_relu(g, "b.relu", shunt_graph_add(g, "b.add", b, a));
    shunt_value c = shunt_graph_conv(g, "c", b, 16, 3, 2, 1, 1);
    c = shunt_graph_add(g, "c.add", shunt_graph_shortcut(g, "c.shortcut", b, 16, 2), shunt_graph_relu(g, "c.relu", c));
    const shunt_op_attr average = {
        .pool = {.window = {3, 3}, .stride = {1, 1}, .pad_before = {1, 1}, .pad_after = {1, 1}}};
    c = shunt_graph_op(g, "d.pool", SHUNT_OP_AVG_POOL, 0, &average, 1, &c);
    c = shunt_graph_batch_norm(g, "d.bn", c, 1e-5f);
    return shunt_graph_linear(g, "fc", shunt_graph_global_pool(g, "mean", c), SMALL_NET_CLASSES);
}

static shunt_status build_training(shunt_graph *g)
{
    shunt_value logits = build(g), labels = shunt_graph_input(g, "labels", 1, (int64_t[]){SMALL_NET_IMAGES});
    shunt_value rate = shunt_graph_input(g, "rate", 1, (int64_t[]){1}), diff_logits = SHUNT_NO_VALUE;
    const shunt_sgd_options sgd = {.momentum = 0.9f, .weight_decay = 1e-3f};
    shunt_status status = shunt_graph_train_batch_norms(g, 0.1f, NULL);
    shunt_graph_cross_entropy(g, "loss", logits, labels, 0.1f, &diff_logits);
    if (!status) status = shunt_graph_gradients(g, logits, diff_logits, NULL);
    if (!status) status = shunt_graph_sgd(g, rate, &sgd);
    shunt_graph_output(g, "logits", logits);
    return status;
}

static shunt_status fill(const shunt_graph *graph, shunt_weights *weights)
{
    shunt_status status = SHUNT_OK;
    for (uint32_t v = 0; v < graph->nvalues && !status; v++) {
        const graph_value *value = &graph->values[v];
        if (value->source != VALUE_PARAMETER) continue;
        uint64_t count = shunt_tensor_count(&value->desc);
        float *data = malloc(count * sizeof *data);
        if (!data) return SHUNT_E_MEMORY;
        for (uint64_t i = 0; i < count; i++)
            data[i] = value->role == SHUNT_ROLE_VARIANCE ? 1.5f + number(value->name, i) : number(value->name, i);
        status = shunt_weights_set(weights, value->name, &value->desc, data);
        free(data);
    }
    return status;
}

shunt_status small_net_create(small_net *net)
{
    memset(net, 0, sizeof *net);
    net->graph = shunt_graph_create();
    net->training = shunt_graph_create();
    if (!net->graph || !net->training) {
        small_net_destroy(net);
        return SHUNT_E_MEMORY;
    }
    shunt_graph_output(net->graph, "y", shunt_graph_softmax(net->graph, "softmax", build(net->graph)));
    shunt_status status = build_training(net->training);
    if (!status) status = shunt_graph_check(net->graph);
    if (!status) status = shunt_graph_check(net->training);
    if (!status) status = shunt_weights_create(&net->weights);
    if (!status) status = fill(net->training, net->weights);
    for (size_t i = 0; i < sizeof net->images / sizeof *net->images; i++) net->images[i] = number("x", i);
    if (status) small_net_destroy(net);
    return status;
}

void small_net_destroy(small_net *net)
{
    shunt_weights_destroy(net->weights);
    shunt_graph_destroy(net->graph);
    shunt_graph_destroy(net->training);
    memset(net, 0, sizeof *net);
}

/* steps runs of a graph that takes the images and the inputs after them. */
static shunt_status run(const small_net *net, const shunt_graph *graph, shunt_device *device, size_t ninputs, int steps,
                        small_net_result result)
{
    shunt_executor *executor;
    float labels[SMALL_NET_IMAGES] = {1, 3}, rate = 0.01f;
    const shunt_tensor_desc image = {.dtype = SHUNT_F32,
                                     .rank = 4,
                                     .block = SHUNT_PLAIN,
                                     .dims = {SMALL_NET_IMAGES, 3, SMALL_NET_SIDE, SMALL_NET_SIDE}};
    const shunt_tensor_desc classes = {
        .dtype = SHUNT_F32, .rank = 2, .block = SHUNT_PLAIN, .dims = {SMALL_NET_IMAGES, SMALL_NET_CLASSES}};
    const shunt_tensor_desc row = {.dtype = SHUNT_F32, .rank = 1, .block = SHUNT_PLAIN, .dims = {SMALL_NET_IMAGES}};
    const shunt_tensor_desc one = {.dtype = SHUNT_F32, .rank = 1, .block = SHUNT_PLAIN, .dims = {1}};
    const shunt_tensor src[] = {{image, (void *)net->images}, {row, labels}, {one, &rate}}, dst = {classes, result};
    shunt_status status = shunt_executor_create(graph, net->weights, device, &executor);
    if (status) return status;
    shunt_executor_profile(executor, 1);
    for (int i = 0; i < steps && !status; i++) status = shunt_executor_run(executor, src, ninputs, &dst, 1);
    shunt_executor_destroy(executor);
    return status;
}

shunt_status small_net_run(const small_net *net, shunt_device *device, small_net_result result)
{
    return run(net, net->graph, device, 1, 1, result);
}

shunt_status small_net_train(const small_net *net, shunt_device *device, small_net_result result)
{
    return run(net, net->training, device, 3, 2, result);
}
