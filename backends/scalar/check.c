/* check.c - is a descriptor one that an op can run? What all ops have in common is checked here; what only one knows
 * (its shapes and attributes) in that op's file. After a check no size or index of the descriptor overflows. */
#include "scalar.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* "1x64x56x56" into text. */
static const char *dims_text(uint32_t rank, const int64_t *dims, char *text, size_t size)
{
    size_t used = 0;
    if (rank == 0) snprintf(text, size, "a scalar");
    for (uint32_t i = 0; i < rank && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, i ? "x%" PRId64 : "%" PRId64, dims[i]);
    return text;
}

shunt_status scalar_expect_rank(const shunt_tensor_desc *tensor, const char *name, uint32_t rank)
{
    if (tensor->rank == rank) return SHUNT_OK;
    return scalar_fail(SHUNT_E_INVALID, "%s has rank %u, not %u", name, tensor->rank, rank);
}

shunt_status scalar_expect_dims(const shunt_tensor_desc *tensor, const char *name, uint32_t rank, const int64_t *dims)
{
    if (tensor->rank == rank && !memcmp(tensor->dims, dims, rank * sizeof *dims)) return SHUNT_OK;
    char is[128], wanted[128];
    return scalar_fail(SHUNT_E_INVALID, "%s is %s, not %s", name, dims_text(tensor->rank, tensor->dims, is, sizeof is),
                       dims_text(rank, dims, wanted, sizeof wanted));
}

shunt_status scalar_expect_places(const shunt_op_desc *desc, uint32_t input, const char *name)
{
    shunt_tensor_desc wanted = desc->inputs[0];
    if (wanted.rank < 2) return scalar_fail(SHUNT_E_INVALID, "input 0 of rank %d has no channels", wanted.rank);
    wanted.dims[1] = 1;
    return scalar_expect_same(&desc->inputs[input], name, &wanted);
}

shunt_status scalar_expect_number(const shunt_op_desc *desc, uint32_t flag, const char *name)
{
    if (!(desc->flags & flag)) return SHUNT_OK;
    const uint32_t input = shunt_op_flag_input(desc->kind, desc->flags, flag);
    return scalar_expect_dims(&desc->inputs[input], name, 1, (int64_t[]){1});
}

shunt_status scalar_expect_same(const shunt_tensor_desc *tensor, const char *name, const shunt_tensor_desc *other)
{
    return scalar_expect_dims(tensor, name, other->rank, other->dims);
}

shunt_status scalar_window(int64_t length, int64_t window, int32_t stride, int32_t dilation, int32_t before,
                           int32_t after, int64_t *out)
{
    if (stride < 1 || dilation < 1) return scalar_fail(SHUNT_E_INVALID, "stride %d or dilation %d", stride, dilation);
    if (before < 0 || after < 0) return scalar_fail(SHUNT_E_INVALID, "negative padding %d, %d", before, after);
    if (window < 1 || window > INT32_MAX) return scalar_fail(SHUNT_E_INVALID, "a window of %" PRId64, window);
    int64_t room = length + before + after - (dilation * (window - 1) + 1);
    if (room < 0)
        return scalar_fail(SHUNT_E_INVALID, "a window of %" PRId64 " does not fit %" PRId64 " with its padding", window,
                           length);
    *out = room / stride + 1;
    return SHUNT_OK;
}

shunt_status scalar_expect_forward(const shunt_op_desc *desc, const scalar_op *forward, const shunt_tensor_desc *src,
                                   const shunt_tensor_desc *weights, const shunt_tensor_desc *diff_dst)
{
    shunt_op_desc op = {.attr = desc->attr, .ninputs = 1, .noutputs = 1};
    op.inputs[0] = *src;
    if (weights) op.inputs[op.ninputs++] = *weights;
    op.outputs[0] = *diff_dst;
    return forward->check(&op);
}

/* With these limits, neither the size in bytes overflows, nor any sum or product of a dim and an attribute. */
static const int64_t MOST_LENGTH = INT64_C(1) << 40;

/* Of an element. Of one in 16 bits, of the float32 copies of all operands: their sum does not overflow. */
static int64_t most_bytes(uint8_t dtype)
{
    const int64_t bytes = (int64_t)shunt_dtype_bytes(dtype), operands = SHUNT_MAX_INPUTS + SHUNT_MAX_OUTPUTS;
    return bytes == 2 ? operands * (int64_t)sizeof(float) : bytes;
}

static shunt_status check_tensor(const shunt_tensor_desc *tensor, const char *kind, uint32_t index, bool any_block)
{
    if (tensor->rank > SHUNT_MAX_RANK)
        return scalar_fail(SHUNT_E_INVALID, "%s %u has rank %u, more than %d", kind, index, tensor->rank,
                           SHUNT_MAX_RANK);
    if (tensor->block != SHUNT_PLAIN && !(any_block && tensor->rank == 4))
        return scalar_fail(SHUNT_E_UNSUPPORTED, "%s %u has channel block %u; scalar computes on plain tensors", kind,
                           index, tensor->block);
    int64_t bytes = most_bytes(tensor->dtype);
    for (uint32_t i = 0; i < tensor->rank; i++) {
        int64_t dim = tensor->dims[i], zero_lanes = i == 1 && tensor->block > 1 ? tensor->block - 1 : 0;
        if (dim < 1) return scalar_fail(SHUNT_E_INVALID, "%s %u: dim %u is %" PRId64, kind, index, i, dim);
        if (dim > MOST_LENGTH || __builtin_mul_overflow(bytes, dim + zero_lanes, &bytes))
            return scalar_fail(SHUNT_E_UNSUPPORTED, "%s %u is too large: dim %u is %" PRId64, kind, index, i, dim);
    }
    return SHUNT_OK;
}

static shunt_status check_type(const shunt_op_desc *desc, bool input, uint32_t index)
{
    const shunt_operand_class class = input ? shunt_op_input_class(desc->kind, desc->flags, index)
                                            : shunt_op_output_class(desc->kind, desc->flags, index);
    const uint8_t data = shunt_op_data_type(desc),
                  dtype = input ? desc->inputs[index].dtype : desc->outputs[index].dtype;
    const uint8_t wanted = class == SHUNT_OPERAND_WIDE ? shunt_wide_type(data) : data;
    if (dtype == wanted) return SHUNT_OK;
    return scalar_fail(SHUNT_E_UNSUPPORTED, "%s %u has dtype %u, not %u, as it must beside data of dtype %u",
                       input ? "input" : "output", index, dtype, wanted, data);
}

static shunt_status check_tensors(const shunt_op_desc *desc, const scalar_op *op)
{
    for (uint32_t i = 0; i < desc->ninputs + desc->noutputs; i++) {
        const bool input = i < desc->ninputs;
        const uint32_t index = input ? i : i - desc->ninputs;
        const shunt_tensor_desc *tensor = input ? &desc->inputs[index] : &desc->outputs[index];
        shunt_status status = op->own_types ? SHUNT_OK : check_type(desc, input, index);
        if (!status) status = check_tensor(tensor, input ? "input" : "output", index, op->any_block);
        if (status) return status;
    }
    return SHUNT_OK;
}

static shunt_status check_counts(const shunt_op_desc *desc, const scalar_op *op)
{
    uint32_t unknown = desc->flags & ~op->flags;
    if (unknown) return scalar_fail(SHUNT_E_UNSUPPORTED, "op kind %u has no flags 0x%x", desc->kind, unknown);
    uint32_t ninputs = shunt_op_ninputs(desc->kind, desc->flags), noutputs = shunt_op_noutputs(desc->kind, desc->flags);
    if (desc->ninputs != ninputs || desc->noutputs != noutputs)
        return scalar_fail(SHUNT_E_INVALID, "op kind %u with flags 0x%x has %u inputs and %u outputs, not %u and %u",
                           desc->kind, desc->flags, ninputs, noutputs, desc->ninputs, desc->noutputs);
    return SHUNT_OK;
}

shunt_status scalar_check(const shunt_op_desc *desc, const scalar_op **op)
{
    if (desc->kind >= SHUNT_OP_KINDS || !scalar_ops_f32[desc->kind])
        return scalar_fail(SHUNT_E_UNSUPPORTED, "op kind %u; scalar knows kinds 1 to %d", desc->kind,
                           SHUNT_OP_KINDS - 1);
    shunt_status status = check_counts(desc, scalar_ops_f32[desc->kind]);
    if (status) return status;
    const uint8_t dtype = shunt_op_data_type(desc);
    const scalar_op *found = (dtype == SHUNT_F64 ? scalar_ops_f64 : scalar_ops_f32)[desc->kind];
    if (dtype != SHUNT_F32 && dtype != SHUNT_F64 && dtype != SHUNT_F16 && dtype != SHUNT_BF16 && !found->own_types)
        return scalar_fail(SHUNT_E_UNSUPPORTED, "dtype %u; scalar computes on float32, float64, float16 and bfloat16",
                           dtype);
    status = check_tensors(desc, found);
    if (!status) status = found->check(desc);
    if (!status) *op = found;
    return status;
}
