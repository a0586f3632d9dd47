/* predict.c - the pictures of a data set through one model or several: threads read and preprocess them ahead of the device,
 * views of one size run together, and each picture's probabilities are averaged over models, sizes and crops. */
#include "models/ghost.h"
#include "runtime/base/error.h"
#include "runtime/base/sized.h"
#include "runtime/base/ring.h"
#include "runtime/data/dataset.h"
#include "runtime/data/image.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { USUAL_BATCH = 100 };

/* A picture as a model is shown it: one for each preprocessing and size. */
typedef struct picture {
    size_t index;
    int64_t label;
    shunt_views *views; /* nparts of them */
} picture;

typedef struct prediction {
    shunt_model *const *models;
    size_t nmodels;
    shunt_device *device;
    const shunt_dataset *dataset;
    const shunt_predict_options *options;
    size_t scores, classes, count; /* scores of a view; classes that there are probabilities of */
    shunt_preprocess *parts;       /* each distinct one; model m is shown nsides of them from first_part[m] on */
    size_t nparts, nsides, *first_part;
    picture *slots; /* the ring's */
    size_t nslots;
    picture *pending; /* pictures to run next, npending of room */
    size_t npending, room;
    double *sums, *probabilities; /* room x classes; classes */
    float *images, *logits;       /* of the views that run together */
    double *multiply_adds;        /* of the pending pictures, in networks that choose their blocks */
    unsigned char *ran;           /* of a run of such a network: its blocks of each view */
    size_t blocks;                /* the most that such a network has */
    size_t images_room;
    int64_t batch;
    double seconds;
    bool stop;
} prediction;

/* ---- Reading ----------------------------------------------------------------------------------------------- */

static void free_views(const prediction *self, picture *of)
{
    for (size_t p = 0; of->views && p < self->nparts; p++) shunt_views_free(&of->views[p]);
    free(of->views);
    of->views = NULL;
}

static shunt_status read_picture(void *context, int64_t number, void *slot)
{
    const prediction *self = context;
    picture *made = slot;
    shunt_image image = {0};
    free_views(self, made);
    *made = (picture){.index = (size_t)number};
    shunt_status status = shunt_dataset_get(self->dataset, made->index, &image, &made->label);
    if (!status && !(made->views = calloc(self->nparts, sizeof *made->views))) status = error_memory();
    for (size_t p = 0; !status && p < self->nparts; p++)
        status = shunt_preprocess_views(&self->parts[p], self->options->crops, &image, &made->views[p]);
    shunt_image_free(&image);
    if (status) free_views(self, made);
    return status;
}

/* ---- Running ------------------------------------------------------------------------------------------------- */

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static shunt_status fail_picture(const prediction *self, shunt_status status, size_t index)
{
    const char *name = shunt_dataset_picture(self->dataset, index);
    return name ? error_context(status, "%s", name) : error_context(status, "picture %zu", index);
}

/* Adds the probabilities of a picture's views to its sum. */
static shunt_status add_probabilities(prediction *self, size_t p, int64_t count, const float *logits)
{
    double *sum = self->sums + p * self->classes;
    for (int64_t v = 0; v < count; v++, logits += self->scores) {
        for (size_t c = 0; c < self->scores; c++)
            if (!isfinite(logits[c]))
                return fail_picture(self,
                                    error_fail(SHUNT_E_INVALID, "the network's result is not a finite number; check "
                                                                "the weights"),
                                    self->pending[p].index);
        head_probabilities(self->models[0]->head, logits, self->scores, self->probabilities);
        double share = 1 / (double)(count * (int64_t)self->nsides * (int64_t)self->nmodels);
        for (size_t c = 0; c < self->classes; c++) sum[c] += share * self->probabilities[c];
    }
    return SHUNT_OK;
}

/* The multiply-adds of the blocks that ran for each view are added to those of its picture. */
static shunt_status add_cost(prediction *self, const shunt_model *model, const shunt_views *like, size_t first,
                             size_t end)
{
    const size_t blocks = (size_t)model->net.ghost;
    double always, policy, *each = calloc(blocks, sizeof *each);
    const unsigned char *ran = self->ran;
    if (!each) return error_memory();
    shunt_status status = ghost_count(model, like->height, like->width, &always, &policy, each);
    for (size_t p = first; !status && p < end; p++)
        for (int64_t v = 0; v < like->count; v++, ran += blocks) {
            self->multiply_adds[p] += always + policy;
            for (size_t b = 0; b < blocks; b++) self->multiply_adds[p] += ran[b] ? each[b] : 0;
        }
    free(each);
    return status;
}

/* Pending pictures [first, end), whose views of this part have one size. */
static shunt_status run_views(prediction *self, shunt_model *model, size_t part, size_t first, size_t end)
{
    const shunt_views *like = &self->pending[first].views[part];
    const int64_t planes = shunt_preprocess_planes(&self->parts[part]);
    size_t each = (size_t)(like->count * planes * like->height * like->width), n = end - first;
    if (n * each > self->images_room) {
        float *images = reallocarray(self->images, n * each, sizeof *images);
        if (!images) return error_memory();
        self->images = images;
        self->images_room = n * each;
    }
    for (size_t i = 0; i < n; i++)
        memcpy(self->images + i * each, self->pending[first + i].views[part].data, each * sizeof *self->images);
    int64_t views = (int64_t)n * like->count;
    double start = now();
    shunt_status status =
        model->net.ghost
            ? ghost_run(model, self->device, views, like->height, like->width, self->images, self->logits, self->ran)
            : shunt_model_run(model, self->device, views, like->height, like->width, self->images, self->logits);
    self->seconds += now() - start;
    if (!status && model->net.ghost) status = add_cost(self, model, like, first, end);
    for (size_t i = 0; !status && i < n; i++)
        status = add_probabilities(self, first + i, like->count, self->logits + i * (size_t)like->count * self->scores);
    return status;
}

static bool same_size(const shunt_views *a, const shunt_views *b)
{
    return a->height == b->height && a->width == b->width;
}

static shunt_status run_model(prediction *self, shunt_model *model, size_t part)
{
    shunt_status status = SHUNT_OK;
    for (size_t first = 0, end; !status && first < self->npending; first = end) {
        const shunt_views *like = &self->pending[first].views[part];
        for (end = first + 1; end < self->npending; end++)
            if (!same_size(&self->pending[end].views[part], like)) break;
        status = run_views(self, model, part, first, end);
    }
    return status;
}

/* Whole pictures have many sizes; those of one size stand together, so that they can run together. */
static int by_size(const void *a, const void *b)
{
    const shunt_views *x = ((const picture *)a)->views, *y = ((const picture *)b)->views;
    if (x->height != y->height) return x->height < y->height ? -1 : 1;
    if (x->width != y->width) return x->width < y->width ? -1 : 1;
    return (((const picture *)a)->index > ((const picture *)b)->index) -
           (((const picture *)a)->index < ((const picture *)b)->index);
}

typedef struct answer {
    size_t index, at;
} answer;

static int by_index(const void *a, const void *b)
{
    return (((const answer *)a)->index > ((const answer *)b)->index) -
           (((const answer *)a)->index < ((const answer *)b)->index);
}

static void tell(prediction *self, const shunt_prediction *told)
{
    if (!self->stop && self->options->handler) self->stop = self->options->handler(self->options->context, told) != 0;
}

static shunt_status run_pending(prediction *self)
{
    shunt_status status = SHUNT_OK;
    if (!self->npending) return SHUNT_OK;
    answer *order = calloc(self->npending, sizeof *order);
    if (!order) return error_memory();
    memset(self->sums, 0, self->npending * self->classes * sizeof *self->sums);
    memset(self->multiply_adds, 0, self->npending * sizeof *self->multiply_adds);
    qsort(self->pending, self->npending, sizeof *self->pending, by_size);
    for (size_t m = 0; !status && m < self->nmodels; m++)
        for (size_t s = 0; !status && s < self->nsides; s++)
            status = run_model(self, self->models[m], self->first_part[m] + s);
    for (size_t i = 0; i < self->npending; i++) order[i] = (answer){self->pending[i].index, i};
    qsort(order, self->npending, sizeof *order, by_index);
    for (size_t i = 0; !status && i < self->npending; i++) {
        size_t at = order[i].at;
        tell(self, &(shunt_prediction){.index = order[i].index,
                                       .label = self->pending[at].label,
                                       .probabilities = self->sums + at * self->classes,
                                       .multiply_adds = self->multiply_adds[at]});
    }
    free(order);
    for (size_t i = 0; i < self->npending; i++) free_views(self, &self->pending[i]);
    self->npending = 0;
    return status;
}

/* A picture from the ring: its views move to the pending ones. */
static shunt_status take_picture(prediction *self, shunt_status read, picture *made)
{
    if (!read) {
        self->pending[self->npending++] = *made;
        made->views = NULL;
        return self->npending == self->room ? run_pending(self) : SHUNT_OK;
    }
    if (!self->options->skip_bad || read == SHUNT_E_MEMORY) return read;
    char reason[1024];
    snprintf(reason, sizeof reason, "%s", shunt_last_error());
    shunt_status status = run_pending(self); /* so that all are told in their order */
    if (!status) tell(self, &(shunt_prediction){.index = made->index, .label = made->label, .failed = reason});
    return status;
}

static shunt_status predict_all(prediction *self)
{
    ring *pictures;
    ring_setup work = {.first = (int64_t)self->options->first,
                       .end = (int64_t)(self->options->first + self->count),
                       .workers = self->options->workers,
                       .slots = self->slots,
                       .slot_size = sizeof *self->slots,
                       .nslots = (int64_t)self->nslots,
                       .context = self,
                       .make = read_picture};
    shunt_status status = ring_create(&work, &pictures);
    for (size_t i = 0; !status && !self->stop && i < self->count; i++) {
        void *made;
        shunt_status read = ring_next(pictures, &made);
        status = take_picture(self, read, made);
    }
    if (!status && !self->stop) status = run_pending(self);
    ring_destroy(pictures);
    return status;
}

/* ---- Setting up -------------------------------------------------------------------------------------------------- */

/* Models with the same preprocessing share the pictures. */
static shunt_status list_parts(prediction *self)
{
    const shunt_predict_options *options = self->options;
    self->nsides = options->nsides ? options->nsides : 1;
    self->parts = calloc(self->nmodels * self->nsides, sizeof *self->parts);
    self->first_part = calloc(self->nmodels, sizeof *self->first_part);
    if (!self->parts || !self->first_part) return error_memory();
    for (size_t m = 0; m < self->nmodels; m++) {
        const shunt_preprocess *own = &self->models[m]->preprocess;
        size_t other = 0;
        while (other < m && !preprocess_same(own, &self->models[other]->preprocess)) other++;
        if (other < m) {
            self->first_part[m] = self->first_part[other];
            continue;
        }
        self->first_part[m] = self->nparts;
        for (size_t s = 0; s < self->nsides; s++) {
            shunt_preprocess *part = &self->parts[self->nparts++];
            *part = *own;
            if (options->nsides) part->resize = options->sides[s];
            shunt_status status = preprocess_check(part);
            if (status) return status;
        }
    }
    return SHUNT_OK;
}

/* Averages are by number: the same class has to be the same number in both, where both name it. */
static shunt_status check_order(const shunt_model *model, const shunt_model *first)
{
    const class_names labels = {"", (const char **)model->labels, (size_t)shunt_model_outcomes(model)};
    for (int64_t i = 0; model->labels && first->labels && i < shunt_model_outcomes(model); i++) {
        int64_t at = class_find(&labels, first->labels[i]);
        if (at >= 0 && at != i)
            return error_fail(
                SHUNT_E_INVALID,
                "class %lld of %s is '%s', which is class %lld of %s; together their classes must be in one "
                "order",
                (long long)i, first->net.name, first->labels[i], (long long)at, model->net.name);
    }
    return SHUNT_OK;
}

static shunt_status check(const prediction *self)
{
    if (!self->nmodels) return error_fail(SHUNT_E_INVALID, "no model to predict with");
    if (self->options->batch < 0 || self->options->batch > 1 << 20)
        return error_fail(SHUNT_E_INVALID, "a batch of %lld", (long long)self->options->batch);
    for (size_t m = 0; m < self->nmodels; m++) {
        shunt_status status = model_check_preprocess(self->models[m]);
        if (status) return status;
    }
    for (size_t m = 0; m < self->nmodels; m++)
        if (self->models[m]->net.classes != self->models[0]->net.classes)
            return error_fail(SHUNT_E_INVALID,
                              "%s has %lld classes and %s %lld; together they must have the same number",
                              self->models[0]->net.name, (long long)self->models[0]->net.classes,
                              self->models[m]->net.name, (long long)self->models[m]->net.classes);
    for (size_t m = 0; m < self->nmodels; m++)
        if (self->models[m]->head != self->models[0]->head)
            return error_fail(SHUNT_E_INVALID, "%s has a %s head and %s %s; together they must have the same",
                              self->models[0]->net.name, shunt_head_name(self->models[0]->head),
                              self->models[m]->net.name, shunt_head_name(self->models[m]->head));
    shunt_status status = SHUNT_OK;
    for (size_t m = 1; !status && m < self->nmodels; m++) status = check_order(self->models[m], self->models[0]);
    return status;
}

static shunt_status allocate(prediction *self)
{
    int64_t each = self->options->crops == SHUNT_CROP_TEN ? 10 : 1;
    self->batch = self->options->batch ? self->options->batch : USUAL_BATCH;
    self->room = self->batch > each ? (size_t)(self->batch / each) : 1;
    self->nslots = self->room + (size_t)ring_workers(self->options->workers) + 1;
    self->slots = calloc(self->nslots, sizeof *self->slots);
    self->pending = calloc(self->room, sizeof *self->pending);
    self->sums = calloc(self->room, self->classes * sizeof *self->sums);
    self->probabilities = calloc(self->classes, sizeof *self->probabilities);
    self->logits = calloc(self->room * (size_t)each, self->scores * sizeof *self->logits);
    self->multiply_adds = calloc(self->room, sizeof *self->multiply_adds);
    for (size_t m = 0; m < self->nmodels; m++)
        if ((size_t)self->models[m]->net.ghost > self->blocks) self->blocks = (size_t)self->models[m]->net.ghost;
    self->ran = calloc(self->room * (size_t)each, self->blocks + 1);
    bool all = self->slots && self->pending && self->sums && self->probabilities && self->logits &&
               self->multiply_adds && self->ran;
    return all ? SHUNT_OK : error_memory();
}

static void clean_up(prediction *self)
{
    for (size_t i = 0; self->slots && i < self->nslots; i++) free_views(self, &self->slots[i]);
    for (size_t i = 0; i < self->npending; i++) free_views(self, &self->pending[i]);
    free(self->slots);
    free(self->pending);
    free(self->sums);
    free(self->probabilities);
    free(self->images);
    free(self->logits);
    free(self->multiply_adds);
    free(self->ran);
    free(self->parts);
    free(self->first_part);
}

shunt_status shunt_predict(shunt_model *const *models, size_t nmodels, shunt_device *device,
                           const shunt_dataset *dataset, const shunt_predict_options *options, double *seconds)
{
    if (!models || !device || !dataset || !seconds) return error_null(__func__, "models, device, dataset, seconds");
    for (size_t i = 0; i < nmodels; i++)
        if (!models[i]) return error_null(__func__, "one of models");
    shunt_predict_options own;
    *seconds = 0;
    shunt_status status =
        sized_take(&own, sizeof own, SIZE_THROUGH(shunt_predict_options, context), options, "shunt_predict_options");
    if (status) return status;
    prediction self = {.models = models,
                       .nmodels = nmodels,
                       .device = device,
                       .dataset = dataset,
                       .options = &own,
                       .count = shunt_dataset_count(dataset)};
    self.count -= own.first < self.count ? own.first : self.count;
    status = check(&self);
    if (status) return status;
    self.scores = (size_t)models[0]->net.classes;
    self.classes = (size_t)shunt_model_outcomes(models[0]);
    if (self.options->limit && self.options->limit < self.count) self.count = self.options->limit;
    status = list_parts(&self);
    if (!status) status = allocate(&self);
    if (!status) status = predict_all(&self);
    clean_up(&self);
    *seconds = self.seconds;
    return status;
}
