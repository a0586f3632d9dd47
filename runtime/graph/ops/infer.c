/* infer.c - see infer.h. */
#include "runtime/graph/ops/infer.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool infer_refuse(char *reason, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(reason, SHUNT_REASON_CHARS, format, args);
    va_end(args);
    return false;
}

bool infer_check_rank(const shunt_op_desc *op, uint32_t input, uint32_t rank, const char *what, char *reason)
{
    if (op->inputs[input].rank == rank) return true;
    return infer_refuse(reason, "%s has rank %d, not %u", what, op->inputs[input].rank, rank);
}

bool infer_check_vector(const shunt_op_desc *op, uint32_t input, int64_t length, const char *what, char *reason)
{
    const shunt_tensor_desc *t = &op->inputs[input];
    if (t->rank == 1 && t->dims[0] == length) return true;
    return infer_refuse(reason, "%s is not a vector of %lld", what, (long long)length);
}

bool infer_check_number(const shunt_op_desc *op, uint32_t flag, const char *what, char *reason)
{
    if (!(op->flags & flag)) return true;
    return infer_check_vector(op, shunt_op_flag_input(op->kind, op->flags, flag), 1, what, reason);
}

bool infer_check_fraction(float value, const char *what, char *reason)
{
    return (value >= 0 && value <= 1) || infer_refuse(reason, "%s is %g, not in 0 .. 1", what, (double)value);
}

bool infer_check_places(const shunt_op_desc *op, uint32_t input, const char *what, char *reason)
{
    shunt_tensor_desc wanted = op->inputs[0];
    if (wanted.rank < 2) return infer_refuse(reason, "an input of rank %d has no channels", wanted.rank);
    wanted.dims[1] = 1;
    return infer_same_dims(&op->inputs[input], &wanted) ||
           infer_refuse(reason, "%s do not have the shape of input 0, and 1 along its channels", what);
}

bool infer_same_dims(const shunt_tensor_desc *a, const shunt_tensor_desc *b)
{
    return a->rank == b->rank && !memcmp(a->dims, b->dims, sizeof a->dims);
}

shunt_tensor_desc infer_plain(uint32_t rank, int64_t n, int64_t c, int64_t h, int64_t w)
{
    return (shunt_tensor_desc){.rank = (uint8_t)rank, .block = SHUNT_PLAIN, .dims = {n, c, h, w}};
}

bool infer_same(const shunt_op_desc *op, shunt_tensor_desc *dst, char *reason)
{
    (void)reason;
    *dst = op->inputs[0];
    dst->block = SHUNT_PLAIN;
    return true;
}
