/* measure.c - checks one candidate against the reference, and times two in turn.
 *
 * The time is the host's, around batches of launches that end with queue_finish: what a plan's queue sees, the overhead of
 * a launch included. Other programs on the processor add to it for seconds at a time. Times taken at different moments can
 * hardly be compared, so the two are timed in turn. */
#include "runtime/base/error.h"
#include "runtime/device/trial.h"
#include "runtime/tune/tune.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ENOUGH_TURNS = 9, FEW_TIMES = 5, MAX_BATCH = 64 };
static const double MIN_MICROSECONDS = 40e3, MAX_MICROSECONDS = 1e6; /* of all turns; MAX outweighs ENOUGH_TURNS, */
static const double FINAL_MICROSECONDS = 20e6;                       /* and this TUNE_MIN_TURNS */
static const double BATCH_MICROSECONDS = 2e3;
static const double STEADY = 1.1; /* the longest of a few times that needs no more, as a multiple of the shortest */

static double now_microseconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return 1e6 * (double)t.tv_sec + 1e-3 * (double)t.tv_nsec;
}

/* The time of one of `count` launches. */
static shunt_status time_batch(tune_trial *trial, int count, double *microseconds)
{
    shunt_status status = SHUNT_OK;
    double start = now_microseconds();
    for (int i = 0; i < count && status == SHUNT_OK; i++) status = trial_launch(trial);
    shunt_status finished = trial_finish(trial);
    *microseconds = (now_microseconds() - start) / count;
    return status == SHUNT_OK ? finished : status;
}

static int batch_of(double microseconds)
{
    if (microseconds * MAX_BATCH <= BATCH_MICROSECONDS) return MAX_BATCH;
    return microseconds >= BATCH_MICROSECONDS ? 1 : (int)(BATCH_MICROSECONDS / microseconds);
}

/* ---- Running ------------------------------------------------------------------------------------------------------- */

static shunt_status begin(tune_runner *runner)
{
    trial_options options = {.algorithm = runner->candidate->algorithm,
                             .params = runner->candidate->params,
                             .memory_limit = runner->device->entry.info.max_alloc,
                             .inplace = TRIAL_NOT_IN_PLACE};
    return trial_begin(runner->device, &runner->reference->desc, &options,
                       (const void *const *)runner->reference->inputs, &runner->trial);
}

/* Makes the runner ready to run, in the memory of `other` if there is no more. */
static shunt_status start(tune_runner *runner, tune_runner *other)
{
    if (runner->trial) return SHUNT_OK;
    shunt_status status = begin(runner);
    if (status == SHUNT_E_MEMORY && other && other->trial) {
        tune_stop(other);
        status = begin(runner);
    }
    return status;
}

void tune_stop(tune_runner *runner)
{
    trial_end(runner->trial);
    runner->trial = NULL;
}

static tune_verdict check_result(const tune_runner *runner)
{
    void *dst = malloc(shunt_tensor_bytes(&runner->reference->desc.outputs[0]));
    if (!dst) {
        error_memory();
        return VERDICT_FAILED;
    }
    tune_verdict verdict = VERDICT_SAFE;
    double microseconds;
    shunt_status status = time_batch(runner->trial, 1, &microseconds);
    if (status == SHUNT_OK) status = trial_read(runner->trial, &dst);
    if (status == SHUNT_OK && !reference_agrees(runner->reference, dst)) verdict = VERDICT_WRONG;
    free(dst);
    if (status == SHUNT_E_ABI) return VERDICT_WRONG; /* it wrote elsewhere */
    return status == SHUNT_OK ? verdict : VERDICT_FAILED;
}

tune_verdict tune_check(tune_runner *runner, tune_runner *other)
{
    if (start(runner, other) != SHUNT_OK) return VERDICT_FAILED;
    tune_verdict verdict = check_result(runner);
    if (verdict != VERDICT_SAFE) tune_stop(runner);
    return verdict;
}

/* ---- Timing -------------------------------------------------------------------------------------------------------- */

/* A runner to time. */
typedef struct runner_times {
    tune_runner *runner, *other; /* other: stopped where there is no memory for both; or NULL */
    int batch;                   /* launches in a time; 0: not known yet */
} runner_times;

static shunt_status take_time(void *context, double *microseconds)
{
    runner_times *self = context;
    shunt_status status = start(self->runner, self->other);
    if (status == SHUNT_OK && !self->batch) {
        status = time_batch(self->runner->trial, 1, microseconds);
        self->batch = batch_of(*microseconds);
        if (self->batch == 1) return status;
    }
    return status == SHUNT_OK ? time_batch(self->runner->trial, self->batch, microseconds) : status;
}

static bool enough_turns(const tune_turns *turns, double spent)
{
    if (turns->count == TUNE_MAX_TURNS || spent >= FINAL_MICROSECONDS) return true;
    if (turns->count < TUNE_MIN_TURNS) return false;
    tune_comparison so_far = tune_compare(turns);
    return so_far.slower || so_far.faster || spent >= MAX_MICROSECONDS ||
           (turns->count >= ENOUGH_TURNS && spent >= MIN_MICROSECONDS);
}

/* Who begins changes from turn to turn: a load that comes or goes shall be nobody's gain. */
shunt_status tune_take_turns(const tune_timed *guess, const tune_timed *other, tune_turns *out)
{
    shunt_status status = SHUNT_OK;
    const double began = now_microseconds();
    for (out->count = 0; status == SHUNT_OK && (!out->count || !enough_turns(out, now_microseconds() - began));) {
        const uint32_t turn = out->count;
        if (turn % 2 == 0) status = guess->take(guess->context, &out->guess[turn]);
        if (status == SHUNT_OK) status = other->take(other->context, &out->other[turn]);
        if (status == SHUNT_OK && turn % 2) status = guess->take(guess->context, &out->guess[turn]);
        if (status == SHUNT_OK) out->count++;
    }
    return status;
}

shunt_status tune_time(tune_runner *guess, tune_runner *other, tune_turns *out)
{
    runner_times first = {guess, other, 0}, second = {other, guess, 0};
    return tune_take_turns(&(tune_timed){take_time, &first}, &(tune_timed){take_time, &second}, out);
}

static bool steady_enough(const double *times, uint32_t count, double spent)
{
    if (count < TUNE_MIN_TURNS) return count > 0 && spent >= FINAL_MICROSECONDS;
    double shortest = times[0], longest = times[0];
    for (uint32_t i = 1; i < count; i++) {
        shortest = fmin(shortest, times[i]);
        longest = fmax(longest, times[i]);
    }
    return count == TUNE_MAX_TURNS || (count >= FEW_TIMES && longest <= STEADY * shortest) ||
           spent >= MAX_MICROSECONDS || (count >= ENOUGH_TURNS && spent >= MIN_MICROSECONDS);
}

shunt_status tune_steadiness(tune_runner *runner, double *spread, double *microseconds)
{
    double times[TUNE_MAX_TURNS];
    uint32_t count = 0;
    runner_times self = {.runner = runner};
    shunt_status status = SHUNT_OK;
    const double began = now_microseconds();
    while (status == SHUNT_OK && !steady_enough(times, count, now_microseconds() - began)) {
        status = take_time(&self, &times[count]);
        if (status == SHUNT_OK) count++;
    }
    *spread = count ? tune_spread(times, count) : 0;
    *microseconds = count ? tune_median(times, count) : 0;
    return status;
}

bool tune_device_alive(const shunt_device *device)
{
    static const char sent[] = "shunt: are you there? 0123456789"; /* 32 bytes and a zero */
    enum { BYTES = sizeof sent - 1 };
    char received[BYTES] = "";
    const shunt_device_ops *ops = device->ops;
    shunt_bqueue *queue;
    shunt_bbuffer *buffer;
    if (ops->queue_create(device->handle, 0, &queue) != SHUNT_OK) return false;
    bool alive = ops->buffer_alloc(device->handle, BYTES, SHUNT_USE_STAGING, &buffer) == SHUNT_OK;
    if (alive) {
        shunt_arg at = {.buffer = buffer};
        alive = ops->write(queue, at, sent, BYTES, NULL) == SHUNT_OK &&
                ops->read(queue, received, at, BYTES, NULL) == SHUNT_OK;
        alive = ops->queue_finish(queue) == SHUNT_OK && alive && !memcmp(sent, received, BYTES);
        ops->buffer_free(device->handle, buffer);
    }
    ops->queue_destroy(device->handle, queue);
    return alive;
}
