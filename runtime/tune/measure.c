/* measure.c - checks one candidate against the reference and times it.
 *
 * The time is the host's, around batches of launches that end with queue_finish: what a plan's queue sees, the overhead of
 * a launch included. The least one counts, since noise only ever adds. */
#include "runtime/error.h"
#include "runtime/trial/trial.h"
#include "runtime/tune/tune.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MIN_LAUNCHES = 5, MAX_BATCH = 64 };
static const double MIN_MICROSECONDS = 20e3, MAX_MICROSECONDS = 1e6; /* in all; MAX outweighs MIN_LAUNCHES */
static const double BATCH_MICROSECONDS = 2e3;
static const double HOPELESS = 2; /* times as long as the best: not measured further */

static double now_microseconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return 1e6 * (double)t.tv_sec + 1e-3 * (double)t.tv_nsec;
}

/* The time of one of `count` launches. */
static shunt_status time_batch(shunt_trial *trial, int count, double *microseconds)
{
    shunt_status status = SHUNT_OK;
    double start = now_microseconds();
    for (int i = 0; i < count && status == SHUNT_OK; i++) status = shunt_trial_launch(trial);
    shunt_status finished = shunt_trial_finish(trial);
    *microseconds = (now_microseconds() - start) / count;
    return status == SHUNT_OK ? finished : status;
}

static shunt_status time_launches(shunt_trial *trial, double best, double *microseconds)
{
    double least, one, total;
    shunt_status status = time_batch(trial, 1, &least);
    int launches = 1, batch = least * MAX_BATCH <= BATCH_MICROSECONDS ? MAX_BATCH : (int)(BATCH_MICROSECONDS / least);
    if (batch < 1) batch = 1;
    for (total = least; status == SHUNT_OK && total < MAX_MICROSECONDS; total += one * batch, launches += batch) {
        bool enough = launches >= MIN_LAUNCHES && total >= MIN_MICROSECONDS;
        bool hopeless = launches >= 3 && best > 0 && least > HOPELESS * best;
        if (enough || hopeless) break;
        status = time_batch(trial, batch, &one);
        if (one < least) least = one;
    }
    *microseconds = least;
    return status;
}

/* The first launch, whose result is checked, warms up, too. */
static tune_verdict check_and_time(shunt_trial *trial, const tune_reference *reference, double best,
                                   double *microseconds)
{
    void *dst = malloc(shunt_tensor_bytes(&reference->desc.outputs[0]));
    if (!dst) {
        shunt_fail_memory();
        return VERDICT_FAILED;
    }
    tune_verdict verdict = VERDICT_SAFE;
    shunt_status status = shunt_trial_launch(trial);
    if (status == SHUNT_OK) status = shunt_trial_finish(trial);
    if (status == SHUNT_OK) status = shunt_trial_read(trial, &dst);
    if (status == SHUNT_OK && !shunt_reference_agrees(reference, dst)) verdict = VERDICT_WRONG;
    free(dst);
    if (status == SHUNT_OK && verdict == VERDICT_SAFE) status = time_launches(trial, best, microseconds);
    if (status == SHUNT_E_ABI) return VERDICT_WRONG; /* it wrote elsewhere */
    return status == SHUNT_OK ? verdict : VERDICT_FAILED;
}

tune_verdict shunt_tune_measure(const shunt_device *device, const shunt_candidate *candidate,
                                const tune_reference *reference, double best_microseconds, double *microseconds)
{
    trial_options options = {.algorithm = candidate->algorithm,
                             .params = candidate->params,
                             .memory_limit = device->entry.info.max_alloc,
                             .inplace = TRIAL_NOT_IN_PLACE};
    shunt_trial *trial;
    *microseconds = 0;
    if (shunt_trial_begin(device, &reference->desc, &options, (const void *const *)reference->inputs, &trial) !=
        SHUNT_OK)
        return VERDICT_FAILED;
    tune_verdict verdict = check_and_time(trial, reference, best_microseconds, microseconds);
    shunt_trial_end(trial);
    return verdict;
}

bool shunt_tune_device_alive(const shunt_device *device)
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
