/* layout.c - see layout.h. */
#include "runtime/verify/layout.h"
#include "runtime/verify/ops/ops.h"

#include <stdlib.h>
#include <string.h>

static double get(const shunt_tensor_desc *tensor, const void *storage, uint64_t at)
{
    switch (tensor->dtype) {
    case SHUNT_F64:
        return ((const double *)storage)[at];
    case SHUNT_F16:
        return (double)shunt_from_f16(((const uint16_t *)storage)[at]);
    case SHUNT_BF16:
        return (double)shunt_from_bf16(((const uint16_t *)storage)[at]);
    case SHUNT_I32:
        return ((const int32_t *)storage)[at];
    case SHUNT_U8:
        return ((const uint8_t *)storage)[at];
    default:
        return (double)((const float *)storage)[at];
    }
}

static double within(double value, double low, double high)
{
    return value >= low ? value <= high ? value : high : low;
}

static void set(const shunt_tensor_desc *tensor, void *storage, uint64_t at, double value)
{
    switch (tensor->dtype) {
    case SHUNT_F64:
        ((double *)storage)[at] = value;
        break;
    case SHUNT_F16:
        ((uint16_t *)storage)[at] = shunt_to_f16((float)value);
        break;
    case SHUNT_BF16:
        ((uint16_t *)storage)[at] = shunt_to_bf16((float)value);
        break;
    case SHUNT_I32:
        ((int32_t *)storage)[at] = (int32_t)within(value, INT32_MIN, INT32_MAX);
        break;
    case SHUNT_U8:
        ((uint8_t *)storage)[at] = (uint8_t)within(value, 0, UINT8_MAX);
        break;
    default:
        ((float *)storage)[at] = (float)value;
    }
}

/* Where element number i of the plain tensor lies. */
static uint64_t place(const shunt_tensor_desc *tensor, uint64_t i)
{
    if (tensor->rank != 4) return i;
    int64_t C = tensor->dims[1], H = tensor->dims[2], W = tensor->dims[3], at = (int64_t)i;
    return shunt_tensor_at(tensor, at / (C * H * W), at / (H * W) % C, at / W % H, at % W);
}

void layout_store(const shunt_tensor_desc *tensor, const double *plain, void *storage)
{
    memset(storage, 0, shunt_tensor_bytes(tensor));
    uint64_t count = shunt_tensor_count(tensor);
    for (uint64_t i = 0; i < count; i++) set(tensor, storage, place(tensor, i), plain[i]);
}

void layout_round(const shunt_tensor_desc *tensor, double *plain)
{
    uint64_t one; /* room for an element of any type */
    for (uint64_t i = 0; i < shunt_tensor_count(tensor); i++) {
        set(tensor, &one, 0, plain[i]);
        plain[i] = get(tensor, &one, 0);
    }
}

/* Loads the elements. Returns whether all of the memory between them is zero: the counts of non-zero values must agree. A NaN is
 * not zero. */
bool layout_load(const shunt_tensor_desc *tensor, const void *storage, double *plain)
{
    uint64_t count = shunt_tensor_count(tensor), stored = shunt_tensor_storage(tensor), filled = 0, expected = 0;
    for (uint64_t i = 0; i < count; i++) {
        plain[i] = get(tensor, storage, place(tensor, i));
        expected += plain[i] != 0;
    }
    for (uint64_t i = 0; i < stored; i++) filled += get(tensor, storage, i) != 0;
    return filled == expected;
}

static uint8_t type_of(shunt_operand_class class, uint8_t data)
{
    return class == SHUNT_OPERAND_WIDE ? shunt_wide_type(data) : data;
}

shunt_op_desc layout_op(const shunt_op_desc *plain, uint8_t dtype, uint16_t src_block, uint16_t dst_block)
{
    shunt_op_desc op = *plain;
    const verify_op *kind = verify_op_of(op.kind);
    if (shunt_dtype_bytes(dtype) != 2)
        op.flags &= ~(uint32_t)SHUNT_FLAG_WIDE_SRC; /* where all is wide, it says nothing */
    for (uint32_t i = 0; i < op.ninputs; i++) {
        bool blocked = op.inputs[i].rank == 4 && !(shunt_op_plain_inputs(op.kind) >> i & 1);
        if (!kind->own_types) op.inputs[i].dtype = type_of(shunt_op_input_class(op.kind, op.flags, i), dtype);
        if (blocked) op.inputs[i].block = kind->dst_inputs >> i & 1 ? dst_block : src_block;
    }
    for (uint32_t i = 0; i < op.noutputs; i++) {
        bool blocked = op.outputs[i].rank == 4 && !(shunt_op_plain_outputs(op.kind) >> i & 1);
        if (!kind->own_types) op.outputs[i].dtype = type_of(shunt_op_output_class(op.kind, op.flags, i), dtype);
        if (blocked) op.outputs[i].block = kind->makes_src ? src_block : dst_block;
    }
    return op;
}
