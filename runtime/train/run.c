/* run.c - one step of training: what the training graph is given, and what its results say. */
#include "runtime/train/together.h"

#include <stdlib.h>

#include "runtime/base/error.h"
#include "runtime/data/dataset.h"
#include "runtime/graph/graph.h"
#include "runtime/train/evaluate.h"

static const double error_retention = 0.98; /* of train_position.recent_error, from batch to batch */

double train_rate(const shunt_trainer *self)
{
    return shunt_recipe_rate(&self->recipe, self->at.step, self->steps, self->at.warm_until);
}

static shunt_tensor vector(int64_t n, float *data)
{
    return (shunt_tensor){shunt_tensor_make(SHUNT_F32, 1, &n), data};
}

static shunt_tensor column(int64_t n, float *data)
{
    return (shunt_tensor){shunt_tensor_make(SHUNT_F32, 2, (int64_t[]){n, 1}), data};
}

/* Of each anchor `channels` numbers. */
static shunt_tensor of_anchors(const shunt_trainer *self, int64_t channels, float *data)
{
    const shunt_anchors *anchors = self->setup.anchors;
    const int64_t dims[] = {self->batch * anchors->shapes, channels, anchors->places};
    return (shunt_tensor){shunt_tensor_make(SHUNT_F32, 3, dims), data};
}

/* The inputs of a step, with the numbers among them. */
typedef struct step_inputs {
    float rate, scale, inverse, threshold, share_factor;
    float last, factors[2]; /* as shunt_graph_training_step has them */
    shunt_tensor list[12];
    size_t count;
} step_inputs;

/* What the term for the share of blocks is made of in this step. */
static void add_share(const shunt_trainer *self, step_inputs *out)
{
    const double share = shunt_recipe_share(&self->recipe, self->at.step, self->steps),
                 count = (double)self->batch * (double)self->ghost.blocks,
                 scale = self->at.loss_scale ? self->at.loss_scale : 1;
    for (int64_t i = 0; i < self->batch * self->ghost.blocks; i++) self->ghost.wanted[i] = (float)(-share * count);
    out->share_factor = (float)(scale * 2 * self->recipe.ghost_weight / (count * count));
    out->list[out->count++] =
        (shunt_tensor){.desc = shunt_tensor_make(SHUNT_F32, 2, (int64_t[]){self->batch, self->ghost.blocks}),
                       .data = self->ghost.wanted};
    out->list[out->count++] =
        (shunt_tensor){.desc = shunt_tensor_make(SHUNT_F32, 2, (int64_t[]){1, 1}), .data = &out->share_factor};
}

/* All parts are of one size. */
static void add_part(const shunt_trainer *self, int64_t part, step_inputs *out)
{
    out->last = part + 1 < self->recipe.accumulate ? -1 : 0;
    out->factors[0] = part ? 1 : 0;
    out->factors[1] = (float)(1 / (double)self->recipe.accumulate);
    out->list[out->count++] = vector(1, &out->last);
    out->list[out->count++] = vector(2, out->factors);
}

static void add_targets(const shunt_trainer *self, const loader_batch *batch, step_inputs *out)
{
    static const loader_batch none = {.n = 0};
    if (!batch) batch = &none;
    out->list[out->count++] = of_anchors(self, 1, batch->labels);
    out->list[out->count++] = of_anchors(self, 1, batch->weights);
    out->list[out->count++] = of_anchors(self, 4, batch->codes);
    out->list[out->count++] = of_anchors(self, 1, batch->code_weights);
}

/* batch NULL: only descriptors are wanted. */
static void make_inputs(const shunt_trainer *self, const loader_batch *batch, int64_t part, step_inputs *out)
{
    const int64_t n = self->batch;
    const bool scaled = self->at.loss_scale != 0;
    const double rate = train_rate(self),
                 threshold = shunt_recipe_threshold(&self->recipe, self->at.step, self->steps, rate);
    *out = (step_inputs){.rate = (float)rate, .threshold = (float)threshold};
    out->list[out->count++] = (shunt_tensor){train_images(self, n), batch ? batch->images : NULL};
    if (self->setup.data->kind->objects)
        add_targets(self, batch, out);
    else
        out->list[out->count++] = vector(n * self->labels, batch ? batch->labels : NULL);
    if (self->setup.data->kind->pixels)
        out->list[out->count++] = column(n * self->labels, batch ? batch->weights : NULL);
    if (self->second_weights) out->list[out->count++] = column(n * self->labels, self->second_weights);
    if (scaled) out->list[out->count++] = vector(1, &out->scale);
    if (self->ghost.blocks) add_share(self, out);
    out->list[out->count++] = vector(1, &out->rate);
    if (self->nbranches) out->list[out->count++] = vector(1, &out->threshold);
    if (scaled) {
        out->list[out->count++] = vector(1, &out->inverse);
        out->scale = (float)self->at.loss_scale;
        out->inverse = 1 / out->scale;
    }
    if (self->recipe.accumulate > 1) add_part(self, part, out);
}

/* One run of the training graph. part: of those of the step, from 0. */
static shunt_status run_part(shunt_trainer *self, const loader_batch *batch, int64_t part)
{
    const shunt_graph *graph = self->training;
    step_inputs inputs;
    for (int64_t i = 0; self->second_weights && i < self->batch * self->labels; i++)
        self->second_weights[i] = (float)self->recipe.auxiliary * batch->weights[i];
    make_inputs(self, batch, part, &inputs);
    void *data[4] = {self->logits, self->losses};
    uint32_t own = 2;
    if (self->ghost.blocks) data[own++] = &self->ghost.sum;
    if (self->at.loss_scale) data[own++] = &self->nonfinite;
    shunt_tensor *outputs = calloc(graph->noutputs, sizeof *outputs);
    if (!outputs) return error_memory();
    for (uint32_t i = 0; i < graph->noutputs; i++)
        outputs[i] = (shunt_tensor){shunt_graph_desc(graph, graph->outputs[i].value),
                                    i < own ? data[i] : self->gradients.data[i - own]};
    shunt_status status = shunt_executor_run(self->executor, inputs.list, inputs.count, outputs, graph->noutputs);
    free(outputs);
    return status;
}

shunt_status train_run_step(shunt_trainer *self, loader *pictures, train_found *found)
{
    const score_layout layout = train_layout(self);
    shunt_status status = SHUNT_OK;
    *found = (train_found){0};
    for (int64_t part = 0; !status && part < self->recipe.accumulate; part++) {
        const loader_batch *batch;
        status = loader_next(pictures, &batch);
        if (!status) status = run_part(self, batch, part);
        if (status) break;
        found->wrong += (double)evaluate_wrong(batch, self->logits, &layout);
        found->labelled += (double)batch->labelled;
        for (int64_t i = 0; i < batch->n; i++) found->loss += evaluate_loss(&layout, self->batch, self->losses[i]);
    }
    return status;
}

shunt_status train_count_results(shunt_trainer *self, const train_found *found, double *loss)
{
    double sums[3] = {found->loss, found->wrong, found->labelled};
    shunt_status status = together_sum(self, sums, 3);
    if (status) return status;
    train_position *at = &self->at;
    *loss = sums[0];
    at->loss_sum += sums[0];
    at->decisions += (double)self->ghost.sum;
    at->wrong += (int64_t)sums[1];
    at->labelled += (int64_t)sums[2];
    const double error = sums[2] > 0 ? sums[1] / sums[2] : 0;
    at->recent_error = error_retention * at->recent_error + (1 - error_retention) * error;
    if (at->warm_until < 0 && at->recent_error < self->recipe.warm_up_error) at->warm_until = at->step + 1;
    if (at->loss_scale) train_adapt_scale(at, self->nonfinite != 0);
    return SHUNT_OK;
}

/* ---- The executor ------------------------------------------------------------------------------------------------- */

shunt_status train_need_executor(shunt_trainer *self)
{
    if (self->executor) return SHUNT_OK;
    const shunt_executor_options options = {.size = sizeof options,
                                            .precision = shunt_dtype_name(self->precision.dtype),
                                            .ranks = self->setup.ranks,
                                            .sync_statistics = self->setup.sync_statistics,
                                            .bf16_gradients = self->setup.bf16_gradients};
    return shunt_executor_create_with(self->training, self->start, self->setup.device, &options, &self->executor);
}

shunt_status shunt_trainer_memory(shunt_trainer *self, uint64_t *bytes)
{
    if (!self || !bytes) return error_null(__func__, "trainer, bytes");
    const shunt_plan_report *report;
    step_inputs inputs;
    shunt_tensor_desc descs[sizeof inputs.list / sizeof *inputs.list];
    make_inputs(self, NULL, 0, &inputs);
    for (size_t i = 0; i < inputs.count; i++) descs[i] = inputs.list[i].desc;
    shunt_status status = train_need_executor(self);
    if (!status) status = shunt_executor_report(self->executor, descs, inputs.count, &report);
    if (status) return status;
    *bytes = report->activation_bytes + report->weight_bytes + report->workspace_bytes;
    return SHUNT_OK;
}
