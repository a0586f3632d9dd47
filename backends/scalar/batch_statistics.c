/* batch_statistics.c - mean and variance of each channel of src (N,C,...) over all but C. Two passes, sums in double: a
 * batch has more elements than float can add, and the variance may be small compared with the mean. */
#include "op.h"

static shunt_status check(const shunt_op_desc *desc)
{
    const shunt_tensor_desc *src = &desc->inputs[0];
    if (src->rank < 2) return scalar_fail(SHUNT_E_INVALID, "src has rank %u, not 2 or more", src->rank);
    shunt_status status = scalar_expect_dims(&desc->outputs[0], "mean", 1, &src->dims[1]);
    return status ? status : scalar_expect_dims(&desc->outputs[1], "variance", 1, &src->dims[1]);
}

/* Of the channel whose first plane is src; planes lie `step` apart. */
static double mean_of(const real *src, int64_t N, int64_t area, int64_t step)
{
    double total = 0;
    for (int64_t n = 0; n < N; n++) {
        double sum = 0;
#pragma omp simd reduction(+ : sum)
        for (int64_t i = 0; i < area; i++) sum += (double)src[n * step + i];
        total += sum;
    }
    return total / (double)(N * area);
}

static double variance_of(const real *src, int64_t N, int64_t area, int64_t step, double mean)
{
    double total = 0;
    for (int64_t n = 0; n < N; n++) {
        double sum = 0;
#pragma omp simd reduction(+ : sum)
        for (int64_t i = 0; i < area; i++) {
            double from_mean = (double)src[n * step + i] - mean;
            sum += from_mean * from_mean;
        }
        total += sum;
    }
    return total / (double)(N * area);
}

static void run(const shunt_op_desc *desc, const void *const *inputs, void *const *outputs, int threads)
{
    const shunt_tensor_desc *shape = &desc->inputs[0];
    int64_t N = shape->dims[0], C = shape->dims[1], count = (int64_t)shunt_tensor_count(shape), area = count / (N * C);
    const real *src = inputs[0];
    real *mean = outputs[0], *variance = outputs[1];
#pragma omp parallel for num_threads(threads) if (count > SCALAR_SMALL)
    for (int64_t c = 0; c < C; c++) {
        double middle = mean_of(src + c * area, N, area, C * area);
        mean[c] = (real)middle;
        variance[c] = (real)variance_of(src + c * area, N, area, C * area, middle);
    }
}

const scalar_op TYPED(scalar_batch_statistics) = {.check = check, .run = run};
