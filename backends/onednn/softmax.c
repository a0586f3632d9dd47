/* softmax.c - over C: src (N,C) -> dst (N,C) = exp(x - max) / sum. A NaN makes its whole row NaN. */
#include "onednn.h"

#include <math.h>
#include <string.h>

static shunt_status check(const shunt_op_desc *desc)
{
    if (desc->inputs[0].rank != 2 || memcmp(&desc->inputs[0], &desc->outputs[0], sizeof desc->outputs[0]))
        return onednn_fail(SHUNT_E_INVALID, "src and dst are not two matrices of one shape");
    return SHUNT_OK;
}

static void loop(const shunt_op_desc *desc, const float *const *inputs, float *const *outputs)
{
    int64_t N = desc->inputs[0].dims[0], C = desc->inputs[0].dims[1];
#pragma omp parallel for
    for (int64_t n = 0; n < N; n++) {
        const float *x = inputs[0] + n * C;
        float *y = outputs[0] + n * C, most = -INFINITY, sum = 0;
        for (int64_t c = 0; c < C; c++) most = x[c] > most ? x[c] : most;
        for (int64_t c = 0; c < C; c++) sum += y[c] = expf(x[c] - most);
        for (int64_t c = 0; c < C; c++) y[c] /= sum;
    }
}

const onednn_kind onednn_softmax = {.inplace_inputs = 1, .loop = loop, .check = check};
