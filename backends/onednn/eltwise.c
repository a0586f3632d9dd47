/* eltwise.c - ReLU and addition, element by element: any rank and layout, since all tensors have the same. Zero lanes
 * stay zero. */
#include "onednn.h"

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

static void add_loop(const shunt_op_desc *desc, const float *const *inputs, float *const *outputs)
{
    int64_t count = (int64_t)shunt_tensor_storage(&desc->outputs[0]);
    bool with_relu = desc->flags & SHUNT_FLAG_RELU;
    const float *a = inputs[0], *b = inputs[1];
    float *dst = outputs[0];
#pragma omp parallel for simd
    for (int64_t i = 0; i < count; i++) dst[i] = with_relu ? relu(a[i] + b[i]) : a[i] + b[i];
}

const onednn_kind onednn_relu = {.inplace_inputs = 1, .loop = relu_loop, .check = check};
const onednn_kind onednn_add = {.flags = SHUNT_FLAG_RELU, .inplace_inputs = 3, .loop = add_loop, .check = check};
