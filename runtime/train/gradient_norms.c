/* gradient_norms.c - see gradient_norms.h; and the norms of the gradients on one batch, without a trainer. */
#include "runtime/train/gradient_norms.h"

#include <shunt/train.h>
#include <math.h>
#include <stdlib.h>

#include "runtime/base/error.h"
#include "runtime/graph/graph.h"
#include "runtime/train/object_loss.h"
#include "runtime/train/pixel_loss.h"

/* The factor of the loss, a further input, in a shape of this rank. */
static shunt_value factor_input(shunt_graph *graph, uint32_t rank)
{
    shunt_value factor = shunt_graph_input(graph, "loss_scale", 1, (int64_t[]){1});
    const shunt_op_attr ones = {.reshape = {.rank = (int32_t)rank, .dims = {1, 1, 1, 1}}};
    return shunt_graph_op(graph, "loss.scale", SHUNT_OP_RESHAPE, 0, &ones, 1, &factor);
}

static shunt_value multiply(shunt_graph *graph, shunt_value diff, shunt_value factor)
{
    return shunt_graph_op(graph, "loss.scaled", SHUNT_OP_MUL, SHUNT_FLAG_BROADCAST, NULL, 2,
                          (shunt_value[]){diff, factor});
}

shunt_value train_find_decisions(const shunt_graph *network)
{
    for (uint32_t i = 0; i < network->nops; i++)
        if (network->ops[i].kind == SHUNT_OP_STEP) return network->ops[i].outputs[0];
    return SHUNT_NO_VALUE;
}

/* The gradient by each of the decisions (N, blocks) of a term of the loss, weight * (their mean - share)^2: two more inputs are
 * -share * count, for each decision, and 2 * weight / count^2. *sum: of the decisions. */
static shunt_value add_share_term(shunt_graph *graph, shunt_value decisions, shunt_value *sum)
{
    const shunt_tensor_desc desc = shunt_graph_desc(graph, decisions);
    const shunt_op_attr all = {.reduce = {.axes = 3}};
    const shunt_value wanted = shunt_graph_input(graph, "ghost_wanted", 2, desc.dims);
    const shunt_value factor = shunt_graph_input(graph, "ghost_factor", 2, (int64_t[]){1, 1});
    *sum = shunt_graph_op(graph, "policy.sum", SHUNT_OP_REDUCE_SUM, 0, &all, 1, &decisions);
    const shunt_value excess = shunt_graph_op(graph, "policy.excess", SHUNT_OP_ADD, SHUNT_FLAG_BROADCAST, NULL, 2,
                                              (shunt_value[]){wanted, *sum});
    return shunt_graph_op(graph, "policy.diff_share", SHUNT_OP_MUL, SHUNT_FLAG_BROADCAST, NULL, 2,
                          (shunt_value[]){excess, factor});
}

/* What is differentiated, and by what. */
typedef struct loss_made {
    graph_seed seeds[2];
    uint32_t count;
    shunt_value losses, logits;
} loss_made;

static loss_made add_picture_loss(shunt_graph *graph, const train_loss *loss)
{
    loss_made made = {.seeds = {{graph->outputs[0].value, SHUNT_NO_VALUE}}, .count = 1};
    made.logits = made.seeds[0].value;
    const shunt_value labels = shunt_graph_input(graph, "labels", 1, &loss->pictures->dims[0]);
    made.losses =
        shunt_graph_cross_entropy(graph, "loss", made.seeds[0].value, labels, loss->smoothing, &made.seeds[0].diff);
    return made;
}

static loss_made add_pixel_loss(shunt_graph *graph, const train_loss *loss)
{
    loss_made made = {.seeds = {{graph->outputs[0].value, SHUNT_NO_VALUE}}, .count = 1};
    const shunt_value logits = made.logits = made.seeds[0].value;
    pixel_truth truth = pixel_truth_inputs(graph, logits);
    made.losses = pixel_loss(graph, "loss", logits, &truth, loss->smoothing, &made.seeds[0].diff);
    if (!loss->auxiliary) return made;
    const shunt_value second = graph->outputs[1].value;
    truth.weights = pixel_weights_input(graph, "auxiliary_weights", logits);
    made.seeds[made.count].value = second;
    const shunt_value losses =
        pixel_loss(graph, "auxiliary", second, &truth, loss->smoothing, &made.seeds[made.count++].diff);
    made.losses = shunt_graph_add(graph, "losses", made.losses, losses);
    return made;
}

static loss_made add_object_loss(shunt_graph *graph, const train_loss *loss)
{
    const object_scores scores = object_loss_scores(graph);
    const object_losses losses = object_loss(graph, &scores, loss->pictures->dims[0]);
    return (loss_made){.seeds = {{scores.logits, losses.diff_logits}, {scores.codes, losses.diff_codes}},
                       .count = 2,
                       .losses = losses.losses,
                       .logits = scores.logits};
}

static loss_made add_loss(shunt_graph *graph, const train_loss *loss)
{
    if (object_loss_fits(graph)) return add_object_loss(graph, loss);
    const bool pixels = shunt_graph_desc(graph, graph->outputs[0].value).rank == 4;
    return pixels ? add_pixel_loss(graph, loss) : add_picture_loss(graph, loss);
}

shunt_status train_loss_graph(const shunt_graph *network, const train_loss *loss, shunt_graph **out)
{
    shunt_value sum = SHUNT_NO_VALUE;
    shunt_status status = shunt_graph_copy(network, out);
    if (!status) status = graph_reshape(*out, loss->pictures, 1);
    if (!status) status = shunt_graph_train_batch_norms(*out, loss->norm_momentum, loss->gradients.frozen);
    if (status) return status;
    loss_made made = add_loss(*out, loss);
    const uint32_t rank = shunt_graph_desc(*out, made.logits).rank;
    const shunt_value factor = loss->scaled ? factor_input(*out, rank) : SHUNT_NO_VALUE;
    for (uint32_t i = 0; loss->scaled && i < made.count; i++)
        made.seeds[i].diff = multiply(*out, made.seeds[i].diff, factor);
    if (loss->ghost) {
        made.seeds[1].value = train_find_decisions(*out);
        made.seeds[1].diff = add_share_term(*out, made.seeds[1].value, &sum);
        made.count = 2;
    }
    status = shunt_graph_check(*out);
    if (!status) status = graph_gradients(*out, made.seeds, made.count, &loss->gradients);
    while (!status && (*out)->noutputs > 0) graph_drop_output(*out);
    shunt_graph_output(*out, "logits", made.logits);
    shunt_graph_output(*out, "losses", made.losses);
    if (loss->ghost) shunt_graph_output(*out, "ghost_sum", sum);
    return status;
}

shunt_status train_gradients_add(train_gradients *self, const shunt_graph *network, shunt_graph *training)
{
    self->names = calloc(network->nvalues, sizeof *self->names);
    self->descs = calloc(network->nvalues, sizeof *self->descs);
    self->data = calloc(network->nvalues, sizeof *self->data);
    if (!self->names || !self->descs || !self->data) return error_memory();
    for (uint32_t i = 0; i < network->nvalues; i++) {
        const graph_value *value = &network->values[i];
        shunt_value diff =
            value->source == VALUE_PARAMETER ? shunt_graph_gradient(training, value->name) : SHUNT_NO_VALUE;
        if (diff == SHUNT_NO_VALUE) continue;
        size_t at = self->count++;
        self->names[at] = value->name;
        self->descs[at] = value->desc;
        self->data[at] = calloc(shunt_tensor_count(&value->desc), sizeof(float));
        if (!self->data[at]) return error_memory();
        shunt_graph_output(training, value->name, diff);
    }
    return SHUNT_OK;
}

void train_gradients_end(train_gradients *self)
{
    for (size_t i = 0; i < self->count; i++) free(self->data[i]);
    free(self->data);
    free(self->descs);
    free(self->names);
    *self = (train_gradients){0};
}

double train_gradients_norm(const train_gradients *self, size_t index)
{
    size_t count = (size_t)shunt_tensor_count(&self->descs[index]);
    double sum = 0;
    for (size_t k = 0; k < count; k++) sum += (double)self->data[index][k] * (double)self->data[index][k];
    return sqrt(sum);
}

/* ---- On one batch --------------------------------------------------------------------------------------------------- */

typedef struct norms_setup {
    const shunt_graph *network;
    const shunt_weights *weights;
    shunt_device *device;
    const shunt_tensor *images;
    const float *labels;
} norms_setup;

/* Nothing is updated but running statistics, which stay in the executor. */
static shunt_status build(const norms_setup *setup, shunt_graph **out, train_gradients *gradients)
{
    shunt_status status =
        train_loss_graph(setup->network, &(train_loss){.pictures = &setup->images->desc, .norm_momentum = 0.1f}, out);
    if (!status) status = train_gradients_add(gradients, setup->network, *out);
    return status ? status : shunt_graph_check(*out);
}

static shunt_status run(const norms_setup *setup, const shunt_graph *graph, const train_gradients *gradients)
{
    shunt_executor *executor = NULL;
    shunt_tensor inputs[2] = {*setup->images,
                              {.desc = shunt_graph_desc(graph, graph->inputs[1]), .data = (void *)setup->labels}};
    shunt_tensor *outputs = calloc(graph->noutputs, sizeof *outputs);
    float *results = calloc((size_t)setup->images->desc.dims[0],
                            (size_t)(1 + shunt_graph_desc(graph, graph->outputs[0].value).dims[1]) * sizeof *results);
    shunt_status status = outputs && results ? SHUNT_OK : error_memory();
    for (uint32_t i = 0; !status && i < graph->noutputs; i++) { /* logits, losses, gradients */
        float *into = i ? results : results + setup->images->desc.dims[0];
        outputs[i] =
            (shunt_tensor){shunt_graph_desc(graph, graph->outputs[i].value), i < 2 ? into : gradients->data[i - 2]};
    }
    if (!status) status = shunt_executor_create(graph, setup->weights, setup->device, &executor);
    if (!status) status = shunt_executor_run(executor, inputs, 2, outputs, graph->noutputs);
    shunt_executor_destroy(executor);
    free(results);
    free(outputs);
    return status;
}

static shunt_status take_norms(const train_gradients *gradients, shunt_gradient_norm **norms, size_t *count)
{
    *norms = calloc(gradients->count + 1, sizeof **norms);
    if (!*norms) return error_memory();
    for (*count = 0; *count < gradients->count; ++*count)
        (*norms)[*count] = (shunt_gradient_norm){gradients->names[*count], train_gradients_norm(gradients, *count)};
    return SHUNT_OK;
}

shunt_status shunt_gradient_norms(const shunt_graph *graph, const shunt_weights *weights, shunt_device *device,
                                  const shunt_tensor *images, const float *labels, shunt_gradient_norm **norms,
                                  size_t *count)
{
    if (!graph || !weights || !device || !images || !labels || !norms || !count)
        return error_null(__func__, "graph, weights, device, images, labels, norms, count");
    norms_setup setup = {graph, weights, device, images, labels};
    train_gradients gradients = {0};
    shunt_graph *training = NULL;
    *norms = NULL;
    *count = 0;
    if (graph->ninputs != 1 || graph->noutputs != 1)
        return error_fail(SHUNT_E_INVALID, "a network with %u inputs and %u outputs; one each is needed",
                          graph->ninputs, graph->noutputs);
    shunt_status status = build(&setup, &training, &gradients);
    if (!status) status = run(&setup, training, &gradients);
    if (!status) status = take_norms(&gradients, norms, count);
    train_gradients_end(&gradients);
    shunt_graph_destroy(training);
    return status;
}

void shunt_gradient_norms_free(shunt_gradient_norm *norms)
{
    free(norms);
}
