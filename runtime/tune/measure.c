/* measure.c - checks one candidate against the reference and times it, in turn with the best so far.
 *
 * The time is the host's, around batches of launches that end with queue_finish: what a plan's queue sees, the overhead of
 * a launch included. The least one counts, since noise only ever adds. It adds for seconds on end where others share the
 * processor, so that a time is worth little beside one taken a moment later: hence in turn. */
#include "runtime/base/error.h"
#include "runtime/device/trial.h"
#include "runtime/tune/tune.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MIN_LAUNCHES = 5, MAX_BATCH = 64 };
static const double MIN_MICROSECONDS = 40e3, MAX_MICROSECONDS = 1e6; /* in all; MAX outweighs MIN_LAUNCHES */
static const double BATCH_MICROSECONDS = 2e3;
static const double HOPELESS = 2; /* times as long as the best so far: not measured further */

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

static int batch_of(double microseconds)
{
    if (microseconds * MAX_BATCH <= BATCH_MICROSECONDS) return MAX_BATCH;
    return microseconds >= BATCH_MICROSECONDS ? 1 : (int)(BATCH_MICROSECONDS / microseconds);
}

/* A batch of launches, of which the least time in *least comes to know. */
static shunt_status time_more(shunt_trial *trial, int batch, double *least)
{
    double one;
    shunt_status status = time_batch(trial, batch, &one);
    if (status == SHUNT_OK) *least = fmin(*least, one);
    return status;
}

/* The least time of a launch, and of one of its rival's in the same while: until one of them is clearly slower, if there is a
 * rival. */
static shunt_status time_in_turn(shunt_trial *trial, tune_runner *rival, double *microseconds)
{
    double least, rivals = INFINITY;
    shunt_status status = time_batch(trial, 1, &least);
    const double start = now_microseconds() - least;
    const int batch = batch_of(least), rivals_batch = batch_of(rival->microseconds);
    for (int launches = 1; status == SHUNT_OK; launches += batch) {
        const double spent = now_microseconds() - start;
        if ((launches >= MIN_LAUNCHES && spent >= MIN_MICROSECONDS) || spent >= MAX_MICROSECONDS) break;
        if (launches >= 3 && least > HOPELESS * rivals) break;
        if (rival->trial && !(rivals > HOPELESS * least && launches >= 3))
            status = time_more(rival->trial, rivals_batch, &rivals);
        if (status == SHUNT_OK) status = time_more(trial, batch, &least);
    }
    *microseconds = least;
    if (rivals < INFINITY) rival->microseconds = rivals;
    return status;
}

/* The first launch, whose result is checked, warms up, too. */
static tune_verdict check_and_time(shunt_trial *trial, const tune_reference *reference, tune_runner *rival,
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
    if (status == SHUNT_OK && verdict == VERDICT_SAFE) status = time_in_turn(trial, rival, microseconds);
    if (status == SHUNT_E_ABI) return VERDICT_WRONG; /* it wrote elsewhere */
    return status == SHUNT_OK ? verdict : VERDICT_FAILED;
}

void shunt_tune_stop(tune_runner *runner)
{
    shunt_trial_end(runner->trial);
    runner->trial = NULL;
}

tune_verdict shunt_tune_measure(const shunt_device *device, const shunt_candidate *candidate,
                                const tune_reference *reference, tune_runner *rival, tune_runner *out)
{
    trial_options options = {.algorithm = candidate->algorithm,
                             .params = candidate->params,
                             .memory_limit = device->entry.info.max_alloc,
                             .inplace = TRIAL_NOT_IN_PLACE};
    const void *const *inputs = (const void *const *)reference->inputs;
    *out = (tune_runner){0};
    shunt_status status = shunt_trial_begin(device, &reference->desc, &options, inputs, &out->trial);
    if (status == SHUNT_E_MEMORY && rival->trial) {
        shunt_tune_stop(rival);
        status = shunt_trial_begin(device, &reference->desc, &options, inputs, &out->trial);
    }
    if (status != SHUNT_OK) return VERDICT_FAILED;
    tune_verdict verdict = check_and_time(out->trial, reference, rival, &out->microseconds);
    if (verdict != VERDICT_SAFE) shunt_tune_stop(out);
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
