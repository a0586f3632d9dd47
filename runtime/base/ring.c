/* ring.c - see ring.h. A thread takes the next number under the lock and makes that piece alone; the reader waits for the one
 * whose turn it is. A slot is filled again only after the reader has moved to the next one. */
#include "runtime/base/ring.h"
#include "runtime/shared/os.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/error.h"

enum { MOST_WORKERS = 64, USUAL_WORKERS = 8 };

typedef struct outcome {
    bool ready;
    shunt_status status;
    char *message; /* NULL without memory */
} outcome;

struct ring {
    ring_setup setup;
    pthread_mutex_t lock;
    pthread_cond_t made, freed;
    pthread_t threads[MOST_WORKERS];
    int64_t nthreads;
    outcome *outcomes;   /* of the slots */
    int64_t taken, read; /* the next number to be made, to be read */
    bool stop;
};

int64_t ring_workers(int64_t wanted)
{
    const long processors = os_processors();
    if (wanted < 1) wanted = processors < USUAL_WORKERS ? processors : USUAL_WORKERS;
    return wanted < MOST_WORKERS ? wanted : MOST_WORKERS;
}

static void *slot_of(const ring *self, int64_t number)
{
    return (char *)self->setup.slots + (size_t)(number % self->setup.nslots) * self->setup.slot_size;
}

static void *work(void *context)
{
    ring *self = context;
    const ring_setup *setup = &self->setup;
    pthread_mutex_lock(&self->lock);
    for (;;) {
        /* The reader still uses the slot of piece read - 1. */
        while (!self->stop && self->taken < setup->end && self->taken >= self->read - 1 + setup->nslots)
            pthread_cond_wait(&self->freed, &self->lock);
        if (self->stop || self->taken >= setup->end) break;
        int64_t number = self->taken++;
        void *slot = slot_of(self, number);
        if (setup->prepare) setup->prepare(setup->context, number, slot);
        pthread_mutex_unlock(&self->lock);
        shunt_status status = setup->make(setup->context, number, slot);
        char *message = status ? strdup(shunt_last_error()) : NULL;
        pthread_mutex_lock(&self->lock);
        outcome *of = &self->outcomes[number % setup->nslots];
        free(of->message);
        *of = (outcome){true, status, message};
        pthread_cond_broadcast(&self->made);
    }
    pthread_mutex_unlock(&self->lock);
    return NULL;
}

shunt_status ring_create(const ring_setup *setup, ring **out)
{
    *out = NULL;
    ring *self = calloc(1, sizeof *self);
    outcome *outcomes = calloc((size_t)setup->nslots, sizeof *outcomes);
    if (!self || !outcomes) {
        free(self);
        free(outcomes);
        return error_memory();
    }
    self->setup = *setup;
    self->outcomes = outcomes;
    self->taken = self->read = setup->first;
    pthread_mutex_init(&self->lock, NULL);
    pthread_cond_init(&self->made, NULL);
    pthread_cond_init(&self->freed, NULL);
    int64_t wanted = ring_workers(setup->workers);
    while (self->nthreads < wanted && !pthread_create(&self->threads[self->nthreads], NULL, work, self))
        self->nthreads++;
    if (!self->nthreads) {
        ring_destroy(self);
        return error_fail(SHUNT_E_MEMORY, "no thread can be started to read pictures");
    }
    *out = self;
    return SHUNT_OK;
}

void ring_destroy(ring *self)
{
    if (!self) return;
    pthread_mutex_lock(&self->lock);
    self->stop = true;
    pthread_cond_broadcast(&self->freed);
    pthread_mutex_unlock(&self->lock);
    for (int64_t i = 0; i < self->nthreads; i++) pthread_join(self->threads[i], NULL);
    for (int64_t i = 0; i < self->setup.nslots; i++) free(self->outcomes[i].message);
    free(self->outcomes);
    pthread_cond_destroy(&self->made);
    pthread_cond_destroy(&self->freed);
    pthread_mutex_destroy(&self->lock);
    free(self);
}

shunt_status ring_next(ring *self, void **slot)
{
    pthread_mutex_lock(&self->lock);
    outcome *of = &self->outcomes[self->read % self->setup.nslots];
    while (!of->ready) pthread_cond_wait(&self->made, &self->lock);
    of->ready = false;
    *slot = slot_of(self, self->read++);
    shunt_status status = of->status;
    if (status) error_fail(status, "%s", of->message ? of->message : "no memory");
    pthread_cond_broadcast(&self->freed);
    pthread_mutex_unlock(&self->lock);
    return status;
}
