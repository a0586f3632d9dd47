/* checkpoint.c - the files of a run. A checkpoint is the state's tensors and, as texts in the metadata, what else decides how
 * the run continues; numbers are written so that they are read back bit for bit. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/error.h"
#include "runtime/graph/graph.h"
#include "runtime/base/json.h"
#include "runtime/shared/os.h"
#include "runtime/train/recipe.h"
#include "runtime/train/trainer.h"
#include "runtime/weights/weights.h"

/* ---- Writing ------------------------------------------------------------------------------------------------------- */

/* Takes `value`, which may be NULL for lack of memory. */
static shunt_status put_json(shunt_weights *weights, const char *key, json_t *value)
{
    char *text = value ? json_dumps(value, JSON_COMPACT | JSON_REAL_PRECISION(17)) : NULL;
    shunt_status status = text ? shunt_weights_set_metadata(weights, key, text) : error_memory();
    free(text);
    json_decref(value);
    return status;
}

json_t *train_number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *position_json(const shunt_trainer *self)
{
    const train_position *at = &self->at;
    char fingerprint[20];
    snprintf(fingerprint, sizeof fingerprint, "%016" PRIx64, self->fingerprint);
    json_t *object = json_pack("{s:i, s:I, s:I, s:f, s:f, s:I, s:f, s:I, s:s, s:s, s:I}", "version", TRAIN_VERSION,
                               "step", (json_int_t)at->step, "warm_until", (json_int_t)at->warm_until, "recent_error",
                               at->recent_error, "loss_sum", at->loss_sum, "wrong", (json_int_t)at->wrong, "seconds",
                               at->seconds, "best", (json_int_t)at->best, "data", self->data_name, "fingerprint",
                               fingerprint, "pictures", (json_int_t)(self->npictures + self->nheld));
    if (object && self->ghost.blocks && json_object_set_new(object, "decisions", json_real(at->decisions))) {
        json_decref(object);
        return NULL;
    }
    if (object && self->labels > 1 && json_object_set_new(object, "labelled", json_integer((json_int_t)at->labelled))) {
        json_decref(object);
        return NULL;
    }
    if (!object || !at->loss_scale) return object;
    if (!json_object_set_new(object, "loss_scale", json_real(at->loss_scale)) &&
        !json_object_set_new(object, "good_steps", json_integer((json_int_t)at->good_steps)))
        return object;
    json_decref(object);
    return NULL;
}

static json_t *row_json(const shunt_train_row *row)
{
    return json_pack("[I, I, o, o, o, o, o, o, I, f]", (json_int_t)row->epoch, (json_int_t)row->step,
                     train_number(row->rate), train_number(row->training_loss), train_number(row->training_error),
                     train_number(row->validation_loss), train_number(row->validation_error),
                     train_number(row->seconds), (json_int_t)row->blocks_left, row->share);
}

static json_t *rows_json(const shunt_trainer *self)
{
    json_t *rows = json_array();
    for (size_t i = 0; i < self->nrows; i++) json_array_append_new(rows, row_json(&self->rows[i]));
    if (json_array_size(rows) == self->nrows) return rows;
    json_decref(rows);
    return NULL;
}

static json_t *gradients_json(const shunt_trainer *self)
{
    json_t *sums = json_array(), *names = json_array();
    for (size_t i = 0; i < self->gradients.count; i++) {
        json_array_append_new(sums, train_number(self->gradient_sums[i]));
        json_array_append_new(names, json_string(self->gradients.names[i]));
    }
    return json_pack("{s:o, s:o, s:O}", "names", names, "sums", sums, "rows", self->gradient_rows);
}

static shunt_status put_recipe(const shunt_trainer *self, shunt_weights *weights)
{
    char *text = shunt_recipe_text(&self->recipe);
    shunt_status status = text ? shunt_weights_set_metadata(weights, "recipe", text) : error_memory();
    free(text);
    return status;
}

static shunt_status out_path(const shunt_trainer *self, const char *name, char **path)
{
    return asprintf(path, "%s/%s", self->out, name) < 0 ? error_memory() : SHUNT_OK;
}

shunt_status train_save_checkpoint(shunt_trainer *self)
{
    char *path;
    if (!self->out) return SHUNT_OK;
    shunt_status status = put_recipe(self, self->state);
    if (!status) status = put_json(self->state, "training", position_json(self));
    if (!status) status = put_json(self->state, "history", rows_json(self));
    if (!status && self->gradients.count) status = put_json(self->state, "gradients", gradients_json(self));
    if (!status) status = out_path(self, "last.ckpt", &path);
    if (status) return status;
    status = shunt_weights_save(self->state, path);
    free(path);
    return status;
}

/* The network's own parameters, without the optimizer's. */
static shunt_status take_network(const shunt_trainer *self, shunt_weights *into)
{
    shunt_status status = SHUNT_OK;
    for (uint32_t i = 0; !status && i < self->graph->nvalues; i++) {
        const graph_value *value = &self->graph->values[i];
        if (value->source != VALUE_PARAMETER) continue;
        const shunt_tensor_view *view = shunt_weights_find(self->state, value->name);
        status = shunt_weights_set(into, view->name, &view->desc, view->data);
    }
    static const char *const keys[] = {"model", "preprocess", "labels"};
    for (size_t i = 0; !status && i < sizeof keys / sizeof *keys; i++) {
        const char *text = shunt_weights_metadata(self->start, keys[i]);
        if (text) status = shunt_weights_set_metadata(into, keys[i], text);
    }
    return status;
}

static json_t *result_json(const shunt_trainer *self)
{
    const shunt_train_row *row = &self->rows[self->at.best];
    return json_pack("{s:I, s:I, s:o, s:o, s:o, s:o}", "epoch", (json_int_t)row->epoch, "step", (json_int_t)row->step,
                     "training_loss", train_number(row->training_loss), "training_error",
                     train_number(row->training_error), "validation_loss", train_number(row->validation_loss),
                     "validation_error", train_number(row->validation_error));
}

shunt_status train_keep_best(shunt_trainer *self)
{
    shunt_weights *weights;
    shunt_status status = shunt_weights_create(&weights);
    if (status) return status;
    status = take_network(self, weights);
    if (!status) status = put_recipe(self, weights);
    if (!status) status = put_json(weights, "result", result_json(self));
    if (status) {
        shunt_weights_destroy(weights);
        return status;
    }
    shunt_weights_destroy(self->best);
    self->best = weights;
    return SHUNT_OK;
}

shunt_status train_save_best(const shunt_trainer *self)
{
    char *path;
    if (!self->out) return SHUNT_OK;
    shunt_status status = out_path(self, "best.safetensors", &path);
    if (status) return status;
    status = shunt_weights_save(self->best, path);
    free(path);
    return status;
}

/* ---- Reading --------------------------------------------------------------------------------------------------------- */

static shunt_status get_json(const shunt_weights *file, const char *key, json_t **out)
{
    const char *text = shunt_weights_metadata(file, key);
    if (!text) return error_fail(SHUNT_E_INVALID, "%s is missing: the file is not a checkpoint of a training run", key);
    json_error_t error;
    *out = bounded_json_load(text, strlen(text), &error);
    return *out ? SHUNT_OK : error_fail(SHUNT_E_INVALID, "%s is not JSON: %.80s", key, error.text);
}

double train_number_of(const json_t *value)
{
    return json_is_number(value) ? json_number_value(value) : NAN;
}

static bool read_row(const json_t *from, shunt_train_row *row)
{
    const size_t size = json_array_size(from);
    if (size < 8 || size > 10) return false; /* older ones know of no blocks, or of no shares of them */
    *row = (shunt_train_row){.epoch = json_integer_value(json_array_get(from, 0)),
                             .step = json_integer_value(json_array_get(from, 1)),
                             .rate = train_number_of(json_array_get(from, 2)),
                             .training_loss = train_number_of(json_array_get(from, 3)),
                             .training_error = train_number_of(json_array_get(from, 4)),
                             .validation_loss = train_number_of(json_array_get(from, 5)),
                             .validation_error = train_number_of(json_array_get(from, 6)),
                             .seconds = train_number_of(json_array_get(from, 7)),
                             .blocks_left = json_integer_value(json_array_get(from, 8)),
                             .share = json_number_value(json_array_get(from, 9))};
    return true;
}

static shunt_status read_rows(shunt_trainer *self, const shunt_weights *file)
{
    json_t *rows;
    shunt_status status = get_json(file, "history", &rows);
    if (status) return status;
    size_t count = json_array_size(rows);
    bool good = json_is_array(rows) &&
                count == (size_t)(self->at.step == self->steps ? self->recipe.epochs : train_epoch(self));
    for (size_t i = 0; good && i < count; i++) good = read_row(json_array_get(rows, i), &self->rows[i]);
    json_decref(rows);
    if (!good || self->at.best >= (int64_t)count)
        return error_fail(SHUNT_E_INVALID, "its history does not have a row for each epoch");
    self->nrows = count;
    return SHUNT_OK;
}

static shunt_status check_data(const shunt_trainer *self, const json_t *object)
{
    char ours[20];
    const char *theirs = json_string_value(json_object_get(object, "fingerprint"));
    json_int_t pictures = json_integer_value(json_object_get(object, "pictures"));
    size_t count = self->npictures + self->nheld;
    snprintf(ours, sizeof ours, "%016" PRIx64, self->fingerprint);
    if (pictures != (json_int_t)count)
        return error_fail(SHUNT_E_INVALID, "its data has %lld training pictures, this one %zu", (long long)pictures,
                          count);
    if (!theirs || strcmp(theirs, ours)) return error_fail(SHUNT_E_INVALID, "its training pictures differ from these");
    return SHUNT_OK;
}

static bool is_position(const shunt_trainer *self, const train_position *at)
{
    return at->step >= 0 && at->step <= self->steps && at->warm_until >= -1 && at->warm_until <= at->step &&
           at->best >= -1 && at->wrong >= 0 && at->wrong <= at->labelled &&
           at->labelled <= at->step * self->recipe.batch * self->labels &&
           (!at->loss_scale || train_is_scale(at->loss_scale)) && at->good_steps >= 0 && isfinite(at->recent_error) &&
           isfinite(at->loss_sum) && at->decisions >= 0 && isfinite(at->decisions) && isfinite(at->seconds);
}

static shunt_status read_position(shunt_trainer *self, const shunt_weights *file)
{
    json_t *object;
    shunt_status status = get_json(file, "training", &object);
    if (status) return status;
    json_int_t version = json_integer_value(json_object_get(object, "version"));
    train_position at = {.step = json_integer_value(json_object_get(object, "step")),
                         .warm_until = json_integer_value(json_object_get(object, "warm_until")),
                         .recent_error = train_number_of(json_object_get(object, "recent_error")),
                         .loss_sum = train_number_of(json_object_get(object, "loss_sum")),
                         .wrong = json_integer_value(json_object_get(object, "wrong")),
                         .seconds = train_number_of(json_object_get(object, "seconds")),
                         .decisions = json_number_value(json_object_get(object, "decisions")),
                         .loss_scale = json_number_value(json_object_get(object, "loss_scale")),
                         .good_steps = json_integer_value(json_object_get(object, "good_steps")),
                         .best = json_integer_value(json_object_get(object, "best"))};
    at.labelled = self->labels > 1 ? json_integer_value(json_object_get(object, "labelled"))
                                   : at.step % self->epoch_steps * self->recipe.batch;
    if (version != TRAIN_VERSION)
        status = error_fail(SHUNT_E_UNSUPPORTED, "it is of version %lld, this Shunt reads %d", (long long)version,
                            TRAIN_VERSION);
    else
        status = check_data(self, object);
    json_decref(object);
    if (!status && !at.loss_scale != !self->setup.loss_scale)
        status = error_fail(SHUNT_E_INVALID, "it was made with%s loss scaling", at.loss_scale ? "" : "out");
    if (!status && !is_position(self, &at))
        status = error_fail(SHUNT_E_INVALID, "its position is not one in a run of %" PRId64 " steps", self->steps);
    if (!status) self->at = at;
    return status;
}

static shunt_status read_gradients(shunt_trainer *self, const shunt_weights *file)
{
    json_t *object;
    if (!self->gradients.count) return SHUNT_OK;
    shunt_status status = get_json(file, "gradients", &object);
    if (status) return error_fail(SHUNT_E_INVALID, "it was made without a log of gradients");
    json_t *sums = json_object_get(object, "sums"), *rows = json_object_get(object, "rows");
    bool good = json_array_size(sums) == self->gradients.count && json_array_size(rows) == self->nrows;
    for (size_t i = 0; good && i < self->nrows; i++)
        good = json_array_size(json_array_get(rows, i)) == self->gradients.count;
    if (!good) {
        status = error_fail(SHUNT_E_INVALID, "its log of gradients is of another network");
    } else {
        for (size_t i = 0; i < self->gradients.count; i++)
            self->gradient_sums[i] = train_number_of(json_array_get(sums, i));
        json_decref(self->gradient_rows);
        self->gradient_rows = json_incref(rows);
    }
    json_decref(object);
    return status;
}

/* Of a file whose recipe says nothing of it: its position does, or there was no other yet. */
static shunt_status read_older_precision(const shunt_weights *file, shunt_recipe *recipe)
{
    const char *text = shunt_weights_metadata(file, "training");
    json_error_t error;
    json_t *position = text ? bounded_json_load(text, strlen(text), &error) : NULL;
    const char *name = json_string_value(json_object_get(position, "precision"));
    shunt_status status = shunt_recipe_set(recipe, "precision", name ? name : shunt_dtype_name(SHUNT_F32));
    json_decref(position);
    return status;
}

static shunt_status check_recipe(const shunt_trainer *self, const shunt_weights *file)
{
    const char *text = shunt_weights_metadata(file, "recipe");
    shunt_recipe recipe;
    if (!text) return error_fail(SHUNT_E_INVALID, "recipe is missing: the file is not a checkpoint of a training run");
    shunt_status status = shunt_recipe_read(text, &recipe);
    if (!status && !recipe_precision(&recipe)) status = read_older_precision(file, &recipe);
    return status ? status : shunt_recipe_same(&self->recipe, &recipe);
}

/* The description of the network and the names of its classes, where both have some. */
static shunt_status check_model(const shunt_trainer *self, const shunt_weights *file)
{
    const char *ours = shunt_weights_metadata(self->start, "model"), *theirs = shunt_weights_metadata(file, "model");
    if (ours && theirs && strcmp(ours, theirs))
        return error_fail(SHUNT_E_INVALID, "it is of the network %.200s, not %.200s", theirs, ours);
    ours = shunt_weights_metadata(self->start, "labels"), theirs = shunt_weights_metadata(file, "labels");
    if (ours && theirs && strcmp(ours, theirs))
        return error_fail(SHUNT_E_INVALID, "its classes are %.500s, not %.500s", theirs, ours);
    return SHUNT_OK;
}

/* Of `graph`, all of them in the file. */
static shunt_status check_tensors(const shunt_graph *graph, const shunt_weights *file)
{
    for (uint32_t i = 0; i < graph->nvalues; i++) {
        const graph_value *value = &graph->values[i];
        if (value->source != VALUE_PARAMETER) continue;
        const shunt_tensor_view *view = shunt_weights_find(file, value->name);
        if (!view) return error_fail(SHUNT_E_INVALID, "it has no tensor %s: it is of another network", value->name);
        if (memcmp(&view->desc, &value->desc, sizeof view->desc))
            return error_fail(SHUNT_E_INVALID, "its %s has another shape: it is of another network", value->name);
    }
    return SHUNT_OK;
}

/* The best network stands beside the checkpoint. Where it is not this run's, as of the row that the checkpoint calls best, it is as
 * good as lost: a run that was cut off between the two files makes it again, and shunt_trainer_test refuses to do without. */
static shunt_status read_best(shunt_trainer *self, const char *checkpoint)
{
    const char *name = os_last_slash(checkpoint);
    char *path;
    shunt_weights *file = NULL;
    json_t *result = NULL;
    shunt_weights_destroy(self->best); /* of a checkpoint that was read before */
    self->best = NULL;
    if (self->at.best < 0) return SHUNT_OK;
    if (asprintf(&path, "%.*s%s", name ? (int)(name - checkpoint) + 1 : 0, checkpoint, "best.safetensors") < 0)
        return error_memory();
    const shunt_train_row *row = &self->rows[self->at.best];
    bool ours = !weights_open(path, NULL, &file) && !check_model(self, file) && !check_recipe(self, file) &&
                !check_tensors(self->graph, file) && !get_json(file, "result", &result) &&
                json_integer_value(json_object_get(result, "step")) == row->step &&
                (isnan(row->validation_error) ||
                 train_number_of(json_object_get(result, "validation_error")) == row->validation_error);
    shunt_status status = ours ? train_copy_weights(file, &self->best) : SHUNT_OK;
    json_decref(result);
    shunt_weights_destroy(file);
    free(path);
    return status;
}

shunt_status shunt_trainer_resume(shunt_trainer *self, const char *path)
{
    if (!self || !path) return error_null(__func__, "trainer, path");
    shunt_weights *file;
    if (self->executor) return error_fail(SHUNT_E_INVALID, "%s: the trainer has begun already", path);
    shunt_status status = weights_open(path, NULL, &file);
    if (status) return status;
    status = check_model(self, file);
    if (!status) status = check_recipe(self, file);
    if (!status) status = check_tensors(self->training, file);
    if (!status) status = read_position(self, file);
    if (!status) status = read_rows(self, file);
    if (!status) status = read_gradients(self, file);
    if (!status) status = train_set_weights(self, file);
    if (!status) status = read_best(self, path);
    shunt_weights_destroy(file);
    return status ? error_context(status, "%s", path) : SHUNT_OK;
}
