/* loader.c - batches of pictures for training and validation. Which pictures are in a batch is decided in the order of the
 * batches, as the shuffled order of one epoch is kept at a time; making them is left to the ring's threads. */
#include "runtime/data/loader.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/error.h"
#include "runtime/base/random.h"
#include "runtime/base/ring.h"
#include "runtime/data/augment.h"
#include "runtime/data/dataset.h"
#include "runtime/data/targets.h"

enum { SPARE_SLOTS = 2 };

typedef struct slot {
    loader_batch batch;
    size_t *pictures;
    uint8_t *classes; /* of the pixels of a picture */
    uint64_t epoch;
} slot;

struct loader {
    loader_setup setup;
    ring *ring;
    slot *slots;
    int64_t nslots;
    size_t *order; /* of the epoch below: the pictures as setup.indices has them, shuffled */
    int64_t order_epoch;
};

void loader_shuffle(size_t *items, size_t count, uint64_t key)
{
    for (size_t i = count; i > 1; i--) {
        size_t other = (size_t)(random_bits(key, i) % i), item = items[i - 1];
        items[i - 1] = items[other];
        items[other] = item;
    }
}

/* ---- Making a batch ------------------------------------------------------------------------------------------ */

static int64_t epoch_batches(const loader_setup *setup)
{
    return (int64_t)setup->count / setup->batch;
}

static void put_in_order(loader *self, int64_t epoch)
{
    const loader_setup *setup = &self->setup;
    for (size_t i = 0; i < setup->count; i++) self->order[i] = setup->indices ? setup->indices[i] : i;
    if (setup->recipe)
        loader_shuffle(self->order, setup->count,
                       random_bits(random_key("order", (uint64_t)setup->recipe->seed), (uint64_t)epoch));
    self->order_epoch = epoch;
}

/* Lists the pictures of batch `number` in its slot. */
static void list_pictures(void *context, int64_t number, void *into_slot)
{
    loader *self = context;
    slot *into = into_slot;
    const loader_setup *setup = &self->setup;
    const int64_t part = setup->parts ? number % setup->parts : 0;
    if (setup->parts) number /= setup->parts;
    int64_t epoch = setup->recipe ? number / epoch_batches(setup) : 0;
    size_t begin = (size_t)((number - epoch * epoch_batches(setup)) * setup->batch), left = setup->count - begin;
    if (epoch != self->order_epoch) put_in_order(self, epoch);
    into->epoch = (uint64_t)epoch;
    into->batch.n = left < (size_t)setup->batch ? (int64_t)left : setup->batch;
    if (setup->slice) {
        begin += (size_t)(setup->slice_first + part * setup->slice);
        into->batch.n = setup->slice;
    }
    memcpy(into->pictures, self->order + begin, (size_t)into->batch.n * sizeof *into->pictures);
}

static uint64_t picture_key(const loader_setup *setup, uint64_t epoch, size_t index)
{
    if (!setup->recipe) return 0;
    return random_bits(random_bits(random_key("picture", (uint64_t)setup->recipe->seed), epoch), index);
}

static shunt_status load_picture(const loader_setup *setup, uint64_t epoch, size_t index, float *dst, float *label)
{
    shunt_image image = {0};
    int64_t number = 0;
    shunt_status status = shunt_dataset_get(setup->data, index, &image, &number);
    *label = (float)(setup->classes ? setup->classes[number] : number);
    if (!status && setup->recipe) {
        status = augment_picture(setup->recipe, setup->preprocess, &image, picture_key(setup, epoch, index), dst);
    } else if (!status) {
        status = shunt_preprocess_apply(setup->preprocess, &image, dst);
    }
    shunt_image_free(&image);
    return status ? error_context(status, "picture %zu", index) : SHUNT_OK;
}

static size_t area_of(const loader_setup *setup)
{
    return (size_t)setup->preprocess->crop * (size_t)setup->preprocess->crop;
}

/* Of a set whose pixels have classes, picture i of the batch. */
static shunt_status load_pixels(const loader_setup *setup, slot *into, size_t i)
{
    const size_t index = into->pictures[i], area = area_of(setup);
    float *labels = into->batch.labels + i * area, *weights = into->batch.weights + i * area;
    shunt_labelled_image picture;
    shunt_status status = setup->data->kind->pixels(setup->data, index, &picture);
    if (!status)
        status = augment_pixels(setup->recipe, setup->preprocess, &picture, picture_key(setup, into->epoch, index),
                                into->batch.images + 3 * i * area, into->classes);
    for (size_t k = 0; !status && k < area; k++) {
        const uint8_t class = into->classes[k];
        weights[k] = class != PIXEL_NO_CLASS;
        into->batch.labelled += class != PIXEL_NO_CLASS;
        labels[k] = class == PIXEL_NO_CLASS ? 0 : (float)(setup->classes ? setup->classes[class] : class);
    }
    shunt_labelled_image_free(&picture);
    return status ? error_context(status, "picture %zu", index) : SHUNT_OK;
}

/* Of a set whose pictures have objects, picture i of the batch. */
static shunt_status load_objects(const loader_setup *setup, slot *into, size_t i)
{
    const size_t index = into->pictures[i], each = (size_t)(setup->anchors->shapes * setup->anchors->places);
    loader_batch *batch = &into->batch;
    const anchor_targets targets = {batch->labels + i * each, batch->weights + i * each, batch->codes + i * 4 * each,
                                    batch->code_weights + i * each};
    boxed_image picture;
    int64_t found = 0;
    shunt_status status = setup->data->kind->objects(setup->data, index, &picture);
    if (!status)
        status = augment_objects(setup->recipe, setup->preprocess, &picture, picture_key(setup, into->epoch, index),
                                 batch->images + 3 * i * area_of(setup));
    if (!status)
        found = targets_fill(setup->anchors, picture.objects, picture.count, setup->classes, 1 / (double)setup->batch,
                             &targets);
    if (found < 0) status = error_memory();
    batch->labelled += found;
    boxed_image_free(&picture);
    return status ? error_context(status, "picture %zu", index) : SHUNT_OK;
}

static void scale_weights(loader_batch *batch, size_t count)
{
    const float factor = batch->labelled ? (float)((double)count / (double)batch->labelled) : 0;
    for (size_t k = 0; k < count; k++) batch->weights[k] *= factor;
}

/* A picture with its class, picture i of the batch. */
static shunt_status load_class(const loader_setup *setup, slot *into, size_t i)
{
    into->batch.labelled++;
    return load_picture(setup, into->epoch, into->pictures[i], into->batch.images + 3 * i * area_of(setup),
                        &into->batch.labels[i]);
}

static shunt_status make_batch(void *context, int64_t number, void *into_slot)
{
    const loader_setup *setup = &((const loader *)context)->setup;
    const dataset_kind *kind = setup->data->kind;
    shunt_status (*load)(const loader_setup *, slot *, size_t) = kind->pixels    ? load_pixels
                                                                 : kind->objects ? load_objects
                                                                                 : load_class;
    slot *into = into_slot;
    (void)number;
    shunt_status status = SHUNT_OK;
    into->batch.labelled = 0;
    for (int64_t i = 0; !status && i < into->batch.n; i++) status = load(setup, into, (size_t)i);
    if (!status && kind->pixels) scale_weights(&into->batch, (size_t)into->batch.n * area_of(setup));
    return status;
}

/* What each picture has: one, or one for each pixel or anchor. */
static size_t labels_of(const loader_setup *setup)
{
    const dataset_kind *kind = setup->data->kind;
    if (kind->objects) return (size_t)(setup->anchors->shapes * setup->anchors->places);
    return kind->pixels ? area_of(setup) : 1;
}

static bool allocate_slot(const loader_setup *setup, slot *made)
{
    const dataset_kind *kind = setup->data->kind;
    const size_t n = (size_t)(setup->slice ? setup->slice : setup->batch), labels = labels_of(setup);
    loader_batch *batch = &made->batch;
    batch->images = calloc(n, 3 * area_of(setup) * sizeof(float));
    batch->labels = calloc(n, labels * sizeof(float));
    made->pictures = calloc(n, sizeof *made->pictures);
    if (kind->pixels || kind->objects) batch->weights = calloc(n, labels * sizeof(float));
    if (kind->pixels) made->classes = malloc(labels);
    if (kind->objects) {
        batch->codes = calloc(n, 4 * labels * sizeof(float));
        batch->code_weights = calloc(n, labels * sizeof(float));
    }
    return batch->images && batch->labels && made->pictures && (!kind->pixels || (batch->weights && made->classes)) &&
           (!kind->objects || (batch->weights && batch->codes && batch->code_weights));
}

static shunt_status allocate(loader *self)
{
    self->slots = calloc((size_t)self->nslots, sizeof *self->slots);
    self->order = calloc(self->setup.count, sizeof *self->order);
    bool enough = self->slots && self->order;
    for (int64_t i = 0; enough && i < self->nslots; i++) enough = allocate_slot(&self->setup, &self->slots[i]);
    return enough ? SHUNT_OK : error_memory();
}

shunt_status loader_create(const loader_setup *setup, loader **out)
{
    *out = NULL;
    if (shunt_preprocess_planes(setup->preprocess) != 3)
        return error_fail(SHUNT_E_UNSUPPORTED,
                          "Shunt's own networks take pictures in colour; only ONNX files can take gray ones");
    loader *self = calloc(1, sizeof *self);
    if (!self) return error_memory();
    self->setup = *setup;
    self->nslots = ring_workers(setup->workers) + SPARE_SLOTS;
    self->order_epoch = -1;
    shunt_status status = allocate(self);
    ring_setup work = {.first = setup->first,
                       .end = setup->end,
                       .workers = setup->workers,
                       .slots = self->slots,
                       .slot_size = sizeof *self->slots,
                       .nslots = self->nslots,
                       .context = self,
                       .make = make_batch,
                       .prepare = list_pictures};
    if (!status) status = ring_create(&work, &self->ring);
    if (status)
        loader_destroy(self);
    else
        *out = self;
    return status;
}

void loader_destroy(loader *self)
{
    if (!self) return;
    ring_destroy(self->ring);
    for (int64_t i = 0; self->slots && i < self->nslots; i++) {
        free(self->slots[i].batch.images);
        free(self->slots[i].batch.labels);
        free(self->slots[i].batch.weights);
        free(self->slots[i].batch.codes);
        free(self->slots[i].batch.code_weights);
        free(self->slots[i].classes);
        free(self->slots[i].pictures);
    }
    free(self->slots);
    free(self->order);
    free(self);
}

shunt_status loader_next(loader *self, const loader_batch **out)
{
    void *made;
    shunt_status status = ring_next(self->ring, &made);
    *out = &((slot *)made)->batch;
    return status;
}

/* ---- Which pictures can be decoded ------------------------------------------------------------------------------ */

typedef struct check {
    const shunt_dataset *data;
    size_t count;    /* of the pictures to check */
    char **failures; /* per picture: why it cannot be decoded, or NULL */
} check;

/* Picture `number` of those to check. Sets list their pictures class by class, so the first ones would be of a few classes. */
static size_t index_of(const check *self, size_t number)
{
    const size_t all = shunt_dataset_count(self->data);
    return number * (all / self->count) + number * (all % self->count) / self->count;
}

static shunt_status check_picture(void *context, int64_t number, void *unused)
{
    const check *self = context;
    shunt_image image = {0};
    int64_t label;
    (void)unused;
    shunt_status status = shunt_dataset_get(self->data, index_of(self, (size_t)number), &image, &label);
    shunt_image_free(&image);
    return status;
}

static shunt_status run_check(check *self, int64_t workers)
{
    ring *pictures;
    void *unused;
    ring_setup work = {.end = (int64_t)self->count,
                       .workers = workers,
                       .slots = self, /* of no size: what comes of it is all */
                       .nslots = ring_workers(workers) + SPARE_SLOTS,
                       .context = self,
                       .make = check_picture};
    shunt_status status = ring_create(&work, &pictures);
    for (size_t i = 0; !status && i < self->count; i++)
        if (ring_next(pictures, &unused) && !(self->failures[i] = strdup(shunt_last_error()))) status = error_memory();
    ring_destroy(pictures);
    return status;
}

/* Says what there is to say of those that cannot be decoded. */
static shunt_status judge(const check *self, size_t nbad, int skip_bad)
{
    enum { MOST_NAMED = 10 };
    size_t named = 0;
    for (size_t i = 0; i < self->count; i++) {
        if (!self->failures[i]) continue;
        if (!skip_bad)
            return error_fail(SHUNT_E_INVALID, "%zu of %zu pictures cannot be read; the first: %s", nbad, self->count,
                              self->failures[i]);
        if (named++ < MOST_NAMED) log_write(SHUNT_LOG_WARN, "left out: %s", self->failures[i]);
    }
    if (nbad) log_write(SHUNT_LOG_WARN, "%zu of %zu pictures are skipped", nbad, self->count);
    return SHUNT_OK;
}

shunt_status loader_check(const shunt_dataset *data, size_t limit, int64_t workers, int skip_bad, size_t **good,
                          size_t *count)
{
    const size_t all = shunt_dataset_count(data), total = limit && limit < all ? limit : all;
    check self = {.data = data, .count = total};
    *count = 0;
    *good = calloc(total, sizeof **good);
    self.failures = calloc(total, sizeof *self.failures);
    shunt_status status = *good && self.failures ? SHUNT_OK : error_memory();
    if (!status) status = run_check(&self, workers);
    for (size_t i = 0; !status && i < total; i++)
        if (!self.failures[i]) (*good)[(*count)++] = index_of(&self, i);
    if (!status) status = judge(&self, total - *count, skip_bad);
    for (size_t i = 0; self.failures && i < total; i++) free(self.failures[i]);
    free(self.failures);
    if (status) {
        free(*good);
        *good = NULL;
    }
    return status;
}
