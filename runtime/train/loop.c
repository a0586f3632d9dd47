/* loop.c - the training loop: steps, and at the end of each epoch validation, tables and checkpoints. Everything that it
 * carries from step to step is in the executor's parameters and in self->at, so a checkpoint may be taken after any step. */
#include "runtime/train/together.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/error.h"
#include "runtime/graph/graph.h"
#include "runtime/data/dataset.h"
#include "runtime/train/evaluate.h"
#include "runtime/data/loader.h"

/* Where no label is of anything, nothing is wrong. */
static double share_of(int64_t wrong, int64_t labelled)
{
    return labelled ? (double)wrong / (double)labelled : 0;
}

/* ---- One step ----------------------------------------------------------------------------------------------------- */

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
                               .error = share_of(self->at.wrong, self->at.labelled),
                               .rate = rate};
    /* Smoothed, as a step's own time jumps. */
    self->step_seconds = self->step_seconds > 0 ? 0.9 * self->step_seconds + 0.1 * seconds : seconds;
    event.images_per_second = (double)self->recipe.batch / self->step_seconds;
    tell(self, &event);
}

/* The norm of each gradient, into the epoch's sums; of a step that was left out there are none. */
static void add_gradients(shunt_trainer *self, double scale)
{
    for (size_t i = 0; i < self->gradients.count && !self->nonfinite; i++)
        self->gradient_sums[i] += train_gradients_norm(&self->gradients, i) / scale;
}

static shunt_status check_scale(const shunt_trainer *self)
{
    const double scale = self->at.loss_scale;
    if (!self->nonfinite) return SHUNT_OK;
    if (!train_is_scale(scale))
        return error_fail(SHUNT_E_INVALID,
                          "step %lld: gradients are infinite or NaN, even with a loss scale of %g; the last checkpoint "
                          "is kept; try a lower learning rate",
                          (long long)self->at.step + 1, 2 * scale);
    log_write(SHUNT_LOG_INFO,
              "step %lld changed nothing, since %g elements of gradients overflowed; the loss scale is now %g",
              (long long)self->at.step + 1, (double)self->nonfinite, scale);
    return SHUNT_OK;
}

static shunt_status step(shunt_trainer *self, loader *pictures)
{
    train_found found;
    double start = train_now(), rate = train_rate(self), scale = self->at.loss_scale ? self->at.loss_scale : 1, loss;
    shunt_status status = train_run_step(self, pictures, &found);
    if (!status) status = train_count_results(self, &found, &loss);
    if (status) return status;
    if (!isfinite(loss)) return train_diagnose(self, loss / (double)self->recipe.batch);
    status = check_scale(self);
    if (status) return status;
    add_gradients(self, scale);
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
    row->validation_error = share_of(score.wrong, score.pictures);
    return SHUNT_OK;
}

/* Under a penalty that grows, or a share that falls, an earlier network may be better, but has more blocks: then the last one counts. Where
 * objects are found, the error says nothing of anchors without an object, and the loss counts. */
static bool is_best(const shunt_trainer *self, const shunt_train_row *row)
{
    const shunt_train_row *best = self->at.best < 0 ? NULL : &self->rows[self->at.best];
    if (!best || self->nbranches || self->ghost.blocks) return true;
    if (self->setup.data->kind->objects) return !(row->validation_loss > best->validation_loss);
    return !(row->validation_error > best->validation_error);
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
                             .training_error = share_of(at->wrong, at->labelled),
                             .seconds = at->seconds,
                             .blocks_left = train_blocks_left(self)};
    if (self->ghost.blocks) row->share = at->decisions / (pictures * (double)self->ghost.blocks);
    shunt_status status = validate(self, row);
    if (!status) status = add_gradient_row(self, steps);
    if (status) return status;
    bool best = is_best(self, row);
    self->nrows++;
    if (best) at->best = (int64_t)self->nrows - 1;
    at->loss_sum = at->seconds = at->decisions = 0;
    at->wrong = at->labelled = 0;
    if (best) status = train_keep_best(self);
    if (best && !status) status = train_save_best(self);
    if (!status) status = train_save_tables(self);
    if (status) return status;
    shunt_train_event event = {.stage = SHUNT_TRAIN_EPOCH,
                               .row = row,
                               .improved = best && !self->nbranches && !self->ghost.blocks,
                               .rate = row->rate};
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

/* Fails if a parameter is not finite: such weights must not replace a good checkpoint. */
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
    return together_compare(self, self->state);
}

loader_setup train_pictures(const shunt_trainer *self)
{
    return (loader_setup){.data = self->setup.data,
                          .indices = self->pictures,
                          .count = self->npictures,
                          .anchors = self->setup.anchors,
                          .preprocess = self->setup.preprocess,
                          .recipe = &self->recipe,
                          .batch = self->recipe.batch,
                          .slice_first = self->slice_first,
                          .slice = self->batch,
                          .parts = self->recipe.accumulate,
                          .first = self->at.step * self->recipe.accumulate,
                          .end = self->steps * self->recipe.accumulate,
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
        status = together_decide(self, &due);
        if (status) break;
        if (!epoch && !due && !self->stop) continue;
        status = fetch(self);
        if (!status && epoch) status = end_epoch(self);
        if (!status) status = save(self, self->stop || self->at.step == self->steps);
    }
    return status;
}

shunt_status shunt_trainer_run(shunt_trainer *self, int *finished)
{
    if (!self || !finished) return error_null(__func__, "trainer, finished");
    loader_setup setup = train_pictures(self);
    loader *pictures = NULL;
    shunt_status status = SHUNT_OK;
    self->stop = false;
    if (!self->executor) status = together_compare(self, self->state);
    *finished = !status && self->at.step == self->steps;
    if (status || *finished) return status;
    /* At the start, too: a folder that is full or not ours shows now. */
    if (!self->at.step) status = save(self, true);
    self->saved_at = train_now();
    self->fetched = self->at;
    if (!status) status = train_need_executor(self);
    if (!status) status = loader_create(&setup, &pictures);
    if (!status) status = train(self, pictures);
    loader_destroy(pictures);
    *finished = !status && self->at.step == self->steps;
    return status;
}
