/* combine.c - what ranks make of what they exchanged (exchange.h): on the host, in the order of the ranks, with the part that a rank's
 * batch has in that of all as its weight. What a channel has one number of is computed in double. */
#include "runtime/plan/exchange.h"

#include <math.h>
#include <shunt/half.h>
#include <string.h>

enum { BLOCK = 2048 }; /* elements that stay in the cache while each rank's are added */

static uint32_t ranks_of(const plan_exchange *self)
{
    return shunt_ranks_describe(self->plan->executor->ranks)->count;
}

static uint8_t dtype_of(const plan_exchange *self)
{
    return self->plan->values[self->sources[0]].desc.dtype;
}

/* ---- Sums of gradients -------------------------------------------------------------------------------------------- */

/* What a rank sent to this one, of so many bytes. This one's own is where it was to be sent from. */
static const void *piece_of(const plan_exchange *self, uint32_t rank, uint64_t bytes)
{
    const uint8_t *sent = self->narrow ? (const uint8_t *)self->narrow : self->send;
    return (rank == shunt_ranks_describe(self->plan->executor->ranks)->rank ? sent : self->pieces) + rank * bytes;
}

/* The result may take the place of the own piece, so it is written once all are added. */
static void sum_floats(const plan_exchange *self, uint64_t count)
{
    float sums[BLOCK];
    for (uint64_t at = 0; at < count; at += BLOCK) {
        const uint64_t n = count - at < BLOCK ? count - at : BLOCK;
        for (uint32_t r = 0; r < ranks_of(self); r++) {
            const float *src = (const float *)piece_of(self, r, count * sizeof *src) + at,
                        weight = (float)self->plan->rank_weights[r];
            if (r == 0)
                for (uint64_t i = 0; i < n; i++) sums[i] = weight * src[i];
            else
                for (uint64_t i = 0; i < n; i++) sums[i] += weight * src[i];
        }
        memcpy((float *)self->result + at, sums, n * sizeof *sums);
    }
}

void exchange_narrow(const plan_exchange *self)
{
    const float *src = (const float *)self->send;
    for (uint64_t i = 0; i < self->bytes / sizeof *src; i++) self->narrow[i] = shunt_to_bf16(src[i]);
}

static void sum_narrow(const plan_exchange *self, uint64_t count)
{
    const uint32_t ranks = ranks_of(self);
    float *dst = (float *)self->result;
    for (uint64_t i = 0; i < count; i++) {
        float sum = 0;
        for (uint32_t r = 0; r < ranks; r++) {
            const uint16_t *src = piece_of(self, r, count * sizeof *src);
            sum += (float)self->plan->rank_weights[r] * shunt_from_bf16(src[i]);
        }
        dst[i] = sum;
    }
}

static void sum_doubles(const plan_exchange *self, uint64_t count)
{
    const uint32_t ranks = ranks_of(self);
    double *dst = (double *)self->result;
    for (uint64_t i = 0; i < count; i++) {
        double sum = 0;
        for (uint32_t r = 0; r < ranks; r++) {
            const double *src = piece_of(self, r, count * sizeof *src);
            sum += self->plan->rank_weights[r] * src[i];
        }
        dst[i] = sum;
    }
}

static void sum(const plan_exchange *self)
{
    if (dtype_of(self) == SHUNT_F64)
        sum_doubles(self, self->bytes / ranks_of(self) / sizeof(double));
    else if (self->narrow)
        sum_narrow(self, self->bytes / ranks_of(self) / sizeof(float));
    else
        sum_floats(self, self->bytes / ranks_of(self) / sizeof(float));
}

/* ---- Numbers of channels ------------------------------------------------------------------------------------------ */

static double element(const plan_exchange *self, const uint8_t *data, uint64_t i)
{
    return dtype_of(self) == SHUNT_F64 ? ((const double *)data)[i] : (double)((const float *)data)[i];
}

static void put(const plan_exchange *self, uint64_t i, double value)
{
    if (dtype_of(self) == SHUNT_F64)
        ((double *)self->result)[i] = value;
    else
        ((float *)self->result)[i] = (float)value;
}

/* The weighted sum over the ranks of their number i, of all that each one sent. */
static double over_ranks(const plan_exchange *self, uint64_t i)
{
    double all = 0;
    for (uint32_t r = 0; r < ranks_of(self); r++)
        all += self->plan->rank_weights[r] * element(self, self->pieces + r * self->bytes, i);
    return all;
}

/* A variance over all is the mean of the ranks' variances and the variance of their means. */
static void combine_statistics(const plan_exchange *self, uint64_t channels)
{
    for (uint64_t c = 0; c < channels; c++) {
        const double mean = over_ranks(self, c);
        double variance = over_ranks(self, channels + c);
        for (uint32_t r = 0; r < ranks_of(self); r++) {
            const double apart = element(self, self->pieces + r * self->bytes, c) - mean;
            variance += self->plan->rank_weights[r] * apart * apart;
        }
        put(self, c, mean);
        put(self, channels + c, variance);
    }
}

/* A rank's loss is the mean over its own batch, so that its gradients count with the rank's weight, and
 *     diff_src = scale / deviation * (diff_dst - diff_shift / samples - normal * diff_scale / samples)
 * where diff_shift and diff_scale are the weighted sums over all ranks, and samples is the number of this rank's. The op has put its
 * own ones there; the difference is a batch norm of src, with this scale and shift. */
static void combine_sums(const plan_exchange *self, uint64_t channels)
{
    for (uint64_t c = 0; c < channels; c++) {
        const double scale = element(self, self->send, c), variance = element(self, self->send, channels + c);
        const double factor = scale / sqrt(variance + (double)self->epsilon) / self->samples;
        for (uint64_t k = 0; k < 2; k++) {
            const uint64_t i = (2 + k) * channels + c;
            put(self, k * channels + c, factor * (element(self, self->send, i) - over_ranks(self, i)));
        }
    }
}

static void combine_totals(const plan_exchange *self, uint64_t numbers)
{
    for (uint64_t i = 0; i < numbers; i++) {
        double total = 0;
        for (uint32_t r = 0; r < ranks_of(self); r++) total += element(self, self->pieces + r * self->bytes, i);
        put(self, i, total);
    }
}

shunt_status exchange_combine(void *exchange)
{
    const plan_exchange *self = exchange;
    const uint64_t numbers = shunt_tensor_count(&self->plan->values[self->sources[0]].desc);
    switch (self->kind) {
    case EXCHANGE_SUM:
        sum(self);
        break;
    case EXCHANGE_GATHER:
        break;
    case EXCHANGE_STATISTICS:
        combine_statistics(self, numbers);
        break;
    case EXCHANGE_SUMS:
        combine_sums(self, numbers);
        break;
    case EXCHANGE_TOTAL:
        combine_totals(self, numbers);
        break;
    }
    return SHUNT_OK;
}
