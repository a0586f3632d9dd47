/* eltwise.c - ReLU, sigmoid and its gradient, element by element: any rank and layout, since all tensors have the same. Zero lanes
 * stay zero. */
#include "onednn.h"

#include <math.h>
#include <string.h>

static shunt_status check(const shunt_op_desc *desc)
{
    for (uint32_t i = 0; i < desc->ninputs; i++)
        if (memcmp(&desc->inputs[i], &desc->outputs[0], sizeof desc->outputs[0]))
            return onednn_fail(SHUNT_E_UNSUPPORTED, "the inputs and dst are not alike");
    return SHUNT_OK;
}

static float relu(float x)
{
    return x < 0 ? 0 : x;
}

static void relu_loop(const shunt_op_desc *desc, const float *const *inputs, float *const *outputs)
{
    int64_t count = (int64_t)shunt_tensor_storage(&desc->outputs[0]);
    const float *src = inputs[0];
    float *dst = outputs[0];
#pragma omp parallel for simd
    for (int64_t i = 0; i < count; i++) dst[i] = relu(src[i]);
}

/* sigmoid(0) is 0.5, but lanes past the channels hold zero. */
static void clear_spare_lanes(const shunt_tensor_desc *t, float *values)
{
    if (shunt_tensor_storage(t) == shunt_tensor_count(t)) return;
    int64_t block = shunt_tensor_block(t), rounded = (t->dims[1] + block - 1) / block * block;
    for (int64_t n = 0; n < t->dims[0]; n++)
        for (int64_t c = t->dims[1]; c < rounded; c++)
            for (int64_t i = 0; i < t->dims[2] * t->dims[3]; i++)
                values[shunt_tensor_at(t, n, c, i / t->dims[3], i % t->dims[3])] = 0;
}

static void sigmoid_loop(const shunt_op_desc *desc, const float *const *inputs, float *const *outputs)
{
    int64_t count = (int64_t)shunt_tensor_storage(&desc->outputs[0]);
    const float *src = inputs[0];
    float *dst = outputs[0];
#pragma omp parallel for simd
    for (int64_t i = 0; i < count; i++) dst[i] = 1 / (1 + expf(-src[i]));
    clear_spare_lanes(&desc->outputs[0], dst);
}

static void sigmoid_grad_loop(const shunt_op_desc *desc, const float *const *inputs, float *const *outputs)
{
    int64_t count = (int64_t)shunt_tensor_storage(&desc->outputs[0]);
    const float *dst = inputs[0], *diff_dst = inputs[1];
    float *diff_src = outputs[0];
#pragma omp parallel for simd
    for (int64_t i = 0; i < count; i++) diff_src[i] = diff_dst[i] * dst[i] * (1 - dst[i]);
}

const onednn_kind onednn_relu = {.inplace_inputs = 1, .loop = relu_loop, .check = check};
const onednn_kind onednn_sigmoid = {.inplace_inputs = 1, .loop = sigmoid_loop, .check = check};
const onednn_kind onednn_sigmoid_grad = {.inplace_inputs = 3, .loop = sigmoid_grad_loop, .check = check};
