/* loop.c - the training loop: steps, and at the end of each epoch validation, tables and checkpoints. Everything that it
 * carries from step to step is in the executor's parameters and in self->at, so a checkpoint may be taken after any step. */
#include "runtime/train/trainer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/error.h"
#include "runtime/graph/graph.h"
#include "runtime/train/evaluate.h"
#include "runtime/data/loader.h"

static const double error_retention = 0.98; /* of train_position.recent_error, from batch to batch */

static double train_rate(const shunt_trainer *self)
{
    return shunt_recipe_rate(&self->recipe, self->at.step, self->steps, self->at.warm_until);
}

/* ---- One step ----------------------------------------------------------------------------------------------------- */

static shunt_tensor vector(int64_t n, float *data)
{
    return (shunt_tensor){shunt_tensor_make(SHUNT_F32, 1, &n), data};
}

shunt_status train_run_step(shunt_trainer *self, const loader_batch *batch)
{
    const shunt_graph *graph = self->training;
    int64_t n = self->recipe.batch;
    float rate = (float)train_rate(self);
    shunt_tensor inputs[3] = {{train_images(self, n), batch->images}, vector(n, batch->labels), vector(1, &rate)};
    shunt_tensor *outputs = calloc(graph->noutputs, sizeof *outputs);
    if (!outputs) return error_memory();
    void *data[2] = {self->logits, self->losses};
    for (uint32_t i = 0; i < graph->noutputs; i++)
        outputs[i] = (shunt_tensor){shunt_graph_desc(graph, graph->outputs[i].value),
                                    i < 2 ? data[i] : self->gradients.data[i - 2]};
    shunt_status status = shunt_executor_run(self->executor, inputs, 3, outputs, graph->noutputs);
    free(outputs);
    return status;
}

/* The norm of each gradient, into the epoch's sums. */
static void add_gradients(shunt_trainer *self)
{
    for (size_t i = 0; i < self->gradients.count; i++)
        self->gradient_sums[i] += train_gradients_norm(&self->gradients, i);
}

double train_count_results(shunt_trainer *self, const loader_batch *batch)
{
    double loss = 0;
    int64_t wrong = 0;
    for (int64_t i = 0; i < batch->n; i++) {
        loss += (double)self->losses[i];
        wrong += evaluate_best(self->logits + i * self->classes, self->classes) != (int64_t)batch->labels[i];
    }
    train_position *at = &self->at;
    at->loss_sum += loss;
    at->wrong += wrong;
    at->recent_error = error_retention * at->recent_error + (1 - error_retention) * (double)wrong / (double)batch->n;
    if (at->warm_until < 0 && at->recent_error < self->recipe.warm_up_error) at->warm_until = at->step + 1;
    return loss;
}

static void tell(shunt_trainer *self, shunt_train_event *event)
{
    const train_position *at = &self->at;
    int64_t epoch = at->step > 0 ? (at->step - 1) / self->epoch_steps : 0; /* of the step that was done last */
    event->epoch = epoch + 1;
    event->epochs = self->recipe.epochs;
    event->step = at->step;
    event->steps = self->steps;
    event->epoch_step = at->step - epoch * self->epoch_steps;
    event->epoch_steps = train_epoch_end(self, epoch) - epoch * self->epoch_steps;
    if (self->setup.handler && self->setup.handler(self->setup.context, event)) self->stop = true;
}

static void tell_step(shunt_trainer *self, double rate, double seconds)
{
    double pictures = (double)((self->at.step - 1) % self->epoch_steps + 1) * (double)self->recipe.batch;
    shunt_train_event event = {.stage = SHUNT_TRAIN_STEP,
                               .loss = self->at.loss_sum / pictures,
                               .error = (double)self->at.wrong / pictures,
                               .rate = rate};
    /* Smoothed, as a step's own time jumps. */
    self->step_seconds = self->step_seconds > 0 ? 0.9 * self->step_seconds + 0.1 * seconds : seconds;
    event.images_per_second = (double)self->recipe.batch / self->step_seconds;
    tell(self, &event);
}

static shunt_status step(shunt_trainer *self, loader *pictures)
{
    const loader_batch *batch;
    double start = train_now(), rate = train_rate(self);
    shunt_status status = loader_next(pictures, &batch);
    if (!status) status = train_run_step(self, batch);
    if (status) return status;
    double loss = train_count_results(self, batch);
    if (!isfinite(loss)) return train_diagnose(self, loss / (double)batch->n);
    add_gradients(self);
    self->at.step++;
    double seconds = train_now() - start;
    self->at.seconds += seconds;
    tell_step(self, rate, seconds);
    return SHUNT_OK;
}

/* ---- The end of an epoch ------------------------------------------------------------------------------------------- */

/* What is validated on: a set of its own, or what was held out. */
static train_part held_out(const shunt_trainer *self)
{
    return self->validation.data ? self->validation
                                 : (train_part){.data = self->setup.data,
                                                .pictures = self->pictures + self->npictures,
                                                .count = self->nheld};
}

static void tell_validation(void *context, int64_t done)
{
    shunt_trainer *self = context;
    shunt_train_event event = {.stage = SHUNT_TRAIN_VALIDATE, .done = done, .pictures = (int64_t)held_out(self).count};
    tell(self, &event);
}

static shunt_status validate(shunt_trainer *self, shunt_train_row *row)
{
    shunt_score score;
    row->validation_loss = row->validation_error = NAN;
    const train_part held = held_out(self);
    if (!held.count) return SHUNT_OK;
    shunt_status status = train_part_evaluate(self, &held, self->state, tell_validation, &score);
    if (status) return error_context(status, "validation");
    row->validation_loss = score.loss;
    row->validation_error = (double)score.wrong / (double)score.pictures;
    return SHUNT_OK;
}

static bool is_best(const shunt_trainer *self, const shunt_train_row *row)
{
    return self->at.best < 0 || !(row->validation_error > self->rows[self->at.best].validation_error);
}

static shunt_status add_gradient_row(shunt_trainer *self, int64_t steps)
{
    if (!self->gradients.count) return SHUNT_OK;
    json_t *row = json_array();
    for (size_t i = 0; i < self->gradients.count; i++) {
        json_array_append_new(row, train_number(self->gradient_sums[i] / (double)steps));
        self->gradient_sums[i] = 0;
    }
    if (json_array_size(row) == self->gradients.count && !json_array_append_new(self->gradient_rows, row))
        return SHUNT_OK;
    return error_memory();
}

static shunt_status end_epoch(shunt_trainer *self)
{
    train_position *at = &self->at;
    int64_t epoch = (at->step - 1) / self->epoch_steps, steps = at->step - epoch * self->epoch_steps;
    double pictures = (double)steps * (double)self->recipe.batch;
    shunt_train_row *row = &self->rows[self->nrows];
    *row = (shunt_train_row){.epoch = epoch + 1,
                             .step = at->step,
                             .rate = self->last_rate,
                             .training_loss = at->loss_sum / pictures,
                             .training_error = (double)at->wrong / pictures,
                             .seconds = at->seconds};
    shunt_status status = validate(self, row);
    if (!status) status = add_gradient_row(self, steps);
    if (status) return status;
    bool best = is_best(self, row);
    self->nrows++;
    if (best) at->best = (int64_t)self->nrows - 1;
    at->loss_sum = at->seconds = 0;
    at->wrong = 0;
    if (best) status = train_keep_best(self);
    if (best && !status) status = train_save_best(self);
    if (!status) status = train_save_tables(self);
    if (status) return status;
    shunt_train_event event = {.stage = SHUNT_TRAIN_EPOCH, .row = row, .improved = best, .rate = row->rate};
    tell(self, &event);
    return SHUNT_OK;
}

/* ---- The whole ------------------------------------------------------------------------------------------------------ */

/* If a checkpoint cannot be written, that is reported and the run continues; unless it is the first or the last checkpoint. */
static shunt_status save(shunt_trainer *self, bool needed)
{
    shunt_train_event event = {.stage = SHUNT_TRAIN_CHECKPOINT};
    shunt_status status = train_save_checkpoint(self);
    if (status && needed) return status;
    if (status) event.failed = shunt_last_error();
    self->saved_at = train_now();
    if (self->out) tell(self, &event);
    return SHUNT_OK;
}

/* What is not finite must not replace a checkpoint that is. */
static shunt_status fetch(shunt_trainer *self)
{
    shunt_status status = shunt_executor_fetch(self->executor, self->state);
    if (status) return status;
    const char *bad = train_bad_parameter(self);
    if (bad)
        return error_fail(SHUNT_E_INVALID,
                          "step %lld: %s is infinite or NaN; the last checkpoint is kept; try a lower learning rate",
                          (long long)self->at.step, bad);
    self->fetched = self->at;
    return SHUNT_OK;
}

loader_setup train_pictures(const shunt_trainer *self)
{
    return (loader_setup){.data = self->setup.data,
                          .indices = self->pictures,
                          .count = self->npictures,
                          .preprocess = self->setup.preprocess,
                          .recipe = &self->recipe,
                          .batch = self->recipe.batch,
                          .first = self->at.step,
                          .end = self->steps,
                          .workers = self->setup.workers};
}

static shunt_status train(shunt_trainer *self, loader *pictures)
{
    shunt_status status = SHUNT_OK;
    while (!status && !self->stop && self->at.step < self->steps) {
        self->last_rate = train_rate(self);
        status = step(self, pictures);
        if (status) break;
        bool epoch = self->at.step == train_epoch_end(self, (self->at.step - 1) / self->epoch_steps);
        bool due = self->setup.save_seconds && train_now() - self->saved_at > (double)self->setup.save_seconds;
        if (!epoch && !due && !self->stop) continue;
        status = fetch(self);
        if (!status && epoch) status = end_epoch(self);
        if (!status) status = save(self, self->stop || self->at.step == self->steps);
    }
    return status;
}

static shunt_status make_executor(shunt_trainer *self)
{
    if (self->executor) return SHUNT_OK;
    return shunt_executor_create(self->training, self->start, self->setup.device, &self->executor);
}

shunt_status shunt_trainer_memory(shunt_trainer *self, uint64_t *bytes)
{
    if (!self || !bytes) return error_null(__func__, "trainer, bytes");
    const shunt_plan_report *report;
    shunt_tensor_desc inputs[3] = {train_images(self, self->recipe.batch), vector(self->recipe.batch, NULL).desc,
                                   vector(1, NULL).desc};
    shunt_status status = make_executor(self);
    if (!status) status = shunt_executor_report(self->executor, inputs, 3, &report);
    if (status) return status;
    *bytes = report->activation_bytes + report->weight_bytes + report->workspace_bytes;
    return SHUNT_OK;
}

shunt_status shunt_trainer_run(shunt_trainer *self, int *finished)
{
    if (!self || !finished) return error_null(__func__, "trainer, finished");
    loader_setup setup = train_pictures(self);
    loader *pictures = NULL;
    shunt_status status = SHUNT_OK;
    self->stop = false;
    *finished = self->at.step == self->steps;
    if (*finished) return SHUNT_OK;
    /* At the start, too: a folder that is full or not ours shows now. */
    if (!self->at.step) status = save(self, true);
    self->saved_at = train_now();
    self->fetched = self->at;
    if (!status) status = make_executor(self);
    if (!status) status = loader_create(&setup, &pictures);
    if (!status) status = train(self, pictures);
    loader_destroy(pictures);
    *finished = !status && self->at.step == self->steps;
    return status;
}
