/* pump.c - see pump.h. */
#include "runtime/ranks/pump.h"
#include "runtime/base/error.h"
#include "runtime/ranks/beat.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { NAME_CHARS = 160 };

/* Between polls, while something is under way: an eighth of the time in which nothing has happened, within these bounds, as polls take
 * time of a processor that computes. Half of the time until the first job is likely to be ready. And while nothing is under way. */
static const long LEAST_NANOSECONDS = 10000, MOST_NANOSECONDS = 500000, IDLE_NANOSECONDS = 100000000;

struct pump {
    const shunt_collective_plugin *plugin;
    shunt_collective *ranks;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t posted, finished;
    pump_job *first, *last; /* in the order in which they were posted; under the lock */
    bool ending, given_up;
    pump_work work;
    beat beat; /* the thread's own, as is what follows */
    uint32_t flying;
    uint64_t flying_since, happened; /* when the first of those was started; when the last one was started or done */
    char lost[PUMP_REASON_CHARS];    /* why nothing works any more; else empty */
    char previous[NAME_CHARS];       /* under the lock */
};

static uint64_t nanoseconds(clockid_t clock)
{
    struct timespec now;
    if (clock_gettime(clock, &now)) return 0;
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

static double now_seconds(void)
{
    return 1e-9 * (double)nanoseconds(CLOCK_MONOTONIC);
}

/* ---- One job ---------------------------------------------------------------------------------------------------- */

static shunt_status start(const pump *self, pump_job *job)
{
    const shunt_collective_ops *ops = self->ranks->ops;
    switch (job->kind) {
    case PUMP_BROADCAST:
        return ops->broadcast(self->ranks, job->dst, job->bytes, job->root, &job->request);
    case PUMP_GATHER:
        return ops->gather(self->ranks, job->src, job->dst, job->bytes, job->root, &job->request);
    case PUMP_ALL_GATHER:
        return ops->all_gather(self->ranks, job->src, job->dst, job->bytes, &job->request);
    case PUMP_ALL_TO_ALL:
        return ops->all_to_all(self->ranks, job->src, job->dst, job->bytes, &job->request);
    }
    return SHUNT_E_INVALID;
}

/* Takes the job out of the list; from then on it is the waiting thread's. */
static void finish(pump *self, pump_job *job, shunt_status status, const char *reason)
{
    pthread_mutex_lock(&self->lock);
    pump_job **at = &self->first, *before = NULL;
    for (; *at != job; at = &(*at)->next) before = *at;
    *at = job->next;
    if (self->last == job) self->last = before;
    job->status = status;
    if (status) snprintf(job->reason, sizeof job->reason, "%s", reason);
    job->done = true;
    pthread_cond_broadcast(&self->finished);
    pthread_mutex_unlock(&self->lock);
}

static pump_job *after(pump *self, const pump_job *job)
{
    pthread_mutex_lock(&self->lock);
    pump_job *next = job ? job->next : self->first;
    pthread_mutex_unlock(&self->lock);
    return next;
}

static void lose(pump *self, const char *reason)
{
    if (!self->lost[0]) snprintf(self->lost, sizeof self->lost, "%s", *reason ? reason : "the transport failed");
}

/* What is under way when the transport fails is left alone for good: its memory may be written to as long as anybody polls. */
static void fail_all(pump *self)
{
    for (pump_job *job; (job = after(self, NULL));) finish(self, job, SHUNT_E_DEVICE, self->lost);
}

/* Starts the job if its turn has come. Returns whether those behind it may start. */
static bool try_start(pump *self, pump_job *job)
{
    int yes = 1;
    shunt_status status = job->ready ? job->ready(job->context, &yes) : SHUNT_OK;
    if (status) {
        lose(self, shunt_last_error());
        return false;
    }
    if (!yes) return false;
    job->started = nanoseconds(CLOCK_MONOTONIC);
    job->lead = job->started - job->posted;
    status = start(self, job);
    if (status) lose(self, self->plugin->last_error());
    job->flying = !status;
    self->happened = job->started;
    if (job->flying && self->flying++ == 0) self->flying_since = job->started;
    return job->flying;
}

/* Counts a job that has arrived. */
static void note(pump *self, pump_job *job)
{
    const uint64_t others = self->ranks->count - 1;
    self->happened = job->ended = nanoseconds(CLOCK_MONOTONIC);
    pthread_mutex_lock(&self->lock);
    self->work.bytes += job->kind == PUMP_BROADCAST || job->kind == PUMP_GATHER ? job->bytes : others * job->bytes;
    if (--self->flying == 0) self->work.seconds += 1e-9 * (double)(job->ended - self->flying_since);
    pthread_mutex_unlock(&self->lock);
}

static void try_finish(pump *self, pump_job *job)
{
    int done = 0;
    shunt_status status = self->ranks->ops->test(job->request, &done);
    if (!status && !done) return;
    if (!status) status = self->ranks->ops->wait(job->request);
    if (status) {
        lose(self, self->plugin->last_error());
        return;
    }
    status = job->after ? job->after(job->context) : SHUNT_OK;
    note(self, job);
    finish(self, job, status, status ? shunt_last_error() : "");
}

/* ---- The thread ------------------------------------------------------------------------------------------------- */

static void listen(pump *self)
{
    bool silent = false;
    const shunt_status status = beat_turn(&self->beat, now_seconds(), &silent);
    if (status) lose(self, self->plugin->last_error());
    if (!silent) return;
    char reason[PUMP_REASON_CHARS];
    const uint32_t count = self->ranks->count, previous = (self->ranks->rank + count - 1) % count;
    pthread_mutex_lock(&self->lock);
    snprintf(reason, sizeof reason, "rank %u%s%s has given no sign of life for %g seconds", previous,
             self->previous[0] ? ", " : "", self->previous, self->beat.limit);
    pthread_mutex_unlock(&self->lock);
    lose(self, reason);
}

static bool has_given_up(pump *self)
{
    pthread_mutex_lock(&self->lock);
    const bool has = self->given_up;
    pthread_mutex_unlock(&self->lock);
    return has;
}

static void turn(pump *self)
{
    bool may_start = true;
    if (has_given_up(self)) lose(self, "this rank has failed before");
    for (pump_job *job = after(self, NULL), *next; job && !self->lost[0]; job = next) {
        next = after(self, job);
        if (!job->flying) may_start = may_start && try_start(self, job);
        if (job->flying) try_finish(self, job);
    }
    if (!self->lost[0]) listen(self);
    if (self->lost[0]) fail_all(self);
}

/* first: the job that may start next; of no interest while others are under way, which may end at any time. */
static void doze(const pump *self, const pump_job *first)
{
    const uint64_t now = nanoseconds(CLOCK_MONOTONIC), due = self->flying || !first ? 0 : first->posted + first->lead;
    const uint64_t since = due > self->happened ? due : self->happened;
    const uint64_t wanted = due > now ? (due - now) / 2 : now > since ? (now - since) / 8 : 0;
    const uint64_t most = (uint64_t)(due > now ? IDLE_NANOSECONDS - 1 : MOST_NANOSECONDS);
    long nap = wanted < most ? (long)wanted : (long)most;
    if (nap < LEAST_NANOSECONDS) nap = LEAST_NANOSECONDS;
    nanosleep(&(struct timespec){0, nap}, NULL);
}

/* Returns false when the thread is to end. */
static bool pause_between(pump *self)
{
    pthread_mutex_lock(&self->lock);
    const bool busy = self->first || self->ending, ending = self->ending && !self->first;
    const pump_job *first = self->first; /* which only this thread takes out of the list */
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += IDLE_NANOSECONDS;
    if (until.tv_nsec >= 1000000000) until.tv_sec++, until.tv_nsec -= 1000000000;
    if (!busy && !pthread_cond_timedwait(&self->posted, &self->lock, &until))
        self->happened = nanoseconds(CLOCK_MONOTONIC);
    pthread_mutex_unlock(&self->lock);
    if (busy) doze(self, first);
    if (!ending) return true;
    beat_leave(&self->beat);
    return !self->lost[0] && !beat_is_over(&self->beat);
}

static void *run(void *context)
{
    pump *self = context;
    do turn(self);
    while (pause_between(self));
    return NULL;
}

/* ---- From other threads ------------------------------------------------------------------------------------------ */

shunt_status pump_create(const shunt_collective_plugin *plugin, shunt_collective *ranks, double limit, pump **out)
{
    pump *self = calloc(1, sizeof *self);
    if (!self) return error_memory();
    pthread_condattr_t steady;
    self->plugin = plugin;
    self->ranks = ranks;
    beat_begin(&self->beat, ranks, limit, now_seconds());
    pthread_mutex_init(&self->lock, NULL);
    pthread_condattr_init(&steady);
    pthread_condattr_setclock(&steady, CLOCK_MONOTONIC);
    pthread_cond_init(&self->posted, &steady);
    pthread_cond_init(&self->finished, &steady);
    pthread_condattr_destroy(&steady);
    const int code = pthread_create(&self->thread, NULL, run, self);
    if (!code) {
        *out = self;
        return SHUNT_OK;
    }
    free(self);
    return error_fail(SHUNT_E_MEMORY, "the thread of the ranks: %s", strerror(code));
}

void pump_destroy(pump *self)
{
    if (!self) return;
    pthread_mutex_lock(&self->lock);
    self->ending = true;
    pthread_cond_signal(&self->posted);
    pthread_mutex_unlock(&self->lock);
    pthread_join(self->thread, NULL);
    pthread_cond_destroy(&self->posted);
    pthread_cond_destroy(&self->finished);
    pthread_mutex_destroy(&self->lock);
    free(self);
}

void pump_post(pump *self, pump_job *job)
{
    job->next = NULL;
    job->request = NULL;
    job->status = SHUNT_OK;
    job->flying = job->done = false;
    job->posted = nanoseconds(CLOCK_MONOTONIC);
    pthread_mutex_lock(&self->lock);
    if (self->last)
        self->last->next = job;
    else
        self->first = job;
    self->last = job;
    pthread_cond_signal(&self->posted);
    pthread_mutex_unlock(&self->lock);
}

shunt_status pump_wait(pump *self, pump_job *job)
{
    job->awaited = nanoseconds(CLOCK_MONOTONIC);
    pthread_mutex_lock(&self->lock);
    while (!job->done) pthread_cond_wait(&self->finished, &self->lock);
    const uint64_t from =
        job->awaited > job->started ? job->awaited : job->started; /* before, it was not there to be sent */
    if (job->ended > from) self->work.waited += 1e-9 * (double)(job->ended - from);
    pthread_mutex_unlock(&self->lock);
    return job->status ? error_fail(job->status, "%s", job->reason) : SHUNT_OK;
}

void pump_give_up(pump *self)
{
    pthread_mutex_lock(&self->lock);
    self->given_up = true;
    pthread_cond_signal(&self->posted);
    pthread_mutex_unlock(&self->lock);
}

void pump_name_previous(pump *self, const char *name)
{
    pthread_mutex_lock(&self->lock);
    snprintf(self->previous, sizeof self->previous, "%s", name);
    pthread_mutex_unlock(&self->lock);
}

pump_work pump_measure(pump *self)
{
    clockid_t clock;
    pthread_mutex_lock(&self->lock);
    pump_work work = self->work;
    pthread_mutex_unlock(&self->lock);
    work.processor = pthread_getcpuclockid(self->thread, &clock) ? 0 : 1e-9 * (double)nanoseconds(clock);
    return work;
}
