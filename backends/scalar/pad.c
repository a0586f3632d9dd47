/* pad.c - dst is src with elements put before and after each axis, or taken away. */
#include "op.h"

static shunt_status check(const shunt_op_desc *desc)
{
    const shunt_pad_attr *pad = &desc->attr.pad;
    const shunt_tensor_desc *src = &desc->inputs[0];
    int64_t dims[SHUNT_MAX_RANK] = {0};
    if (pad->mode < SHUNT_PAD_CONSTANT || pad->mode > SHUNT_PAD_EDGE)
        return scalar_fail(SHUNT_E_UNSUPPORTED, "padding mode %d", pad->mode);
    for (uint32_t i = 0; i < src->rank; i++) {
        int64_t size = src->dims[i], before = pad->before[i], after = pad->after[i];
        bool mirrored = pad->mode == SHUNT_PAD_REFLECT && (before >= size || after >= size);
        dims[i] = size + before + after;
        if (dims[i] < 1 || before <= -size || after <= -size || mirrored)
            return scalar_fail(SHUNT_E_INVALID, "axis %u cannot be padded by %d and %d", i, pad->before[i],
                               pad->after[i]);
    }
    return scalar_expect_dims(&desc->outputs[0], "dst", src->rank, dims);
}

/* Where in src the element at `at` of an axis comes from; -1: from nowhere. */
static int64_t source(const shunt_pad_attr *pad, int64_t at, int64_t size)
{
    if (at >= 0 && at < size) return at;
    if (pad->mode == SHUNT_PAD_CONSTANT) return -1;
    if (pad->mode == SHUNT_PAD_EDGE) return at < 0 ? 0 : size - 1;
    return at < 0 ? -at : 2 * (size - 1) - at;
}

static void run(const shunt_op_desc *desc, const void *const *inputs, void *const *outputs, int threads)
{
    const shunt_pad_attr *pad = &desc->attr.pad;
    const shunt_tensor_desc *src_desc = &desc->inputs[0], *dst_desc = &desc->outputs[0];
    int64_t count = (int64_t)shunt_tensor_count(dst_desc);
    const real *src = inputs[0];
    real *dst = outputs[0];
#pragma omp parallel for num_threads(threads) if (count > SCALAR_SMALL)
    for (int64_t i = 0; i < count; i++) {
        int64_t at[SHUNT_MAX_RANK], from = 0;
        bool inside = true;
        unravel(dst_desc, i, at);
        for (uint32_t axis = 0; axis < dst_desc->rank; axis++) {
            int64_t place = source(pad, at[axis] - pad->before[axis], src_desc->dims[axis]);
            inside &= place >= 0;
            from = from * src_desc->dims[axis] + place;
        }
        dst[i] = inside ? src[from] : (real)pad->value;
    }
}

const scalar_op TYPED(scalar_pad) = {.check = check, .run = run};
