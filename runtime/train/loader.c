/* loader.c - a bounded ring of batches. A thread takes the next batch's number, and under the same lock the list of its
 * pictures, and makes it alone; the reader waits for the batch that is its turn. A slot is made again only after the reader
 * has gone on from it. */
#include "runtime/train/loader.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/error.h"
#include "runtime/io/random.h"
#include "runtime/train/augment.h"

enum { MOST_WORKERS = 64, USUAL_WORKERS = 8, SPARE_SLOTS = 2 };

typedef struct slot {
    loader_batch batch;
    size_t *pictures;
    uint64_t epoch;
    bool ready;
    shunt_status status; /* of making it */
    char *message;       /* NULL without memory */
} slot;

struct loader {
    loader_setup setup;
    pthread_mutex_t lock;
    pthread_cond_t made, freed;
    pthread_t threads[MOST_WORKERS];
    int64_t nthreads, nslots;
    slot *slots;         /* batch k is in slot k % nslots */
    int64_t taken, read; /* the next batch to be made, to be read */
    bool stop;
    size_t *order; /* of the epoch below: the pictures as setup.indices has them, shuffled */
    int64_t order_epoch;
};

static int64_t choose_workers(int64_t wanted)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    if (!wanted) wanted = processors < 1 ? 1 : processors < USUAL_WORKERS ? processors : USUAL_WORKERS;
    return wanted < MOST_WORKERS ? wanted : MOST_WORKERS;
}

void loader_shuffle(size_t *items, size_t count, uint64_t key)
{
    for (size_t i = count; i > 1; i--) {
        size_t other = (size_t)(shunt_random_bits(key, i) % i), item = items[i - 1];
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
                       shunt_random_bits(shunt_random_key("order", (uint64_t)setup->recipe->seed), (uint64_t)epoch));
    self->order_epoch = epoch;
}

/* Lists the pictures of batch `number` in its slot. With the lock held, in the order of the numbers. */
static void list_pictures(loader *self, int64_t number, slot *into)
{
    const loader_setup *setup = &self->setup;
    int64_t epoch = setup->recipe ? number / epoch_batches(setup) : 0;
    size_t begin = (size_t)((number - epoch * epoch_batches(setup)) * setup->batch), left = setup->count - begin;
    if (epoch != self->order_epoch) put_in_order(self, epoch);
    into->epoch = (uint64_t)epoch;
    into->batch.n = left < (size_t)setup->batch ? (int64_t)left : setup->batch;
    memcpy(into->pictures, self->order + begin, (size_t)into->batch.n * sizeof *into->pictures);
}

static shunt_status load_picture(const loader_setup *setup, uint64_t epoch, size_t index, float *dst, float *label)
{
    shunt_image image = {0};
    int64_t number = 0;
    shunt_status status = shunt_dataset_get(setup->data, index, &image, &number);
    *label = (float)number;
    if (!status && setup->recipe) {
        uint64_t key = shunt_random_bits(shunt_random_key("picture", (uint64_t)setup->recipe->seed), epoch);
        status = shunt_augment_picture(setup->recipe, setup->preprocess, &image, shunt_random_bits(key, index), dst);
    } else if (!status) {
        status = shunt_preprocess_apply(setup->preprocess, &image, dst);
    }
    shunt_image_free(&image);
    return status ? shunt_fail_context(status, "picture %zu", index) : SHUNT_OK;
}

static shunt_status make_batch(const loader_setup *setup, slot *into)
{
    size_t plane = 3 * (size_t)setup->preprocess->crop * (size_t)setup->preprocess->crop;
    shunt_status status = SHUNT_OK;
    for (int64_t i = 0; !status && i < into->batch.n; i++)
        status = load_picture(setup, into->epoch, into->pictures[i], into->batch.images + (size_t)i * plane,
                              &into->batch.labels[i]);
    return status;
}

static void *work(void *context)
{
    loader *self = context;
    pthread_mutex_lock(&self->lock);
    for (;;) {
        /* The reader still uses the slot of batch read - 1. */
        while (!self->stop && self->taken < self->setup.end && self->taken >= self->read - 1 + self->nslots)
            pthread_cond_wait(&self->freed, &self->lock);
        if (self->stop || self->taken >= self->setup.end) break;
        int64_t number = self->taken++;
        slot *into = &self->slots[number % self->nslots];
        list_pictures(self, number, into);
        pthread_mutex_unlock(&self->lock);
        shunt_status status = make_batch(&self->setup, into);
        char *message = status ? strdup(shunt_last_error()) : NULL;
        pthread_mutex_lock(&self->lock);
        free(into->message);
        into->message = message;
        into->status = status;
        into->ready = true;
        pthread_cond_broadcast(&self->made);
    }
    pthread_mutex_unlock(&self->lock);
    return NULL;
}

/* ---- The ring --------------------------------------------------------------------------------------------------- */

static shunt_status allocate(loader *self)
{
    const loader_setup *setup = &self->setup;
    size_t plane = 3 * (size_t)setup->preprocess->crop * (size_t)setup->preprocess->crop, n = (size_t)setup->batch;
    self->slots = calloc((size_t)self->nslots, sizeof *self->slots);
    self->order = calloc(setup->count, sizeof *self->order);
    if (!self->slots || !self->order) return shunt_fail_memory();
    for (int64_t i = 0; i < self->nslots; i++) {
        slot *made = &self->slots[i];
        made->batch.images = calloc(n, plane * sizeof(float));
        made->batch.labels = calloc(n, sizeof(float));
        made->pictures = calloc(n, sizeof *made->pictures);
        if (!made->batch.images || !made->batch.labels || !made->pictures) return shunt_fail_memory();
    }
    return SHUNT_OK;
}

static shunt_status start_threads(loader *self)
{
    int64_t wanted = choose_workers(self->setup.workers);
    for (; self->nthreads < wanted; self->nthreads++)
        if (pthread_create(&self->threads[self->nthreads], NULL, work, self)) break;
    return self->nthreads ? SHUNT_OK : shunt_fail(SHUNT_E_MEMORY, "no thread can be started to read pictures");
}

shunt_status loader_create(const loader_setup *setup, loader **out)
{
    *out = NULL;
    loader *self = calloc(1, sizeof *self);
    if (!self) return shunt_fail_memory();
    self->setup = *setup;
    self->taken = self->read = setup->first;
    self->nslots = choose_workers(setup->workers) + SPARE_SLOTS;
    self->order_epoch = -1;
    pthread_mutex_init(&self->lock, NULL);
    pthread_cond_init(&self->made, NULL);
    pthread_cond_init(&self->freed, NULL);
    shunt_status status = allocate(self);
    if (!status) status = start_threads(self);
    if (status)
        loader_destroy(self);
    else
        *out = self;
    return status;
}

void loader_destroy(loader *self)
{
    if (!self) return;
    pthread_mutex_lock(&self->lock);
    self->stop = true;
    pthread_cond_broadcast(&self->freed);
    pthread_mutex_unlock(&self->lock);
    for (int64_t i = 0; i < self->nthreads; i++) pthread_join(self->threads[i], NULL);
    for (int64_t i = 0; self->slots && i < self->nslots; i++) {
        free(self->slots[i].batch.images);
        free(self->slots[i].batch.labels);
        free(self->slots[i].pictures);
        free(self->slots[i].message);
    }
    free(self->slots);
    free(self->order);
    pthread_cond_destroy(&self->made);
    pthread_cond_destroy(&self->freed);
    pthread_mutex_destroy(&self->lock);
    free(self);
}

shunt_status loader_next(loader *self, const loader_batch **out)
{
    pthread_mutex_lock(&self->lock);
    slot *wanted = &self->slots[self->read % self->nslots];
    while (!wanted->ready) pthread_cond_wait(&self->made, &self->lock);
    wanted->ready = false;
    self->read++;
    pthread_cond_broadcast(&self->freed);
    pthread_mutex_unlock(&self->lock);
    *out = &wanted->batch;
    return wanted->status ? shunt_fail(wanted->status, "%s", wanted->message ? wanted->message : "no memory")
                          : SHUNT_OK;
}

/* ---- Which pictures can be decoded ------------------------------------------------------------------------------ */

typedef struct check {
    const shunt_dataset *data;
    pthread_mutex_t lock;
    size_t next, count;
    char **failures; /* per picture: why it cannot be decoded, or NULL */
    bool failed;     /* no memory for a reason */
} check;

static void *check_pictures(void *context)
{
    check *self = context;
    for (;;) {
        pthread_mutex_lock(&self->lock);
        size_t index = self->next++;
        pthread_mutex_unlock(&self->lock);
        if (index >= self->count) return NULL;
        shunt_image image = {0};
        int64_t label;
        if (shunt_dataset_get(self->data, index, &image, &label)) {
            self->failures[index] = strdup(shunt_last_error());
            if (!self->failures[index]) self->failed = true;
        }
        shunt_image_free(&image);
    }
}

static shunt_status run_check(check *self, int64_t workers)
{
    pthread_t threads[MOST_WORKERS];
    int64_t nthreads = 0, wanted = choose_workers(workers);
    pthread_mutex_init(&self->lock, NULL);
    while (nthreads < wanted && !pthread_create(&threads[nthreads], NULL, check_pictures, self)) nthreads++;
    if (!nthreads) check_pictures(self);
    for (int64_t i = 0; i < nthreads; i++) pthread_join(threads[i], NULL);
    pthread_mutex_destroy(&self->lock);
    return self->failed ? shunt_fail_memory() : SHUNT_OK;
}

/* Says what there is to say of those that cannot be decoded. */
static shunt_status judge(const check *self, size_t nbad, int skip_bad)
{
    enum { MOST_NAMED = 10 };
    size_t named = 0;
    for (size_t i = 0; i < self->count; i++) {
        if (!self->failures[i]) continue;
        if (!skip_bad)
            return shunt_fail(SHUNT_E_INVALID, "%zu of %zu pictures cannot be read; the first: %s", nbad, self->count,
                              self->failures[i]);
        if (named++ < MOST_NAMED) shunt_log(SHUNT_LOG_WARN, "left out: %s", self->failures[i]);
    }
    if (nbad) shunt_log(SHUNT_LOG_WARN, "%zu of %zu pictures are left out", nbad, self->count);
    return SHUNT_OK;
}

shunt_status loader_check(const shunt_dataset *data, int64_t workers, int skip_bad, size_t **good, size_t *count)
{
    check self = {.data = data, .count = shunt_dataset_count(data)};
    size_t total = self.count;
    *count = 0;
    *good = calloc(total, sizeof **good);
    self.failures = calloc(total, sizeof *self.failures);
    shunt_status status = *good && self.failures ? SHUNT_OK : shunt_fail_memory();
    if (!status) status = run_check(&self, workers);
    for (size_t i = 0; !status && i < total; i++)
        if (!self.failures[i]) (*good)[(*count)++] = i;
    if (!status) status = judge(&self, total - *count, skip_bad);
    for (size_t i = 0; self.failures && i < total; i++) free(self.failures[i]);
    free(self.failures);
    if (status) {
        free(*good);
        *good = NULL;
    }
    return status;
}
