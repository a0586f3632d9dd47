/* trainer.c - makes a trainer: checks the setup, divides the data, builds the training graph. */
#include "runtime/plan/plan.h"
#include "runtime/train/together.h"
#include "runtime/base/sized.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "runtime/base/error.h"
#include "runtime/graph/graph.h"
#include "runtime/data/dataset.h"
#include "runtime/data/image.h"
#include "runtime/train/object_loss.h"
#include "runtime/train/recipe.h"
#include "runtime/train/step.h"
#include "runtime/base/file.h"
#include "runtime/base/random.h"
#include "runtime/data/loader.h"
#include "runtime/shared/lock.h"

double train_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

int64_t train_epoch(const shunt_trainer *self)
{
    return self->at.step / self->epoch_steps;
}

shunt_tensor_desc train_images(const shunt_trainer *self, int64_t n)
{
    return shunt_tensor_make(SHUNT_F32, 4, (const int64_t[]){n, 3, self->side, self->side});
}

int64_t train_epoch_end(const shunt_trainer *self, int64_t epoch)
{
    int64_t end = (epoch + 1) * self->epoch_steps;
    return end < self->steps ? end : self->steps;
}

/* ---- Data -------------------------------------------------------------------------------------------------------- */

static int by_number(const void *a, const void *b)
{
    size_t x = *(const size_t *)a, y = *(const size_t *)b;
    return x < y ? -1 : x > y;
}

/* The last `holdout` of a fixed shuffling are held out; then each part is in the order of the data set again. */
static shunt_status divide(shunt_trainer *self)
{
    const shunt_recipe *recipe = &self->recipe;
    size_t count = 0, held = (size_t)recipe->holdout;
    shunt_status status = loader_check(self->setup.data, (size_t)recipe->limit, self->setup.workers,
                                       self->setup.skip_bad, &self->pictures, &count);
    if (status) return status;
    if (held >= count || count - held < (size_t)recipe->batch)
        return error_fail(SHUNT_E_INVALID,
                          "%zu training pictures, less %zu held out, do not fill a batch of %" PRId64
                          "; lower the batch or the holdout",
                          count, held, recipe->batch);
    loader_shuffle(self->pictures, count, random_key("holdout", 0));
    self->npictures = count - held;
    self->nheld = held;
    qsort(self->pictures, self->npictures, sizeof *self->pictures, by_number);
    qsort(self->pictures + self->npictures, held, sizeof *self->pictures, by_number);
    return SHUNT_OK;
}

/* Tells one data set from another, most likely: its size, and some of its pictures with their labels. */
static shunt_status take_fingerprint(shunt_trainer *self)
{
    enum { SAMPLES = 16 };
    const shunt_dataset *data = self->setup.data;
    size_t count = self->npictures + self->nheld;
    uint64_t hash = random_bits(count, data->classes);
    for (size_t i = 0; i < SAMPLES; i++) {
        shunt_status status = dataset_hash_picture(data, self->pictures[count * i / SAMPLES], &hash);
        if (status) return status;
    }
    self->fingerprint = hash;
    return SHUNT_OK;
}

/* ---- The graph ------------------------------------------------------------------------------------------------------ */

/* Of sets of their own. */
static shunt_status open_parts(shunt_trainer *self)
{
    const shunt_dataset *validation = self->setup.validation, *test = self->setup.test;
    shunt_status status = SHUNT_OK;
    if (validation && self->recipe.holdout)
        return error_fail(SHUNT_E_INVALID,
                          "%" PRId64
                          " pictures are held out, and there are others to validate on; leave out one of them",
                          self->recipe.holdout);
    if (validation) status = train_part_open(self, validation, "the pictures to validate on", &self->validation);
    if (!status && test) status = train_part_open(self, test, "the test pictures", &self->test);
    return status;
}

/* What a label is of. */
typedef enum label_kind { LABEL_PICTURES, LABEL_PIXELS, LABEL_OBJECTS } label_kind;

static label_kind data_labels(const shunt_dataset *data)
{
    return data->kind->objects ? LABEL_OBJECTS : data->kind->pixels ? LABEL_PIXELS : LABEL_PICTURES;
}

/* That the data has what the network tells: the class of a picture, or of its pixels, or its objects. */
static shunt_status check_labels(const shunt_trainer *self, label_kind labels)
{
    static const char *const told[] = {"the class of a picture", "the class of each pixel", "where objects are"};
    static const char *const had[] = {"that of pictures", "that of pixels", "where objects are"};
    const shunt_dataset *data = self->setup.data;
    if (labels != data_labels(data))
        return error_fail(SHUNT_E_INVALID, "the network tells %s, and the data %s", told[labels],
                          had[data_labels(data)]);
    if ((int64_t)data->classes != self->classes)
        return error_fail(SHUNT_E_INVALID, "the data has %zu classes and the network %" PRId64, data->classes,
                          self->classes);
    if (labels == LABEL_PICTURES) return SHUNT_OK;
    if (shunt_ranks_describe(self->setup.ranks)->count > 1)
        return error_fail(SHUNT_E_UNSUPPORTED, "several processes cannot train a network that %s together",
                          labels == LABEL_PIXELS ? "labels pixels" : "finds objects");
    if (labels == LABEL_PIXELS && self->recipe.augment == SHUNT_AUGMENT_RESIZED_CROP)
        return error_fail(SHUNT_E_INVALID, "augment 'resized-crop' is for pictures with one class; of pixels it is "
                                           "'crop', with the field scales");
    if (labels == LABEL_OBJECTS && self->recipe.augment != SHUNT_AUGMENT_NONE)
        return error_fail(SHUNT_E_INVALID,
                          "pictures with objects are not cropped: augment is 'none', and there are the "
                          "fields flip and scales");
    if (labels == LABEL_OBJECTS && self->recipe.smoothing > 0)
        return error_fail(SHUNT_E_INVALID, "the loss of objects has no label smoothing: the field is 0");
    return SHUNT_OK;
}

/* The network with inputs of the batch's size has these shapes, places and classes. */
static shunt_status check_anchors(shunt_trainer *self)
{
    const shunt_anchors *anchors = self->setup.anchors;
    const shunt_tensor_desc src = train_images(self, 1);
    shunt_graph *sized = NULL;
    if (!anchors) return error_fail(SHUNT_E_INVALID, "a trainer of a network that finds objects needs its anchors");
    shunt_status status = shunt_graph_copy(self->graph, &sized);
    if (!status) status = graph_reshape(sized, &src, 1);
    if (status) {
        shunt_graph_destroy(sized);
        return status;
    }
    const object_sizes sizes = object_loss_sizes(sized);
    shunt_graph_destroy(sized);
    self->classes = sizes.classes;
    self->labels = sizes.shapes * sizes.places;
    if (sizes.shapes == anchors->shapes && sizes.places == anchors->places) return check_labels(self, LABEL_OBJECTS);
    return error_fail(SHUNT_E_INVALID,
                      "%" PRId64 " anchors at %" PRId64 " places are not those of the network, which has %" PRId64
                      " at %" PRId64,
                      anchors->shapes, anchors->places, sizes.shapes, sizes.places);
}

static shunt_status check_graph(shunt_trainer *self)
{
    const shunt_graph *graph = self->graph;
    self->side = self->setup.preprocess->crop;
    if (object_loss_fits(graph)) return check_anchors(self);
    if (graph->ninputs != 1 || graph->noutputs < 1 || graph->noutputs > 2)
        return error_fail(SHUNT_E_INVALID,
                          "a network with %u inputs and %u outputs cannot be trained; one each is needed",
                          graph->ninputs, graph->noutputs);
    shunt_tensor_desc src = shunt_graph_desc(graph, graph->inputs[0]);
    shunt_tensor_desc logits = shunt_graph_desc(graph, graph->outputs[0].value);
    const bool pixels = logits.rank == 4;
    if (src.rank != 4 || src.dims[1] != 3 || (logits.rank != 2 && !pixels))
        return error_fail(SHUNT_E_INVALID, "a network to train takes N x 3 x H x W pictures and gives N x C logits, or "
                                           "N x C x H x W");
    self->classes = logits.dims[1];
    self->labels = pixels ? self->side * self->side : 1;
    return check_labels(self, pixels ? LABEL_PIXELS : LABEL_PICTURES);
}

static shunt_status add_gradient_outputs(shunt_trainer *self)
{
    shunt_status status = train_gradients_add(&self->gradients, self->graph, self->training);
    if (status) return status;
    self->gradient_sums = calloc(self->gradients.count + 1, sizeof *self->gradient_sums);
    self->gradient_rows = json_array();
    return self->gradient_sums && self->gradient_rows ? SHUNT_OK : error_memory();
}

/* Of how many pictures the statistics are. Of slices it is the larger ones' number, since all ranks average alike. */
static int64_t sampled_batch(const shunt_trainer *self)
{
    const int64_t slices = shunt_ranks_describe(self->setup.ranks)->count * self->recipe.accumulate;
    return self->setup.sync_statistics ? self->recipe.batch : (self->recipe.batch + slices - 1) / slices;
}

static shunt_status build_training_graph(shunt_trainer *self)
{
    shunt_tensor_desc src = train_images(self, self->batch);
    const train_step_options options = {
        .pictures = &src, .recompute = self->setup.recompute, .scaled = self->setup.loss_scale != 0};
    shunt_status status = train_step_graph(self->graph, &self->recipe, &options, &self->training);
    if (!status && self->setup.ranks) graph_set_samples(self->training, sampled_batch(self));
    if (!status && self->setup.log_gradients) status = add_gradient_outputs(self);
    return status ? status : shunt_graph_check(self->training);
}

static shunt_status prepare_ghost(shunt_trainer *self)
{
    if (self->recipe.ghost <= 0) return SHUNT_OK;
    self->ghost.blocks = shunt_graph_desc(self->graph, train_find_decisions(self->graph)).dims[1];
    self->ghost.wanted = calloc((size_t)self->batch, (size_t)self->ghost.blocks * sizeof *self->ghost.wanted);
    return self->ghost.wanted ? SHUNT_OK : error_memory();
}

/* Velocities that the weights do not have yet are 0. */
static shunt_status add_velocities(const shunt_graph *graph, shunt_weights *weights)
{
    shunt_status status = SHUNT_OK;
    for (uint32_t i = 0; !status && i < graph->nvalues; i++) {
        const graph_value *value = &graph->values[i];
        if (value->source != VALUE_PARAMETER || value->role != SHUNT_ROLE_VELOCITY ||
            shunt_weights_find(weights, value->name))
            continue;
        void *zeros = calloc(1, (size_t)shunt_tensor_bytes(&value->desc));
        status = zeros ? shunt_weights_set(weights, value->name, &value->desc, zeros) : error_memory();
        free(zeros);
    }
    return status;
}

shunt_status train_copy_weights(const shunt_weights *from, shunt_weights **out)
{
    shunt_status status = shunt_weights_create(out);
    for (size_t i = 0; !status && i < shunt_weights_count(from); i++) {
        const shunt_tensor_view *view = shunt_weights_at(from, i);
        status = shunt_weights_set(*out, view->name, &view->desc, view->data);
    }
    for (const char *key = NULL; !status && (key = shunt_weights_metadata_next(from, key));)
        status = shunt_weights_set_metadata(*out, key, shunt_weights_metadata(from, key));
    return status;
}

/* ---- Making and ending ------------------------------------------------------------------------------------------------ */

static shunt_status check_setup(const shunt_train_setup *setup)
{
    if (!setup->graph || !setup->weights || !setup->device || !setup->data || !setup->preprocess || !setup->recipe)
        return error_fail(SHUNT_E_INVALID,
                          "a trainer needs a graph, weights, a device, data, preprocessing and a recipe");
    if (setup->workers < 0 || setup->save_seconds < 0)
        return error_fail(SHUNT_E_INVALID, "%" PRId64 " workers and a checkpoint each %" PRId64 " seconds: below 0",
                          setup->workers, setup->save_seconds);
    if (setup->loss_scale != 0 && !train_is_scale(setup->loss_scale))
        return error_fail(SHUNT_E_INVALID, "a loss scale of %g: it must be a power of two from 2^-14 to 2^126",
                          setup->loss_scale);
    shunt_status status = preprocess_check(setup->preprocess);
    return status ? status : recipe_check(setup->recipe, NULL);
}

/* In f16 small gradients would be 0 without a factor. */
static shunt_status choose_precision(shunt_trainer *self)
{
    enum { FIRST_SCALE = 1 << 16 };
    const char *asked = self->setup.precision ? self->setup.precision : recipe_precision(&self->recipe);
    shunt_status status = precision_choose(self->setup.device, asked, &self->precision);
    if (status) return status;
    if (self->precision.dtype == SHUNT_F16 && !self->setup.loss_scale) self->setup.loss_scale = FIRST_SCALE;
    return shunt_recipe_set(&self->recipe, "precision", shunt_dtype_name(self->precision.dtype));
}

static shunt_status copy_setup(const shunt_train_setup *setup, shunt_trainer *self)
{
    shunt_status status =
        sized_take(&self->setup, sizeof self->setup, SIZE_THROUGH(shunt_train_setup, test), setup, "shunt_train_setup");
    if (!status) status = check_setup(&self->setup);
    if (status) return status;
    self->recipe = *self->setup.recipe;
    if (!self->recipe.accumulate) self->recipe.accumulate = 1;
    self->setup.recipe = &self->recipe;
    status = choose_precision(self);
    if (status) return status;
    const bool writes = setup->out && together_writes(self);
    self->out = writes ? strdup(setup->out) : NULL;
    self->data_name = strdup(setup->data_name ? setup->data_name : "");
    if ((writes && !self->out) || !self->data_name) return error_memory();
    self->setup.out = self->out;
    self->setup.data_name = self->data_name;
    return shunt_graph_copy(setup->graph, &self->graph);
}

/* Two runs in one folder would continue from each other's files. */
static shunt_status take_folder(shunt_trainer *self)
{
    shunt_status status = file_make_folders(self->out, 0777);
    if (status) return status;
    self->lock = folder_lock(self->out);
    if (self->lock < 0 && errno == EWOULDBLOCK)
        return error_fail(SHUNT_E_IO, "%s: another run is writing into this folder; wait for its end, or name another",
                          self->out);
    if (self->lock < 0 && errno != ENOLCK && errno != ENOTSUP)
        return error_fail(SHUNT_E_IO, "%s: cannot be locked: %s", self->out, strerror(errno));
    if (self->lock < 0)
        log_write(SHUNT_LOG_WARN, "%s: its file system has no locks; let no other run write into this folder",
                  self->out);
    return SHUNT_OK;
}

/* Which part of the run the warm-up is. */
static shunt_status count_warm_up(const shunt_trainer *self, shunt_recipe *recipe)
{
    if (recipe->warm_up_epochs <= 0) return SHUNT_OK;
    recipe->warm_up = recipe->warm_up_epochs * (double)self->epoch_steps / (double)self->steps;
    if (recipe->warm_up <= 1) return SHUNT_OK;
    return error_fail(SHUNT_E_INVALID, "recipe: a warm_up_epochs of %g in a run of %" PRId64 " epochs; lower it",
                      recipe->warm_up_epochs, recipe->epochs);
}

static shunt_status count_steps(shunt_trainer *self)
{
    shunt_recipe *recipe = &self->recipe;
    self->epoch_steps = (int64_t)self->npictures / recipe->batch;
    self->steps = recipe->steps ? recipe->steps : recipe->epochs * self->epoch_steps;
    if (recipe->steps) recipe->epochs = (recipe->steps + self->epoch_steps - 1) / self->epoch_steps;
    if (recipe->epochs <= RECIPE_MOST_EPOCHS) return count_warm_up(self, recipe);
    return error_fail(SHUNT_E_INVALID,
                      "recipe: %" PRId64 " steps are %" PRId64 " epochs of these pictures, expected %d at most",
                      recipe->steps, recipe->epochs, RECIPE_MOST_EPOCHS);
}

shunt_status train_set_weights(shunt_trainer *self, const shunt_weights *from)
{
    shunt_weights *start = NULL, *state = NULL;
    shunt_status status = train_copy_weights(from, &start);
    if (!status) status = add_velocities(self->training, start);
    if (!status) status = train_copy_weights(start, &state);
    if (status) {
        shunt_weights_destroy(start);
        shunt_weights_destroy(state);
        return status;
    }
    shunt_weights_destroy(self->start);
    shunt_weights_destroy(self->state);
    self->start = start;
    self->state = state;
    return SHUNT_OK;
}

shunt_status shunt_trainer_create(const shunt_train_setup *setup, shunt_trainer **out)
{
    if (!setup || !out) return error_null(__func__, "setup, out");
    *out = NULL;
    shunt_trainer *self = calloc(1, sizeof *self);
    if (!self) return error_memory();
    self->at = (train_position){.warm_until = -1, .recent_error = 1, .best = -1};
    self->lock = -1;
    shunt_status status = copy_setup(setup, self);
    self->at.loss_scale = self->setup.loss_scale;
    if (!status) status = check_graph(self);
    if (!status) status = open_parts(self);
    if (!status) status = together_divide(self);
    if (!status && self->out) status = take_folder(self);
    if (!status) status = divide(self);
    if (!status) status = take_fingerprint(self);
    if (!status) status = count_steps(self);
    if (!status) status = build_training_graph(self);
    if (!status) status = train_find_branches(self);
    if (!status) status = prepare_ghost(self);
    if (!status) status = train_set_weights(self, setup->weights);
    if (!status) {
        self->losses = calloc((size_t)self->batch, sizeof *self->losses);
        self->logits = calloc((size_t)self->batch, (size_t)(self->classes * self->labels) * sizeof *self->logits);
        self->rows = calloc((size_t)self->recipe.epochs, sizeof *self->rows);
        if (self->recipe.auxiliary > 0)
            self->second_weights = calloc((size_t)self->batch, (size_t)self->labels * sizeof *self->second_weights);
        if (!self->losses || !self->logits || !self->rows || (self->recipe.auxiliary > 0 && !self->second_weights))
            status = error_memory();
    }
    if (!status) status = together_agree(self);
    if (status)
        shunt_trainer_destroy(self);
    else
        *out = self;
    return status;
}

void shunt_trainer_destroy(shunt_trainer *self)
{
    if (!self) return;
    shunt_executor_destroy(self->executor);
    folder_unlock(self->out, self->lock);
    shunt_weights_destroy(self->best);
    shunt_weights_destroy(self->state);
    shunt_weights_destroy(self->start);
    shunt_graph_destroy(self->training);
    shunt_graph_destroy(self->graph);
    train_part_close(&self->validation);
    train_part_close(&self->test);
    train_gradients_end(&self->gradients);
    json_decref(self->gradient_rows);
    free(self->branches);
    free(self->ghost.wanted);
    free(self->gradient_sums);
    free(self->rows);
    free(self->logits);
    free(self->second_weights);
    free(self->losses);
    free(self->pictures);
    free(self->data_name);
    free(self->out);
    free(self);
}

shunt_status shunt_trainer_precision(const shunt_trainer *self, shunt_precision *out)
{
    if (!self || !out) return error_null(__func__, "trainer, out");
    const precision_wish *wish = &self->precision;
    *out = (shunt_precision){precision_asked(wish), shunt_dtype_name(wish->dtype),
                             wish->fast         ? "shunt tune keeps no records of training steps"
                             : wish->is_default ? "the default"
                                                : "as asked"};
    return SHUNT_OK;
}

int64_t shunt_trainer_epochs(const shunt_trainer *self)
{
    if (!self) return 0;
    return self->recipe.epochs;
}

int64_t shunt_trainer_step(const shunt_trainer *self)
{
    if (!self) return 0;
    return self->at.step;
}

int64_t shunt_trainer_steps(const shunt_trainer *self)
{
    if (!self) return 0;
    return self->steps;
}

const shunt_train_row *shunt_trainer_row(const shunt_trainer *self, size_t index)
{
    if (!self) return NULL;
    return index < self->nrows ? &self->rows[index] : NULL;
}

size_t shunt_trainer_rows(const shunt_trainer *self)
{
    if (!self) return 0;
    return self->nrows;
}

int64_t shunt_trainer_best(const shunt_trainer *self)
{
    if (!self) return 0;
    return self->at.best;
}

const shunt_weights *shunt_trainer_weights(const shunt_trainer *self)
{
    if (!self) return NULL;
    return self->state;
}
