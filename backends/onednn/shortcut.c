/* shortcut.c - option A: src (N,C,H,W) -> dst (N,K,P,Q): every stride-th row and column, zero channels before and after. */
#include "onednn.h"

static shunt_status check(const shunt_op_desc *desc)
{
    const shunt_tensor_desc *src = &desc->inputs[0], *dst = &desc->outputs[0];
    int64_t stride = desc->attr.shortcut.stride, lead = desc->attr.shortcut.lead;
    if (src->rank != 4 || dst->rank != 4 || stride < 1 || lead < 0 || src->dims[0] != dst->dims[0] ||
        lead + src->dims[1] > dst->dims[1] || (src->dims[2] - 1) / stride + 1 != dst->dims[2] ||
        (src->dims[3] - 1) / stride + 1 != dst->dims[3])
        return onednn_fail(SHUNT_E_INVALID, "dst does not fit src, stride and lead");
    return SHUNT_OK;
}

static void loop(const shunt_op_desc *desc, const float *const *inputs, float *const *outputs)
{
    const shunt_tensor_desc *src = &desc->inputs[0], *dst = &desc->outputs[0];
    int64_t stride = desc->attr.shortcut.stride, lanes = shunt_tensor_block(dst);
    int64_t K = (dst->dims[1] + lanes - 1) / lanes * lanes; /* zero lanes past the channels, too */
#pragma omp parallel for collapse(2)
    for (int64_t n = 0; n < dst->dims[0]; n++) {
        for (int64_t k = 0; k < K; k++) {
            int64_t c = k - desc->attr.shortcut.lead;
            bool taken = c >= 0 && c < src->dims[1];
            for (int64_t p = 0; p < dst->dims[2]; p++)
                for (int64_t q = 0; q < dst->dims[3]; q++)
                    outputs[0][shunt_tensor_at(dst, n, k, p, q)] =
                        taken ? inputs[0][shunt_tensor_at(src, n, c, p * stride, q * stride)] : 0;
        }
    }
}

const onednn_kind onednn_shortcut = {.loop = loop, .check = check};
