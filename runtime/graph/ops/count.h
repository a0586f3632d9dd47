/* count.h - what the rows share to count an op's arithmetic. */
#ifndef SHUNT_RUNTIME_COUNT_H
#define SHUNT_RUNTIME_COUNT_H

#include <shunt/backend.h>

/* Products stay in range: a count that would overflow is given as the largest number. */
static inline uint64_t count_times(uint64_t a, uint64_t b)
{
    uint64_t product;
    return __builtin_mul_overflow(a, b, &product) ? UINT64_MAX : product;
}

/* One operation per element of src, of dst. */
static inline uint64_t count_src(const shunt_op_desc *op)
{
    return shunt_tensor_count(&op->inputs[0]);
}

static inline uint64_t count_dst(const shunt_op_desc *op)
{
    return shunt_tensor_count(&op->outputs[0]);
}

/* Of a fused ReLU. */
static inline uint64_t count_relu(const shunt_op_desc *op)
{
    return op->flags & SHUNT_FLAG_RELU ? count_dst(op) : 0;
}

#endif
