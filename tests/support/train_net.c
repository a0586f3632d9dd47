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

/* How many pictures a run has. */
static int64_t part_of(const train_options *options)
{
    return options->batch / (options->parts ? options->parts : 1);
}

static void add_parts(train_net *net)
{
    const shunt_value last = shunt_graph_input(net->graph, "last", 1, (int64_t[]){1});
    OK(graph_begin_accumulating(net->graph, last, shunt_graph_input(net->graph, "factors", 1, (int64_t[]){2})));
}

/* The model's graph for its batch with all of training in it; outputs: logits, losses, gradients. */
static void make_graph(train_net *net, const shunt_model *model)
{
    const train_options *options = &net->options;
    const int64_t batch = part_of(options);
    shunt_tensor_desc images = plain(SHUNT_F32, 4, batch, 3, options->side);
    OK(shunt_graph_copy(shunt_model_graph(model), &net->graph));
    OK(graph_reshape(net->graph, &images, 1));
    shunt_value logits = net->graph->outputs[0].value, diff, labels, losses;
    OK(shunt_graph_train_batch_norms(net->graph, MOVING, options->frozen));
    labels = shunt_graph_input(net->graph, "labels", 1, &batch);
    losses = shunt_graph_cross_entropy(net->graph, "loss", logits, labels, SMOOTHING, &diff);
    shunt_gradient_options gradients = {.frozen = options->frozen, .recompute = options->recompute};
    OK(shunt_graph_gradients(net->graph, logits, diff, &gradients));
    shunt_sgd_options sgd = {.size = sizeof sgd,
                             .momentum = MOMENTUM,
                             .weight_decay = DECAY,
                             .nesterov = options->nesterov,
                             .lars = options->lars};
    OK(shunt_graph_sgd(net->graph, shunt_graph_input(net->graph, "rate", 1, (int64_t[]){1}), &sgd));
    if (options->parts) add_parts(net);
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

/* Adds the gradients of a run, outputs 2 and on, to those of the step. */
static void add_gradients(train_net *net, const shunt_tensor *outputs, int64_t part)
{
    const double weight = 1 / (double)(net->options.parts ? net->options.parts : 1);
    for (size_t g = 0; g < net->ngradients; g++) {
        const shunt_tensor_desc *desc = &net->descs[g];
        for (uint64_t i = 0; i < shunt_tensor_count(desc); i++) {
            const double before = part ? train_net_at(desc, net->gradients[g], i) : 0,
                         sum = before + weight * train_net_at(desc, outputs[2 + g].data, i);
            if (desc->dtype == SHUNT_F64)
                ((double *)net->gradients[g])[i] = sum;
            else
                ((float *)net->gradients[g])[i] = (float)sum;
        }
    }
}

/* Part `part` of the inputs: pictures, labels, rate, and of a step in parts also which one this is. */
static void run_part(train_net *net, const shunt_tensor *inputs, const shunt_tensor *outputs, int64_t part)
{
    const train_options *o = &net->options;
    const double weight = o->parts ? 1 / (double)o->parts : 1, wide[] = {part ? 1 : 0, weight};
    const float narrow[] = {part ? 1 : 0, (float)weight};
    float last = part + 1 == o->parts ? 0 : -1;
    void *factors = o->dtype == SHUNT_F64 ? (void *)wide : (void *)narrow;
    shunt_tensor own[5] = {
        inputs[0], inputs[1], inputs[2], {plain(SHUNT_F32, 1, 1, 0, 0), &last}, {plain(o->dtype, 1, 2, 0, 0), factors}};
    for (int i = 0; i < 2; i++)
        own[i].data = (uint8_t *)own[i].data + (uint64_t)part * shunt_tensor_bytes(&own[i].desc);
    OK(shunt_executor_run(net->executor, own, o->parts ? 5 : 3, outputs, 2 + net->ngradients));
    add_gradients(net, outputs, part);
}

void train_net_step(train_net *net, int step)
{
    const train_options *o = &net->options;
    const int64_t n = part_of(o);
    shunt_tensor_desc images = plain(o->dtype, 4, o->batch, 3, o->side), labels = plain(o->dtype, 1, o->batch, 0, 0);
    const shunt_tensor_desc logits = plain(o->dtype, 2, n, net->classes, 0), each = plain(o->dtype, 1, n, 0, 0),
                            one = plain(SHUNT_F32, 1, 1, 0, 0), rate = plain(o->dtype, 1, 1, 0, 0);
    shunt_tensor inputs[] = {draw(net, "input", step, &images, -1, 1, false),
                             draw(net, "labels", step, &labels, 0, (double)net->classes, true),
                             {rate, convert(o->dtype, &one, &RATE)}};
    shunt_tensor outputs[2 + MAX_GRADIENTS] = {room(&logits), room(&each)};
    for (size_t g = 0; g < net->ngradients; g++) outputs[2 + g] = room(&net->descs[g]);
    inputs[0].desc.dims[0] = inputs[1].desc.dims[0] = n;
    net->loss = 0;
    for (int64_t part = 0; part * n < o->batch; part++) {
        run_part(net, inputs, outputs, part);
        for (int64_t i = 0; i < n; i++)
            net->loss += train_net_at(&each, outputs[1].data, (uint64_t)i) / (double)o->batch;
    }
    for (int i = 0; i < 3; i++) free(inputs[i].data);
    for (size_t i = 0; i < 2 + net->ngradients; i++) free(outputs[i].data);
}
