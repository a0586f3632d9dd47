/* update.cl - what a training step does to parameters, in place: outputs are the memory of inputs.
 * sgd: g = diff + weight_decay * weights; velocity = momentum * velocity + g; weights -= rate * velocity, or, built with
 * NESTEROV, rate * (g + momentum * velocity). moving_average: average += rate * (scale * sample - average).
 * Built with SCALED, diff is multiplied by scale first; with SKIPPED, nothing changes where skip is not 0.
 * All stay in float32. Geometry: see flat.cl. Each reads and writes its tensors once. */
#include "flat.cl"

/* What flags add to the arguments. */
#ifdef SCALED
#define SCALE_TENSOR __global const param *scale, ulong scale_at,
#define DIFF(x) ((x) * scale[scale_at])
#else
#define SCALE_TENSOR
#define DIFF(x) (x)
#endif
#ifdef SKIPPED
#define SKIP_TENSOR __global const param *skip, ulong skip_at,
#define IS_SKIPPED (skip[skip_at] != 0.0f)
#else
#define SKIP_TENSOR
#define IS_SKIPPED 0
#endif

__attribute__((reqd_work_group_size(WG, 1, 1))) __kernel void
sgd(__global const real *weights, ulong weights_at, __global const real *velocity, ulong velocity_at,
    __global const real *diff, ulong diff_at, __global const param *rate, ulong rate_at, SCALE_TENSOR SKIP_TENSOR __global real *new_weights,
    ulong new_weights_at, __global real *new_velocity, ulong new_velocity_at, ulong count, float momentum,
    float weight_decay)
{
    const struct flat run = flat_run(count);
    for (ulong i = run.begin; i < run.end; i += V) {
        const vec w = load_flat(weights + weights_at, i, run.end), v = load_flat(velocity + velocity_at, i, run.end);
        const vec g = fma((vec)weight_decay, w, DIFF(load_flat(diff + diff_at, i, run.end))), fast = fma((vec)momentum, v, g);
#ifdef NESTEROV
        const vec step = fma((vec)momentum, fast, g);
#else
        const vec step = fast;
#endif
        store_flat(IS_SKIPPED ? v : fast, new_velocity + new_velocity_at, i, run.end);
        store_flat(IS_SKIPPED ? w : fma((vec)-rate[rate_at], step, w), new_weights + new_weights_at, i, run.end);
    }
}

__attribute__((reqd_work_group_size(WG, 1, 1))) __kernel void
moving_average(__global const real *average, ulong average_at, __global const real *sample, ulong sample_at,
               SKIP_TENSOR __global real *new_average, ulong new_average_at, ulong count, float rate, float scale)
{
    const struct flat run = flat_run(count);
    for (ulong i = run.begin; i < run.end; i += V) {
        const vec old = load_flat(average + average_at, i, run.end);
        const vec apart = fma((vec)scale, load_flat(sample + sample_at, i, run.end), -old);
        store_flat(IS_SKIPPED ? old : fma((vec)rate, apart, old), new_average + new_average_at, i, run.end);
    }
}
