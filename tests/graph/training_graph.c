/* training_graph.c - gradients of a whole small network, in float64 on the scalar backend: against differences of the loss, and
 * with blocks recomputed or layers frozen. */
#include "tests/support/train_net.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static shunt_device *device;
static shunt_model *model;
static const train_options usual = {.dtype = SHUNT_F64, .batch = 3, .side = 11};

static void start(void)
{
    OK(shunt_device_open("scalar", "threads=1", &device));
    OK(shunt_model_create("resnet8", NULL, &model));
    OK(shunt_model_randomize(model, 3));
}

static void stop(void)
{
    shunt_model_destroy(model);
    shunt_device_close(device);
}

TestSuite(training_graph, .init = start, .fini = stop);

static size_t gradient(const train_net *net, const char *name)
{
    for (size_t g = 0; g < net->ngradients; g++)
        if (!strcmp(net->names[g], name)) return g;
    cr_assert(false, "%s has no gradient", name);
    return 0;
}

/* The loss of step 0 with one element of a parameter moved. */
static double loss_at(const char *name, uint64_t element, double change)
{
    const shunt_tensor_view *view = shunt_weights_find(shunt_model_weights(model), name);
    shunt_weights *moved;
    OK(shunt_weights_create(&moved));
    for (size_t i = 0; i < shunt_weights_count(shunt_model_weights(model)); i++) {
        const shunt_tensor_view *other = shunt_weights_at(shunt_model_weights(model), i);
        OK(shunt_weights_set(moved, other->name, &other->desc, other->data));
    }
    shunt_tensor_desc wide = view->desc;
    wide.dtype = SHUNT_F64;
    double *data = malloc(shunt_tensor_bytes(&wide));
    cr_assert(data);
    for (uint64_t i = 0; i < shunt_tensor_count(&wide); i++) data[i] = train_net_at(&view->desc, view->data, i);
    data[element] += change;
    OK(shunt_weights_set(moved, name, &wide, data));
    train_net net;
    train_net_open(&net, model, moved, device, &usual);
    train_net_step(&net, 0);
    double loss = net.loss;
    train_net_close(&net);
    shunt_weights_destroy(moved);
    free(data);
    return loss;
}

Test(training_graph, are_differences_of_the_loss)
{
    static const char *const names[] = {"conv1.weight",      "bn1.weight", "layer2.0.conv1.weight",
                                        "layer3.0.bn2.bias", "fc.weight",  "fc.bias"};
    const double h = 1e-5;
    train_net net;
    train_net_open(&net, model, shunt_model_weights(model), device, &usual);
    train_net_step(&net, 0);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t g = gradient(&net, names[i]);
        uint64_t element = shunt_tensor_count(&net.descs[g]) * 2 / 3;
        double expected = (loss_at(names[i], element, h) - loss_at(names[i], element, -h)) / (2 * h);
        double got = train_net_at(&net.descs[g], net.gradients[g], element);
        cr_assert(fabs(got - expected) <= 1e-6 * fabs(expected) + 1e-9, "%s: %.12g instead of %.12g", names[i], got,
                  expected);
    }
    train_net_close(&net);
}

/* Largest element in memory at once, as the plan has it. */
static uint64_t arena(train_net *net)
{
    const shunt_plan_report *report;
    shunt_tensor_desc inputs[3];
    for (int i = 0; i < 3; i++) inputs[i] = net->graph->values[net->graph->inputs[i]].desc;
    OK(shunt_executor_report(net->executor, inputs, 3, &report));
    return report->activation_bytes;
}

Test(training_graph, are_the_same_recomputed_in_less_memory)
{
    train_options options = usual;
    options.batch = 4;
    options.side = 20;
    train_net kept, again;
    train_net_open(&kept, model, shunt_model_weights(model), device, &options);
    options.recompute = 1;
    train_net_open(&again, model, shunt_model_weights(model), device, &options);
    cr_assert(again.graph->nops > kept.graph->nops);
    for (int step = 0; step < 2; step++) {
        train_net_step(&kept, step);
        train_net_step(&again, step);
        cr_assert_eq(kept.loss, again.loss);
        for (size_t g = 0; g < kept.ngradients; g++)
            cr_assert_eq(memcmp(kept.gradients[g], again.gradients[g], shunt_tensor_bytes(&kept.descs[g])), 0, "%s",
                         kept.names[g]);
    }
    cr_assert(arena(&again) < arena(&kept), "%llu bytes instead of %llu", (unsigned long long)arena(&again),
              (unsigned long long)arena(&kept));
    train_net_close(&kept);
    train_net_close(&again);
}

static const shunt_tensor_view *find(const shunt_weights *weights, const char *name)
{
    const shunt_tensor_view *view = shunt_weights_find(weights, name);
    cr_assert(view, "%s", name);
    return view;
}

Test(training_graph, leave_frozen_layers_alone)
{
    static const char *const prefixes[] = {"conv1.", "bn1.", "layer1."};
    const shunt_frozen frozen = {prefixes, 3};
    train_options options = usual;
    options.frozen = &frozen;
    train_net all, some;
    train_net_open(&all, model, shunt_model_weights(model), device, &usual);
    train_net_open(&some, model, shunt_model_weights(model), device, &options);
    train_net_step(&all, 0);
    train_net_step(&some, 0);
    cr_assert(some.ngradients < all.ngradients);
    for (size_t g = 0; g < some.ngradients; g++)
        cr_assert(strncmp(some.names[g], "conv1.", 6) && strncmp(some.names[g], "layer1.", 7), "%s", some.names[g]);
    shunt_weights *after;
    OK(shunt_weights_create(&after));
    OK(shunt_executor_fetch(some.executor, after));
    cr_assert_null(shunt_weights_find(after, "conv1.weight"), "frozen, and yet fetched");
    cr_assert_null(shunt_weights_find(after, "layer1.0.bn1.running_mean"));
    const shunt_tensor_view *now = find(after, "fc.weight"), *before = find(some.weights, "fc.weight");
    cr_assert_neq(memcmp(now->data, before->data, shunt_tensor_bytes(&now->desc)), 0);
    shunt_weights_destroy(after);
    train_net_close(&all);
    train_net_close(&some);
}

Test(training_graph, say_what_they_cannot)
{
    static const char *const prefixes[] = {"layer1."};
    const shunt_frozen frozen = {prefixes, 1};
    shunt_graph *graph;
    shunt_value diff;
    OK(shunt_graph_copy(shunt_model_graph(model), &graph));
    OK(shunt_graph_train_batch_norms(graph, 0.1f, &frozen));
    shunt_value labels = shunt_graph_input(graph, "labels", 1, (int64_t[]){1}), logits = graph->outputs[0].value;
    shunt_graph_cross_entropy(graph, "loss", logits, labels, 0, &diff);
    const shunt_gradient_options options = {.frozen = &frozen};
    cr_assert_eq(shunt_graph_gradients(graph, logits, diff, &options), SHUNT_E_UNSUPPORTED);
    cr_assert(strstr(shunt_last_error(), "freeze all from the first one on"), "%s", shunt_last_error());
    cr_assert_eq(shunt_graph_sgd(graph, labels, &(shunt_sgd_options){0}), SHUNT_E_INVALID);
    cr_assert(strstr(shunt_last_error(), "no parameter has a gradient"), "%s", shunt_last_error());
    shunt_graph_destroy(graph);
}
