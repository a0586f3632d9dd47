/* train_net.c - see train_net.h. */
#include "tests/support/train_net.h"

#include "runtime/base/random.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* As in tests/golden/steps.py. */
static const float RATE = 0x1p-5f, MOMENTUM = 0.875f, DECAY = 0x1p-10f, SMOOTHING = 0.125f, MOVING = 0.125f;

double train_net_at(const shunt_tensor_desc *desc, const void *data, uint64_t i)
{
    return desc->dtype == SHUNT_F64 ? ((const double *)data)[i] : (double)((const float *)data)[i];
}

static shunt_tensor_desc plain(uint8_t dtype, uint32_t rank, int64_t a, int64_t b, int64_t side)
{
    return (shunt_tensor_desc){.dtype = dtype, .rank = (uint8_t)rank, .block = SHUNT_PLAIN, .dims = {a, b, side, side}};
}

/* A copy of all its numbers in another type. */
static void *convert(uint8_t dtype, const shunt_tensor_desc *desc, const void *data)
{
    uint64_t count = shunt_tensor_count(desc);
    void *made = malloc(count * shunt_dtype_bytes(dtype));
    cr_assert(made);
    for (uint64_t i = 0; i < count; i++) {
        if (dtype == SHUNT_F64)
            ((double *)made)[i] = train_net_at(desc, data, i);
        else
            ((float *)made)[i] = (float)train_net_at(desc, data, i);
    }
    return made;
}

static void add_gradient_outputs(train_net *net)
{
    for (uint32_t v = 0; v < net->graph->nvalues; v++) {
        const graph_value *value = &net->graph->values[v];
        if (value->source != VALUE_PARAMETER || value->diff == SHUNT_NO_VALUE) continue;
        cr_assert(net->ngradients < MAX_GRADIENTS);
        net->names[net->ngradients] = value->name;
        net->descs[net->ngradients] = value->desc;
        net->descs[net->ngradients].dtype = net->options.dtype;
        net->gradients[net->ngradients] = malloc(shunt_tensor_bytes(&net->descs[net->ngradients]));
        cr_assert(net->gradients[net->ngradients++]);
        shunt_graph_output(net->graph, value->name, value->diff);
    }
}

/* The model's graph for its batch with all of training in it; outputs: logits, losses, gradients. */
static void make_graph(train_net *net, const shunt_model *model)
{
    const train_options *options = &net->options;
    shunt_tensor_desc images = plain(SHUNT_F32, 4, options->batch, 3, options->side);
    OK(shunt_graph_copy(shunt_model_graph(model), &net->graph));
    OK(graph_reshape(net->graph, &images, 1));
    shunt_value logits = net->graph->outputs[0].value, diff, labels, losses;
    OK(shunt_graph_train_batch_norms(net->graph, MOVING, options->frozen));
    labels = shunt_graph_input(net->graph, "labels", 1, &options->batch);
    losses = shunt_graph_cross_entropy(net->graph, "loss", logits, labels, SMOOTHING, &diff);
    shunt_gradient_options gradients = {.frozen = options->frozen, .recompute = options->recompute};
    OK(shunt_graph_gradients(net->graph, logits, diff, &gradients));
    shunt_sgd_options sgd = {.size = sizeof sgd,
                             .momentum = MOMENTUM,
                             .weight_decay = DECAY,
                             .nesterov = options->nesterov,
                             .lars = options->lars};
    OK(shunt_graph_sgd(net->graph, shunt_graph_input(net->graph, "rate", 1, (int64_t[]){1}), &sgd));
    shunt_graph_output(net->graph, "losses", losses);
    add_gradient_outputs(net);
    OK(shunt_graph_check(net->graph));
    if (options->dtype == SHUNT_F64) shunt_graph_widen(net->graph);
}

static void set_weights(train_net *net, const shunt_weights *from)
{
    OK(shunt_weights_create(&net->weights));
    for (uint32_t v = 0; v < net->graph->nvalues; v++) {
        const graph_value *value = &net->graph->values[v];
        if (value->source != VALUE_PARAMETER) continue;
        const shunt_tensor_view *have = shunt_weights_find(from, value->name);
        void *data =
            have ? convert(net->options.dtype, &have->desc, have->data) : calloc(1, shunt_tensor_bytes(&value->desc));
        cr_assert(data && (have || value->role == SHUNT_ROLE_VELOCITY), "%s", value->name);
        OK(shunt_weights_set(net->weights, value->name, &value->desc, data));
        free(data);
    }
}

void train_net_open(train_net *net, const shunt_model *model, const shunt_weights *from, shunt_device *device,
                    const train_options *options)
{
    *net = (train_net){.options = *options, .classes = shunt_model_classes(model)};
    make_graph(net, model);
    set_weights(net, from);
    OK(shunt_executor_create(net->graph, net->weights, device, &net->executor));
}

void train_net_close(train_net *net)
{
    shunt_executor_destroy(net->executor);
    shunt_weights_destroy(net->weights);
    shunt_graph_destroy(net->graph);
    for (size_t g = 0; g < net->ngradients; g++) free(net->gradients[g]);
}

/* A tensor of steps.py's batch: low + (high - low) * u, as float32 or cut to a whole number. */
static shunt_tensor draw(const train_net *net, const char *what, int step, const shunt_tensor_desc *desc, double low,
                         double high, bool whole)
{
    char name[32];
    snprintf(name, sizeof name, "%s%d", what, step);
    uint64_t key = random_key(name, 1), count = shunt_tensor_count(desc);
    shunt_tensor_desc narrow = *desc;
    narrow.dtype = SHUNT_F32;
    float *values = malloc(count * sizeof *values);
    cr_assert(values);
    for (uint64_t i = 0; i < count; i++) {
        double value = low + (high - low) * random_at(key, i);
        values[i] = (float)(whole ? floor(value) : value);
    }
    shunt_tensor made = {*desc, convert(net->options.dtype, &narrow, values)};
    free(values);
    return made;
}

static shunt_tensor room(const shunt_tensor_desc *desc)
{
    shunt_tensor made = {*desc, malloc(shunt_tensor_bytes(desc))};
    cr_assert(made.data);
    return made;
}

void train_net_step(train_net *net, int step)
{
    const train_options *o = &net->options;
    shunt_tensor_desc images = plain(o->dtype, 4, o->batch, 3, o->side), each = plain(o->dtype, 1, o->batch, 0, 0);
    shunt_tensor_desc logits = plain(o->dtype, 2, o->batch, net->classes, 0), one = plain(SHUNT_F32, 1, 1, 0, 0);
    shunt_tensor_desc rate = plain(o->dtype, 1, 1, 0, 0);
    shunt_tensor inputs[] = {draw(net, "input", step, &images, -1, 1, false),
                             draw(net, "labels", step, &each, 0, (double)net->classes, true),
                             {rate, convert(o->dtype, &one, &RATE)}};
    shunt_tensor outputs[2 + MAX_GRADIENTS] = {room(&logits), room(&each)};
    for (size_t g = 0; g < net->ngradients; g++) outputs[2 + g] = (shunt_tensor){net->descs[g], net->gradients[g]};
    OK(shunt_executor_run(net->executor, inputs, 3, outputs, 2 + net->ngradients));
    net->loss = 0;
    for (int64_t i = 0; i < o->batch; i++)
        net->loss += train_net_at(&each, outputs[1].data, (uint64_t)i) / (double)o->batch;
    for (int i = 0; i < 3; i++) free(inputs[i].data);
    for (int i = 0; i < 2; i++) free(outputs[i].data);
}
