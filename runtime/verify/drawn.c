/* drawn.c - see drawn.h. */
#include "runtime/verify/drawn.h"

#include "runtime/base/dtype.h"
#include "runtime/verify/draw.h"
#include "runtime/verify/layout.h"
#include "runtime/verify/ops/ops.h"
#include "runtime/verify/reference.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SPECIAL_EVERY = 8, NONFINITE = 7, OVERFLOWING = 5 }; /* of so many cases, the one that has such inputs */

static double *doubles(const shunt_tensor_desc *tensor)
{
    return malloc(shunt_tensor_count(tensor) * sizeof(double));
}

/* A copy of the input, rounded as the op multiplies by it; NULL without memory. */
static double *factors(const shunt_op_desc *op, uint32_t input, const double *values)
{
    double *made = doubles(&op->inputs[input]);
    if (!made) return NULL;
    memcpy(made, values, shunt_tensor_count(&op->inputs[input]) * sizeof *made);
    reference_round(op, input, true, made);
    return made;
}

/* Three of its values become NaN, infinity and its negative, or only one of them. */
static void spoil(drawn *t)
{
    const double bad[] = {NAN, INFINITY, -INFINITY};
    uint32_t input = verify_op_of(t->plain.kind)->nonfinite_input;
    uint64_t count = shunt_tensor_count(&t->plain.inputs[input]), which = t->index / SPECIAL_EVERY % 4;
    for (uint64_t i = 0; i < 3; i++)
        if (which == i || which == 3) t->inputs[input][(t->index * 31 + i * 7919) % count] = bad[i];
}

/* Data so large that sums and products of them overflow 16 bits. */
static void enlarge(const shunt_op_desc *op, uint32_t input, double *values)
{
    const double factor = op->inputs[input].dtype == SHUNT_F16 ? 0x1p15 : 0x1p126;
    for (uint64_t i = 0; i < shunt_tensor_count(&op->inputs[input]); i++) values[i] *= factor;
}

static bool make_input(drawn *t, const shunt_op_desc *op, const char *name, uint32_t i)
{
    const bool data = shunt_op_input_class(op->kind, op->flags, i) == SHUNT_OPERAND_DATA;
    if (!(t->inputs[i] = doubles(&op->inputs[i]))) return false;
    draw_input(op, name, i, t->inputs[i]);
    reference_round(op, i, false, t->inputs[i]);
    if (data && shunt_dtype_bytes(op->inputs[i].dtype) == 2 && verify_op_of(op->kind)->linear &&
        t->index % SPECIAL_EVERY == OVERFLOWING) {
        enlarge(op, i, t->inputs[i]);
        t->nonfinite = true;
    }
    return true;
}

/* After the inputs, so that a NaN is in the copy, too. */
static bool make_factors(drawn *t, const shunt_op_desc *op)
{
    for (uint32_t i = 0; i < op->ninputs; i++) {
        const bool rounded = shunt_op_rounds_input(op, i);
        t->factors[i] = rounded ? factors(op, i, t->inputs[i]) : t->inputs[i];
        if (!t->factors[i]) return false;
    }
    return true;
}

static bool make_outputs(drawn *t, const shunt_op_desc *op)
{
    for (uint32_t i = 0; i < op->noutputs; i++) {
        t->expected[i] = doubles(&op->outputs[i]);
        t->scale[i] = doubles(&op->outputs[i]);
        t->got[i] = doubles(&op->outputs[i]);
        if (!t->expected[i] || !t->scale[i] || !t->got[i]) return false;
    }
    return true;
}

bool drawn_make(drawn *t, const char *name, uint8_t dtype)
{
    char key[64];
    if (t->dtype == dtype) return true;
    drawn_clear(t);
    const shunt_op_desc op = layout_op(&t->plain, dtype, SHUNT_PLAIN, SHUNT_PLAIN);
    snprintf(key, sizeof key, "%s/%llu", name, (unsigned long long)t->index);
    for (uint32_t i = 0; i < op.ninputs; i++)
        if (!make_input(t, &op, key, i)) return false;
    if (t->index % SPECIAL_EVERY == NONFINITE && dtype_is_float(op.inputs[0].dtype)) {
        spoil(t);
        t->nonfinite = true;
    }
    if (!make_factors(t, &op) || !make_outputs(t, &op)) return false;
    reference_op(&op, (const double *const *)t->factors, t->expected, t->scale);
    t->dtype = dtype;
    return true;
}

void drawn_clear(drawn *t)
{
    for (uint32_t i = 0; i < SHUNT_MAX_INPUTS; i++) {
        if (t->factors[i] != t->inputs[i]) free(t->factors[i]);
        free(t->inputs[i]);
        t->inputs[i] = t->factors[i] = NULL;
    }
    for (uint32_t i = 0; i < SHUNT_MAX_OUTPUTS; i++) {
        free(t->expected[i]);
        free(t->scale[i]);
        free(t->got[i]);
        t->expected[i] = t->scale[i] = t->got[i] = NULL;
    }
    t->nonfinite = false;
    t->dtype = 0;
}
