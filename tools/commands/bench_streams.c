/* bench_streams.c - see bench_streams.h. */
#include "bench_streams.h"
#include "commands.h"
#include "lib/progress.h"
#include "lib/say.h"
#include <math.h>
#include <stdlib.h>
#include <time.h>

/* Of one run; a handler notes its end. */
typedef struct span {
    double begin_ms, end_ms;
} span;

/* One run in flight. */
typedef struct place {
    shunt_event *event;
    shunt_tensor results[BENCH_MOST_RESULTS]; /* as the task's, in memory of its own */
} place;

typedef struct flow {
    const bench_task *task;
    shunt_executor *executor;
    place *places;
    span *spans; /* of the runs in flight, those of the warm-up first */
    int64_t streams, warm_up, repeats;
    double flow_ms, alone_ms; /* all timed runs of a kind */
} flow;

/* Both kinds take turns, so that a busy machine slows both. A turn is long enough that filling and emptying the device count little. */
enum { MOST_TURNS = 15, FILLINGS = 8 };

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return 1e3 * (double)t.tv_sec + 1e-6 * (double)t.tv_nsec;
}

static void note_end(void *context, shunt_status status)
{
    (void)status; /* shunt_event_wait returns it, too */
    ((span *)context)->end_ms = now_ms();
}

static int allocate(flow *self)
{
    self->places = calloc((size_t)self->streams, sizeof *self->places);
    self->spans = calloc((size_t)(self->warm_up + self->repeats), sizeof *self->spans);
    if (!self->places || !self->spans) return say_failure("no memory");
    for (int64_t s = 0; s < self->streams; s++)
        for (size_t r = 0; r < self->task->nresults; r++) {
            shunt_tensor *result = &self->places[s].results[r];
            *result = self->task->results[r];
            result->data = calloc(1, shunt_tensor_bytes(&result->desc));
            if (!result->data) return say_failure("no memory");
        }
    return EXIT_OK;
}

static void release(flow *self)
{
    for (int64_t s = 0; self->places && s < self->streams; s++)
        for (size_t r = 0; r < self->task->nresults; r++) free(self->places[s].results[r].data);
    free(self->places);
    free(self->spans);
}

static shunt_status finish(place *self)
{
    const shunt_status status = self->event ? shunt_event_wait(self->event) : SHUNT_OK;
    shunt_event_release(self->event);
    self->event = NULL;
    return status;
}

static shunt_status submit(flow *self, int64_t run)
{
    place *here = &self->places[run % self->streams];
    const shunt_submit_options options = {.size = sizeof options, .handler = note_end, .context = &self->spans[run]};
    shunt_status status = finish(here);
    if (status) return status;
    self->spans[run].begin_ms = now_ms();
    progress_advance(1);
    return shunt_executor_submit(self->executor, self->task->inputs, self->task->ninputs, here->results,
                                 self->task->nresults, &options, &here->event);
}

/* Runs [first, first + count) with `streams` of them in flight. */
static shunt_status run_in_flight(flow *self, int64_t first, int64_t count)
{
    const double begin = now_ms();
    shunt_status status = SHUNT_OK;
    for (int64_t run = first; run < first + count && !status; run++) status = submit(self, run);
    for (int64_t s = 0; s < self->streams; s++) {
        const shunt_status finished = finish(&self->places[s]);
        if (!status) status = finished;
    }
    self->flow_ms += now_ms() - begin;
    return status;
}

static shunt_status run_alone(flow *self, int64_t count)
{
    const double begin = now_ms();
    shunt_status status = SHUNT_OK;
    for (int64_t run = 0; run < count && !status; run++) {
        progress_advance(1);
        status = shunt_executor_run(self->executor, self->task->inputs, self->task->ninputs, self->places[0].results,
                                    self->task->nresults);
    }
    self->alone_ms += now_ms() - begin;
    return status;
}

static int64_t at_most(int64_t value, int64_t limit)
{
    return value < limit ? value : limit;
}

static shunt_status take_turns(flow *self)
{
    const int64_t longest = self->repeats / MOST_TURNS + 1, filling = FILLINGS * self->streams;
    const int64_t turn = longest > filling ? longest : filling;
    shunt_status status = SHUNT_OK;
    for (int64_t run = 0; run < self->repeats && !status; run += turn) {
        const int64_t count = at_most(turn, self->repeats - run);
        status = run_in_flight(self, self->warm_up + run, count);
        if (!status) status = run_alone(self, count);
    }
    return status;
}

/* Destroys the executor, so that all handlers have been called. */
static int run_all(flow *self)
{
    progress_begin("measuring with several runs in flight", (uint64_t)(self->warm_up + 2 * self->repeats));
    shunt_status status = run_in_flight(self, 0, self->warm_up);
    self->flow_ms = 0;
    if (!status) status = take_turns(self);
    progress_end();
    const int result = status ? say_library_failure(NULL) : EXIT_OK;
    shunt_executor_destroy(self->executor);
    self->executor = NULL;
    return result;
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The smallest of the sorted values that a part of all are not above. */
static double percentile(const double *sorted, int64_t count, double part)
{
    const int64_t rank = (int64_t)ceil(part * (double)count);
    return sorted[rank > 0 ? rank - 1 : 0];
}

static int summarize(const flow *self, bench_flow *out)
{
    const int64_t count = self->repeats;
    const span *timed = self->spans + self->warm_up;
    double *latencies = calloc((size_t)count, sizeof *latencies);
    if (!latencies) return say_failure("no memory");
    for (int64_t i = 0; i < count; i++) latencies[i] = timed[i].end_ms - timed[i].begin_ms;
    qsort(latencies, (size_t)count, sizeof *latencies, by_value);
    out->runs_per_second = 1e3 * (double)count / self->flow_ms;
    out->alone_per_second = 1e3 * (double)count / self->alone_ms;
    out->p50_ms = percentile(latencies, count, 0.5);
    out->p90_ms = percentile(latencies, count, 0.9);
    out->p99_ms = percentile(latencies, count, 0.99);
    out->most_ms = latencies[count - 1];
    free(latencies);
    return EXIT_OK;
}

int bench_streams(const bench_task *task, shunt_device *device, int64_t streams, int64_t warm_up, int64_t repeats,
                  bench_flow *out)
{
    flow self = {.task = task, .streams = streams, .warm_up = warm_up, .repeats = repeats};
    const shunt_executor_options options = {.size = sizeof options, .streams = (uint32_t)streams};
    int status = allocate(&self);
    if (status == EXIT_OK && shunt_executor_create_with(task->graph, task->weights, device, &options, &self.executor))
        status = say_library_failure(NULL);
    if (status == EXIT_OK) status = run_all(&self);
    if (status == EXIT_OK) status = summarize(&self, out);
    shunt_executor_destroy(self.executor);
    release(&self);
    return status;
}
