/* update.cl - what a training step does to parameters, in place: outputs are the memory of inputs.
 * sgd: g = diff + weight_decay * weights; velocity = momentum * velocity + g; weights -= rate * velocity, or, built with
 * NESTEROV, rate * (g + momentum * velocity). moving_average: average += rate * (scale * sample - average).
 * accumulate: sum = factors[0] * sum + factors[1] * src, without the sum where factors[0] is 0.
 * Built with SCALED, diff is multiplied by scale first; with SKIPPED, nothing changes where skip is not 0; with LARS, g is multiplied by
 * what op.h says, of the squares of both tensors.
 * All stay in float32. Geometry: see flat.cl. Each reads and writes its tensors once.
 * shrink: scale and shift times 1 - threshold / r, r being the root of the mean square of both; 0 where r is not above the threshold.
 * Work-items (WG), one group: an item has every WG-th element of both, which it reads twice and writes once; their squares are added
 * up as a tree. */
#include "flat.cl"

/* What flags add to the arguments. */
#ifdef SCALED
#define SCALE_TENSOR __global const param *scale, ulong scale_at,
#define SCALE scale[scale_at]
#define DIFF(x) ((x)*SCALE)
#else
#define SCALE_TENSOR
#define SCALE 1.0f
#define DIFF(x) (x)
#endif
#ifdef SKIPPED
#define SKIP_TENSOR __global const param *skip, ulong skip_at,
#define IS_SKIPPED (skip[skip_at] != 0.0f)
#else
#define SKIP_TENSOR
#define IS_SKIPPED 0
#endif
#ifdef LARS
#define SQUARES_TENSOR __global const param *squares, ulong squares_at,
#define TRUSTED(g) (trust_of(squares + squares_at, SCALE, weight_decay, trust) * (g))
#else
#define SQUARES_TENSOR
#define TRUSTED(g) (g)
#endif

static inline float trust_of(__global const param *squares, float scale, float weight_decay, float trust)
{
    const float weights = sqrt(squares[0]), diff = scale * sqrt(squares[1]);
    return weights > 0.0f && diff > 0.0f ? trust * weights / fma(weight_decay, weights, diff) : 1.0f;
}

__attribute__((reqd_work_group_size(WG, 1, 1))) __kernel void
sgd(__global const real *weights, ulong weights_at, __global const real *velocity, ulong velocity_at,
    __global const real *diff, ulong diff_at, __global const param *rate, ulong rate_at, SCALE_TENSOR SKIP_TENSOR SQUARES_TENSOR __global real *new_weights,
    ulong new_weights_at, __global real *new_velocity, ulong new_velocity_at, ulong count, float momentum,
    float weight_decay, float trust)
{
    const struct flat run = flat_run(count);
    for (ulong i = run.begin; i < run.end; i += V) {
        const vec w = load_flat(weights + weights_at, i, run.end), v = load_flat(velocity + velocity_at, i, run.end);
        const vec g = TRUSTED(fma((vec)weight_decay, w, DIFF(load_flat(diff + diff_at, i, run.end))));
        const vec fast = fma((vec)momentum, v, g);
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

__attribute__((reqd_work_group_size(WG, 1, 1))) __kernel void
accumulate(__global const real *sum, ulong sum_at, __global const real *src, ulong src_at,
           __global const param *factors, ulong factors_at, __global real *new_sum, ulong new_sum_at, ulong count)
{
    const struct flat run = flat_run(count);
    const float kept = factors[factors_at], added = factors[factors_at + 1];
    for (ulong i = run.begin; i < run.end; i += V) {
        const vec x = load_flat(src + src_at, i, run.end);
        store_flat(kept == 0.0f ? added * x : fma((vec)added, x, kept * load_flat(sum + sum_at, i, run.end)),
                   new_sum + new_sum_at, i, run.end);
    }
}

/* Of this item's elements. */
static inline acc squares_of(__global const param *x, int count)
{
    acc sum = 0.0f;
    for (int i = get_local_id(0); i < count; i += WG) sum = fma(x[i], x[i], sum);
    return sum;
}

__attribute__((reqd_work_group_size(WG, 1, 1))) __kernel void
shrink(__global const param *scale, ulong scale_at, __global const param *shift, ulong shift_at,
       __global const param *threshold, ulong threshold_at, SKIP_TENSOR __global param *new_scale, ulong new_scale_at,
       __global param *new_shift, ulong new_shift_at, int count)
{
    const int item = get_local_id(0);
    acc sum = squares_of(scale + scale_at, count) + squares_of(shift + shift_at, count);
#if WG > 1
    __local acc parts[WG];
    parts[item] = sum;
    for (int distance = WG / 2; distance > 0; distance /= 2) {
        barrier(CLK_LOCAL_MEM_FENCE);
        if (item < distance) parts[item] += parts[item + distance];
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    sum = parts[0];
#endif
    const acc r = sqrt(sum / (2 * count)), least = threshold[threshold_at];
    const int vanishes = !IS_SKIPPED && r <= least;
    const acc factor = IS_SKIPPED ? 1.0f : 1.0f - least / r;
    for (int i = item; i < count; i += WG) {
        new_scale[new_scale_at + i] = vanishes ? 0.0f : factor * scale[scale_at + i];
        new_shift[new_shift_at + i] = vanishes ? 0.0f : factor * shift[shift_at + i];
    }
}
