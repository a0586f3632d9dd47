/* ghost.c - runs of networks that choose their blocks: the policy first, then one read-back of its gates, then the blocks that some picture
 * needs. Both plans are made ahead; the gates decide only which of their steps are launched, and on which pictures (models/nets/ghost.c). */
#include "models/ghost.h"
#include "runtime/base/error.h"
#include "runtime/graph/graph.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_RUNNERS = 4, MOST_PICTURES = 1 << 16, GROUPS = 8 };

/* For one number and size of pictures on one device. */
struct ghost_runner {
    shunt_device *device;
    int64_t pictures, group, height, width;
    shunt_graph *policy, *chosen;
    shunt_executor *policy_runs, *chosen_runs;
    float *images, *logits; /* of a run that is not full, with fillers */
    float *gates, *numbers;
};

static void runner_destroy(ghost_runner *self)
{
    if (!self) return;
    shunt_executor_destroy(self->policy_runs);
    shunt_executor_destroy(self->chosen_runs);
    shunt_graph_destroy(self->policy);
    shunt_graph_destroy(self->chosen);
    free(self->images);
    free(self->logits);
    free(self->gates);
    free(self->numbers);
    free(self);
}

void ghost_drop(shunt_model *model)
{
    for (size_t i = 0; i < model->nrunners; i++) runner_destroy(model->runners[i]);
    free(model->runners);
    model->runners = NULL;
    model->nrunners = 0;
}

/* ---- Making ---------------------------------------------------------------------------------------------------------- */

static shunt_status build(const shunt_model *model, ghost_runner *self)
{
    net_spec net = model->net;
    net.height = self->height;
    net.width = self->width;
    shunt_status status = ghost_build_policy(&net, &self->policy);
    if (status) return status;
    return ghost_build_chosen(&net, self->pictures, self->group, &self->chosen);
}

static shunt_status runner_create(const shunt_model *model, shunt_device *device, int64_t n, int64_t height,
                                  int64_t width, ghost_runner **out)
{
    const size_t count = (size_t)n, blocks = (size_t)model->net.ghost;
    ghost_runner *self = calloc(1, sizeof *self);
    if (!self) return error_memory();
    *self = (ghost_runner){
        .device = device, .pictures = n, .group = (n + GROUPS - 1) / GROUPS, .height = height, .width = width};
    shunt_status status = build(model, self);
    if (!status) {
        self->images = calloc(count * 3, (size_t)(height * width) * sizeof *self->images);
        self->logits = calloc(count, (size_t)model->net.classes * sizeof *self->logits);
        self->gates = calloc(count, blocks * sizeof *self->gates);
        self->numbers = calloc((size_t)ghost_places(n, self->group), blocks * sizeof *self->numbers);
        if (!self->images || !self->logits || !self->gates || !self->numbers) status = error_memory();
    }
    if (!status) status = shunt_executor_create(self->policy, model->weights, device, &self->policy_runs);
    if (!status) status = shunt_executor_create(self->chosen, model->weights, device, &self->chosen_runs);
    if (status)
        runner_destroy(self);
    else
        *out = self;
    return status;
}

/* The smallest that takes n pictures and is at most half empty. */
static ghost_runner *find_runner(const shunt_model *model, const shunt_device *device, int64_t n, int64_t height,
                                 int64_t width)
{
    ghost_runner *best = NULL;
    for (size_t i = 0; i < model->nrunners; i++) {
        ghost_runner *runner = model->runners[i];
        if (runner->device != device || runner->height != height || runner->width != width) continue;
        if (runner->pictures < n || runner->pictures > 2 * n) continue;
        if (!best || runner->pictures < best->pictures) best = runner;
    }
    return best;
}

/* With the model's lock held. */
static shunt_status need_runner(shunt_model *model, shunt_device *device, int64_t n, int64_t height, int64_t width,
                                ghost_runner **out)
{
    shunt_status status = model_need_weights(model);
    if (status) return status;
    if (n < 1 || n > MOST_PICTURES || height < 1 || width < 1)
        return error_fail(SHUNT_E_INVALID, "%lld pictures of %lldx%lld", (long long)n, (long long)width,
                          (long long)height);
    if ((*out = find_runner(model, device, n, height, width))) return SHUNT_OK;
    if (model->nrunners == MOST_RUNNERS) ghost_drop(model);
    ghost_runner **grown = realloc(model->runners, (model->nrunners + 1) * sizeof *grown);
    if (!grown) return error_memory();
    model->runners = grown;
    status = runner_create(model, device, n, height, width, out);
    if (!status) model->runners[model->nrunners++] = *out;
    return status;
}

/* ---- Running --------------------------------------------------------------------------------------------------------- */

/* The numbers of the pictures that need each block, of the first n; fillers need none. */
static void choose(const ghost_runner *self, int64_t n, int64_t blocks, float threshold)
{
    const int64_t places = ghost_places(self->pictures, self->group);
    for (int64_t b = 0; b < blocks; b++) {
        float *numbers = self->numbers + b * places;
        int64_t count = 0;
        for (int64_t i = 0; i < n; i++)
            if (self->gates[i * blocks + b] > threshold) numbers[count++] = (float)i;
        while (count < places) numbers[count++] = -1;
    }
}

static shunt_tensor tensor_of(const shunt_graph *graph, shunt_value value, float *data)
{
    return (shunt_tensor){.desc = shunt_graph_desc(graph, value), .data = data};
}

static shunt_status run(const shunt_model *model, const ghost_runner *self, int64_t n, float *images, float *logits)
{
    const shunt_tensor_desc pictures = shunt_graph_desc(self->chosen, self->chosen->inputs[0]);
    const shunt_tensor gates = {
        .desc = shunt_tensor_make(SHUNT_F32, 2, (const int64_t[]){self->pictures, model->net.ghost}),
        .data = self->gates};
    const shunt_tensor inputs[] = {{.desc = pictures, .data = images},
                                   tensor_of(self->chosen, self->chosen->inputs[1], self->numbers)};
    const shunt_tensor results = tensor_of(self->chosen, self->chosen->outputs[0].value, logits);
    shunt_status status = shunt_executor_run(self->policy_runs, inputs, 1, &gates, 1);
    if (!status) status = model_check_finite(model, self->gates, (size_t)(n * model->net.ghost));
    if (status) return status;
    choose(self, n, model->net.ghost, model->threshold);
    return shunt_executor_run(self->chosen_runs, inputs, 2, &results, 1);
}

/* Fillers behind the pictures, where they do not fill the plan's batch. */
static shunt_status run_filled(const shunt_model *model, const ghost_runner *self, int64_t n, const float *images,
                               float *logits)
{
    const size_t picture = (size_t)(3 * self->height * self->width);
    if (n == self->pictures) return run(model, self, n, (float *)images, logits);
    memcpy(self->images, images, (size_t)n * picture * sizeof *images);
    memset(self->images + (size_t)n * picture, 0, (size_t)(self->pictures - n) * picture * sizeof *images);
    shunt_status status = run(model, self, n, self->images, self->logits);
    if (!status) memcpy(logits, self->logits, (size_t)(n * model->net.classes) * sizeof *logits);
    return status;
}

shunt_status ghost_run(shunt_model *model, shunt_device *device, int64_t n, int64_t height, int64_t width,
                       const float *images, float *logits, unsigned char *ran)
{
    const int64_t blocks = model->net.ghost;
    ghost_runner *runner = NULL;
    pthread_mutex_lock(&model->lock);
    shunt_status status = need_runner(model, device, n, height, width, &runner);
    if (!status) status = run_filled(model, runner, n, images, logits);
    for (int64_t i = 0; !status && ran && i < n * blocks; i++) ran[i] = runner->gates[i] > model->threshold;
    pthread_mutex_unlock(&model->lock);
    return status;
}

/* ---- What runs cost -------------------------------------------------------------------------------------------------- */

static double multiply_adds_of(const shunt_graph *graph, const graph_op *op)
{
    shunt_op_desc desc;
    if (op->kind != SHUNT_OP_CONV && op->kind != SHUNT_OP_LINEAR) return 0;
    graph_op_desc(graph, op, &desc);
    return (double)op_flops(&desc) / 2;
}

/* Of the graph for one picture, in which the condition of an op is its block. */
static void count_chosen(const shunt_graph *graph, double *always, double *blocks)
{
    for (uint32_t o = 0; o < graph->nops; o++) {
        const graph_op *op = &graph->ops[o];
        *(op->when ? &blocks[op->when - 1] : always) += multiply_adds_of(graph, op);
    }
}

shunt_status ghost_count(const shunt_model *model, int64_t height, int64_t width, double *always, double *policy,
                         double *blocks)
{
    net_spec net = model->net;
    shunt_graph *graph;
    net.height = height;
    net.width = width;
    *always = *policy = 0;
    for (int b = 0; b < net.ghost; b++) blocks[b] = 0;
    shunt_status status = ghost_build_policy(&net, &graph);
    if (status) return status;
    for (uint32_t o = 0; o < graph->nops; o++) *policy += multiply_adds_of(graph, &graph->ops[o]);
    shunt_graph_destroy(graph);
    status = ghost_build_chosen(&net, 1, 1, &graph);
    if (status) return status;
    count_chosen(graph, always, blocks);
    shunt_graph_destroy(graph);
    return SHUNT_OK;
}

/* ---- The public calls ------------------------------------------------------------------------------------------------ */

static shunt_status refuse_static(const shunt_model *model)
{
    return error_fail(SHUNT_E_UNSUPPORTED,
                      "%s has no policy that chooses blocks: networks that have one are called ghost-..., and "
                      "shunt train --ghost makes them",
                      model->net.name);
}

shunt_status shunt_model_set_ghost(shunt_model *model, double threshold)
{
    if (!model) return error_null(__func__, "model");
    if (!model->net.ghost) return refuse_static(model);
    if (!(threshold >= 0 && threshold <= 1))
        return error_fail(SHUNT_E_INVALID, "a threshold of %g for gates: give 0 (all blocks run) to 1 (none)",
                          threshold);
    pthread_mutex_lock(&model->lock);
    model->threshold = (float)threshold;
    pthread_mutex_unlock(&model->lock);
    return SHUNT_OK;
}

shunt_status shunt_model_ghost(const shunt_model *model, shunt_ghost *out)
{
    if (!model || !out) return error_null(__func__, "model, out");
    shunt_ghost made = {.blocks = (size_t)model->net.ghost, .threshold = (double)model->threshold};
    if (!made.blocks) return refuse_static(model);
    double *blocks = calloc(made.blocks, sizeof *blocks);
    if (!blocks) return error_memory();
    shunt_status status = ghost_count(model, model->net.height, model->net.width, &made.least, &made.policy, blocks);
    made.least += made.policy;
    made.most = made.least;
    for (size_t b = 0; b < made.blocks; b++) made.most += blocks[b];
    free(blocks);
    if (!status) *out = made;
    return status;
}
