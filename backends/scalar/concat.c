/* concat.c - b after a along one axis. */
#include "op.h"

#include <string.h>

static shunt_status check(const shunt_op_desc *desc)
{
    const shunt_tensor_desc *a = &desc->inputs[0], *b = &desc->inputs[1];
    int32_t axis = desc->attr.concat.axis;
    if (axis < 0 || axis >= a->rank) return scalar_fail(SHUNT_E_INVALID, "axis %d of a rank of %u", axis, a->rank);
    int64_t dims[SHUNT_MAX_RANK];
    memcpy(dims, a->dims, sizeof dims);
    dims[axis] = b->dims[axis];
    shunt_status status = scalar_expect_dims(b, "b", a->rank, dims);
    dims[axis] += a->dims[axis];
    return status ? status : scalar_expect_dims(&desc->outputs[0], "dst", a->rank, dims);
}

/* Each index of the axes before concat.axis has one run of a and one of b. */
static void run(const shunt_op_desc *desc, const void *const *inputs, void *const *outputs, int threads)
{
    uint64_t outer = 1, bytes[2];
    for (int32_t i = 0; i < desc->attr.concat.axis; i++) outer *= (uint64_t)desc->inputs[0].dims[i];
    for (int i = 0; i < 2; i++) bytes[i] = shunt_tensor_bytes(&desc->inputs[i]) / outer;
    (void)threads; /* memory is the limit */
    for (uint64_t i = 0; i < outer; i++) {
        char *dst = (char *)outputs[0] + i * (bytes[0] + bytes[1]);
        memcpy(dst, (const char *)inputs[0] + i * bytes[0], bytes[0]);
        memcpy(dst + bytes[0], (const char *)inputs[1] + i * bytes[1], bytes[1]);
    }
}

const scalar_op TYPED(scalar_concat) = {.check = check, .run = run};
