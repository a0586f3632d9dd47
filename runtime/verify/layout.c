/* layout.c - see layout.h. */
#include "runtime/verify/layout.h"
#include "runtime/verify/ops/ops.h"

#include <stdlib.h>
#include <string.h>

static double get(const shunt_tensor_desc *tensor, const void *storage, uint64_t at)
{
    return tensor->dtype == SHUNT_F64 ? ((const double *)storage)[at] : (double)((const float *)storage)[at];
}

static void set(const shunt_tensor_desc *tensor, void *storage, uint64_t at, double value)
{
    if (tensor->dtype == SHUNT_F64)
        ((double *)storage)[at] = value;
    else
        ((float *)storage)[at] = (float)value;
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

/* Counts what is not zero: in all of the memory, and at the elements' places. A NaN is not zero. */
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

shunt_op_desc layout_op(const shunt_op_desc *plain, uint8_t dtype, uint16_t src_block, uint16_t dst_block)
{
    shunt_op_desc op = *plain;
    const verify_op *kind = verify_op_of(op.kind);
    for (uint32_t i = 0; i < op.ninputs; i++) {
        bool blocked = op.inputs[i].rank == 4 && !(shunt_op_plain_inputs(op.kind) >> i & 1);
        op.inputs[i].dtype = dtype;
        if (blocked) op.inputs[i].block = kind->dst_inputs >> i & 1 ? dst_block : src_block;
    }
    for (uint32_t i = 0; i < op.noutputs; i++) {
        bool blocked = op.outputs[i].rank == 4 && !(shunt_op_plain_outputs(op.kind) >> i & 1);
        op.outputs[i].dtype = dtype;
        if (blocked) op.outputs[i].block = kind->makes_src ? src_block : dst_block;
    }
    return op;
}
