/* budget.c - measures how long an epoch takes by a few steps of each network. The first step is not counted: kernels are
 * compiled in it. */
#include "lib/say.h"
#include "runs.h"
#include <math.h>
#include <time.h>

enum { LEAST_STEPS = 4 }; /* and for at least this many seconds: */
static const double least_seconds = 2;

typedef struct stopwatch {
    double first, last;
    int64_t steps, epoch_steps;
} stopwatch;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int count_step(void *context, const shunt_train_event *event)
{
    stopwatch *watch = context;
    if (event->stage != SHUNT_TRAIN_STEP) return 0;
    watch->last = now();
    if (!watch->steps++) watch->first = watch->last;
    watch->epoch_steps = event->epoch_steps;
    return watch->steps >= LEAST_STEPS && watch->last - watch->first >= least_seconds;
}

/* Seconds of an epoch with its test. A test step is a forward pass alone: a third of a training step. whole: the recipe's epochs. */
static int measure(const run_context *self, const char *name, double *seconds, int64_t *whole)
{
    stopwatch watch = {0};
    run_parts parts;
    int finished, status = run_make(self, name, 1, NULL, count_step, &watch, &parts);
    if (status == EXIT_OK) status = training_run(parts.trainer, name, &finished);
    if (status == EXIT_OK && training_interrupted()) status = say_failure("stopped before anything was trained");
    if (status == EXIT_OK) {
        double step = watch.steps > 1 ? (watch.last - watch.first) / (double)(watch.steps - 1) : 0;
        double tests = (double)shunt_dataset_count(self->test) / (double)parts.recipe.batch;
        *seconds = step * ((double)watch.epoch_steps + tests / 3);
        *whole = (shunt_trainer_steps(parts.trainer) + watch.epoch_steps - 1) / watch.epoch_steps;
    }
    run_end(&parts);
    return status;
}

int runs_budget(const run_context *self, int64_t minutes, int64_t seeds, int64_t *epochs)
{
    double all = 0, one;
    int64_t whole;
    for (size_t i = 0; i < self->list->count; i++) {
        int status = measure(self, self->list->names[i], &one, &whole);
        if (status) return status;
        all += one * (double)seeds;
    }
    double times = all > 0 ? (double)minutes * 60 / all : 0;
    if (times < 1)
        return say_usage(
            "--budget %lld: one epoch of each network (%zu of them, %lld times) takes some %.0f minutes on %s; give "
            "that, or fewer networks or seeds",
            (long long)minutes, self->list->count, (long long)seeds, ceil(all / 60),
            shunt_device_describe(self->device)->selector);
    *epochs = times < (double)whole ? (int64_t)times : 0;
    return EXIT_OK;
}
