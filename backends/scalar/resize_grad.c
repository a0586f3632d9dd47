/* resize_grad.c - diff_src (N,C,H,W) of a resize: each element of diff_dst (N,C,P,Q), by its weights, to the elements of src that it was
 * made of. They are shared, so a plane is one thread's work. */
#include "op.h"

#include <string.h>

static shunt_status check(const shunt_op_desc *desc)
{
    return scalar_expect_forward(desc, &TYPED(scalar_resize), &desc->outputs[0], NULL, &desc->inputs[0]);
}

static void give_row(const shunt_op_desc *desc, const real *diff_dst, const shunt_resize_tap *row, real *diff_src)
{
    const int64_t W = desc->outputs[0].dims[3], Q = desc->inputs[0].dims[3];
    for (int64_t q = 0; q < Q; q++) {
        const shunt_resize_tap column = shunt_resize_tap_at(&desc->attr.resize, 1, W, Q, q);
        for (int i = 0; i < 2; i++)
            for (int k = 0; k < 2; k++)
                diff_src[row->index[i] * W + column.index[k]] +=
                    (real)row->weight[i] * ((real)column.weight[k] * diff_dst[q]);
    }
}

static void run(const shunt_op_desc *desc, const void *const *inputs, void *const *outputs, int threads)
{
    const int64_t *in = desc->outputs[0].dims, *out = desc->inputs[0].dims;
    const int64_t planes = in[0] * in[1], H = in[2], W = in[3], P = out[2], Q = out[3];
#pragma omp parallel for num_threads(threads) if (planes * P * Q > SCALAR_SMALL)
    for (int64_t plane = 0; plane < planes; plane++) {
        const real *diff_dst = (const real *)inputs[0] + plane * P * Q;
        real *diff_src = (real *)outputs[0] + plane * H * W;
        memset(diff_src, 0, (size_t)(H * W) * sizeof *diff_src);
        for (int64_t p = 0; p < P; p++) {
            const shunt_resize_tap row = shunt_resize_tap_at(&desc->attr.resize, 0, H, P, p);
            give_row(desc, diff_dst + p * Q, &row, diff_src);
        }
    }
}

const scalar_op TYPED(scalar_resize_grad) = {.check = check, .run = run};
