/* reorder.c - src to dst of the same dims and type, from any channel block to any other; the lanes past C become zero. */
#include "scalar.h"

#include <string.h>

static shunt_status check(const shunt_op_desc *desc)
{
    const shunt_tensor_desc *src = &desc->inputs[0], *dst = &desc->outputs[0];
    if (!shunt_castable(src->dtype)) return scalar_fail(SHUNT_E_UNSUPPORTED, "type %u", src->dtype);
    if (src->dtype != dst->dtype)
        return scalar_fail(SHUNT_E_UNSUPPORTED, "src has type %u, dst %u", src->dtype, dst->dtype);
    return scalar_expect_same(dst, "dst", src);
}

/* `count` elements of `bytes` bytes; neighbours lie so many elements apart in src and in dst. */
static void copy(size_t bytes, int64_t count, const void *src, int64_t src_step, void *dst, int64_t dst_step)
{
    const uint8_t *from = src;
    uint8_t *to = dst;
    for (int64_t i = 0; i < count; i++, from += src_step * (int64_t)bytes, to += dst_step * (int64_t)bytes) {
        if (bytes == 4)
            memcpy(to, from, 4);
        else
            memcpy(to, from, bytes);
    }
}

static void run_blocked(const shunt_tensor_desc *from, const shunt_tensor_desc *to, const uint8_t *src, uint8_t *dst,
                        int threads)
{
    const uint64_t zero = 0;
    const size_t bytes = (size_t)shunt_dtype_bytes(to->dtype);
    const int64_t N = to->dims[0], C = to->dims[1], area = to->dims[2] * to->dims[3];
    const int64_t from_lanes = shunt_tensor_block(from), lanes = shunt_tensor_block(to);
    const int64_t stored = (C + lanes - 1) / lanes * lanes; /* channels with the zero lanes */
#pragma omp parallel for collapse(2) num_threads(threads) if (N * stored * area > SCALAR_SMALL)
    for (int64_t n = 0; n < N; n++) {
        for (int64_t c = 0; c < stored; c++) {
            const int64_t place = (n * stored + c / lanes * lanes) * area + c % lanes;
            uint8_t *plane = dst + place * (int64_t)bytes;
            if (c < C)
                copy(bytes, area, src + shunt_tensor_at(from, n, c, 0, 0) * bytes, from_lanes, plane, lanes);
            else
                copy(bytes, area, &zero, 0, plane, lanes);
        }
    }
}

static void run(const shunt_op_desc *desc, const void *const *inputs, void *const *outputs, int threads)
{
    const shunt_tensor_desc *from = &desc->inputs[0], *to = &desc->outputs[0];
    if (from->block == to->block)
        memcpy(outputs[0], inputs[0], (size_t)shunt_tensor_bytes(to));
    else
        run_blocked(from, to, inputs[0], outputs[0], threads);
}

const scalar_op scalar_reorder = {.any_block = true, .own_types = true, .check = check, .run = run};
