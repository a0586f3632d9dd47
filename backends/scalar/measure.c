/* measure.c - what plain C reaches on this processor: the roof over every op of this backend.
 * Multiply-adds: independent sums that the compiler keeps in vector registers. Memory: one large copy. */
#include "scalar.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { LANES = 64, STEPS = 400000, REPEATS = 12, COPY_BYTES = 128 << 20 };
static const double enough_seconds = 0.5; /* no further repeats on a slow machine, or under a sanitizer */

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* STEPS multiply-adds on each of LANES sums; the result depends on all of them. */
static float multiply_add(float factor, float summand)
{
    float sums[LANES], total = 0;
    for (int i = 0; i < LANES; i++) sums[i] = summand * (float)i;
    for (int step = 0; step < STEPS; step++)
        for (int i = 0; i < LANES; i++) sums[i] = sums[i] * factor + summand;
    for (int i = 0; i < LANES; i++) total += sums[i];
    return total;
}

static double time_multiply_adds(int threads)
{
    volatile float factor = 0.999f, summand = 1e-3f; /* not known to the compiler */
    volatile float sink = 0;
    double start = seconds();
#pragma omp parallel num_threads(threads)
    {
        float result = multiply_add(factor, summand);
#pragma omp critical
        sink = sink + result;
    }
    return seconds() - start;
}

static double time_copy(int threads, char *dst, const char *src)
{
    const size_t part = COPY_BYTES / (size_t)threads;
    double start = seconds();
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int i = 0; i < threads; i++) memcpy(dst + (size_t)i * part, src + (size_t)i * part, part);
    return seconds() - start;
}

shunt_status scalar_measure(shunt_bdevice *device, double *flops_per_second, double *bytes_per_second)
{
    int threads = ((const scalar_device *)device)->threads;
    double arithmetic = 0, memory = 0;
    char *src = malloc(COPY_BYTES), *dst = malloc(COPY_BYTES);
    if (!src || !dst) {
        free(src);
        free(dst);
        return scalar_fail(SHUNT_E_MEMORY, "no memory for two buffers of %d MiB", COPY_BYTES >> 20);
    }
    memset(src, 1, COPY_BYTES);
    memset(dst, 2, COPY_BYTES);
    double start = seconds();
    for (int i = 0; i == 0 || (i < REPEATS && seconds() - start < enough_seconds); i++) {
        double flops = 2.0 * LANES * STEPS * threads / time_multiply_adds(threads);
        double bytes = 2.0 * COPY_BYTES / time_copy(threads, dst, src);
        if (flops > arithmetic) arithmetic = flops;
        if (bytes > memory) memory = bytes;
    }
    free(src);
    free(dst);
    *flops_per_second = arithmetic;
    *bytes_per_second = memory;
    return SHUNT_OK;
}
