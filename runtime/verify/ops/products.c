/* products.c - see products.h. */
#include "runtime/verify/ops/products.h"

#include <stdbool.h>

/* Those of the window that makes dst[z], at row p and column q of output channel k of image n. */
static void each_of_window(const products *all, product *visit, int64_t n, int64_t k, int64_t p, int64_t q, int64_t z)
{
    const shunt_conv_attr *a = all->attr;
    const int64_t *src = all->src, *weights = all->weights;
    int64_t first = k / (weights[0] / a->groups) * weights[1], y = k * weights[1] * weights[2] * weights[3];
    for (int64_t c = 0; c < weights[1]; c++) {
        for (int64_t r = 0; r < weights[2]; r++) {
            for (int64_t s = 0; s < weights[3]; s++, y++) {
                int64_t h = p * a->stride[0] + r * a->dilation[0] - a->pad_before[0];
                int64_t w = q * a->stride[1] + s * a->dilation[1] - a->pad_before[1];
                bool inside = h >= 0 && h < src[2] && w >= 0 && w < src[3];
                if (inside) visit(all, ((n * src[1] + first + c) * src[2] + h) * src[3] + w, y, z);
            }
        }
    }
}

void each_product(const products *all, product *visit)
{
    const int64_t *dst = all->dst;
    int64_t z = 0;
    for (int64_t n = 0; n < dst[0]; n++)
        for (int64_t k = 0; k < dst[1]; k++)
            for (int64_t p = 0; p < dst[2]; p++)
                for (int64_t q = 0; q < dst[3]; q++, z++) each_of_window(all, visit, n, k, p, q, z);
}

void products_draw_grad_weights(dice *d, uint32_t kind, shunt_op_desc *op)
{
    shunt_op_desc made = dice_forward(d, kind, op);
    dice_input(op, made.inputs[0], 0);
    dice_input(op, made.outputs[0], 0);
    op->outputs[0] = made.inputs[1];
    if (!dice_one_in(d, 2)) return;
    op->flags = SHUNT_FLAG_BIAS;
    op->noutputs = 2;
    op->outputs[1] = dice_tensor(1, made.inputs[1].dims[0], 0, 0, 0);
}
