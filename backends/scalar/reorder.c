/* reorder.c - src to dst of the same dims, from any channel block to any other; the lanes past C become zero. */
#include "op.h"

#include <string.h>

static shunt_status check(const shunt_op_desc *desc)
{
    return scalar_expect_same(&desc->outputs[0], "dst", &desc->inputs[0]);
}

/* Channel c of image n, H x W elements of it, `lanes` apart from each other in a tensor of that channel block. */
static void copy_plane(int64_t area, const real *src, int64_t src_lanes, real *dst, int64_t dst_lanes)
{
    for (int64_t i = 0; i < area; i++) dst[i * dst_lanes] = src[i * src_lanes];
}

static void run_blocked(const shunt_tensor_desc *from, const shunt_tensor_desc *to, const real *src, real *dst,
                        int threads)
{
    int64_t N = to->dims[0], C = to->dims[1], area = to->dims[2] * to->dims[3];
    int64_t from_lanes = shunt_tensor_block(from), lanes = shunt_tensor_block(to);
    int64_t stored = (C + lanes - 1) / lanes * lanes; /* channels with the zero lanes */
#pragma omp parallel for collapse(2) num_threads(threads) if (N * stored * area > SCALAR_SMALL)
    for (int64_t n = 0; n < N; n++) {
        for (int64_t c = 0; c < stored; c++) {
            real *plane = dst + (n * stored + c / lanes * lanes) * area + c % lanes;
            if (c < C)
                copy_plane(area, src + shunt_tensor_at(from, n, c, 0, 0), from_lanes, plane, lanes);
            else
                for (int64_t i = 0; i < area; i++) plane[i * lanes] = 0;
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

const scalar_op TYPED(scalar_reorder) = {.any_block = true, .check = check, .run = run};
