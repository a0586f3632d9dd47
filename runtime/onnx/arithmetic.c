/* arithmetic.c - Sub, Mul and Div, and what they and Add make of constants. With one constant side each of them scales and
 * moves what is computed, element by element: the graph's batch norm with a mean of 0 and a variance of 1 does that, the
 * axes along which the constant differs being its channels. */
#include "runtime/onnx/importer.h"

#include <inttypes.h>
#include <string.h>

#include "runtime/base/error.h"

/* ---- Constants ----------------------------------------------------------------------------------------------------- */

uint64_t onnx_broadcast_index(const onnx_tensor *tensor, const int64_t *at, uint32_t rank)
{
    uint64_t index = 0;
    for (uint32_t i = 0; i < tensor->rank; i++) {
        int64_t dim = tensor->dims[i];
        index = index * (uint64_t)dim + (uint64_t)(dim == 1 ? 0 : at[rank - tensor->rank + i]);
    }
    return index;
}

typedef struct number {
    double real;
    uint64_t whole; /* of integers; it wraps */
} number;

/* Whole numbers are cut off towards 0, those of 64 bits without a sign, too. */
static uint64_t divide(uint8_t type, uint64_t a, uint64_t b)
{
    if (type == ONNX_UINT64) return a / b;
    return b == UINT64_MAX ? 0 - a : (uint64_t)((int64_t)a / (int64_t)b);
}

static shunt_status combine(const onnx_node *node, uint8_t type, number *a, number b)
{
    if (wire_is(node->op, "Sub")) {
        a->real -= b.real, a->whole -= b.whole;
    } else if (wire_is(node->op, "Mul")) {
        a->real *= b.real, a->whole *= b.whole;
    } else if (wire_is(node->op, "Div")) {
        if (onnx_type_is_integer(type) && !b.whole) return error_fail(SHUNT_E_INVALID, "it divides by 0");
        a->real /= b.real;
        if (onnx_type_is_integer(type)) a->whole = divide(type, a->whole, b.whole);
    } else {
        a->real += b.real, a->whole += b.whole;
    }
    return SHUNT_OK;
}

/* Before opset 7 b's first axis could be given. */
static shunt_status check_old(const onnx_node *node)
{
    int64_t axis = -1;
    if (node->in->opset >= 7 || node->ninputs != 2) return SHUNT_OK;
    shunt_status status = onnx_attribute_int(node, "axis", &axis);
    const onnx_value *a = onnx_input(node, 0), *b = onnx_input(node, 1);
    if (status || axis < 0 || axis + b->tensor.rank == a->tensor.rank) return status;
    return error_fail(SHUNT_E_UNSUPPORTED,
                      "its second input is aligned to axis %" PRId64 " (old broadcasting); "
                      "export with an opset from 7 to %d",
                      axis, ONNX_MOST_OPSET);
}

static number take(const onnx_tensor *tensor, const int64_t *at, uint32_t rank)
{
    uint64_t index = onnx_broadcast_index(tensor, at, rank);
    return (number){onnx_number(tensor, index), (uint64_t)onnx_integer(tensor, index)};
}

/* Add, Sum, Sub, Mul and Div. */
shunt_status onnx_fold_arithmetic(onnx_node *node)
{
    onnx_tensor tensor = onnx_input(node, 0)->tensor;
    uint8_t *data;
    shunt_status status = check_old(node);
    for (uint32_t i = 1; i < node->ninputs && !status; i++) {
        if (!onnx_input(node, i)) return error_fail(SHUNT_E_INVALID, "its input %u is left out", i);
        if (onnx_input(node, i)->tensor.type != tensor.type)
            return error_fail(SHUNT_E_INVALID, "its inputs differ in type");
        status = onnx_broadcast(&tensor, &onnx_input(node, i)->tensor, &tensor);
    }
    if (!status) status = onnx_fold_make(node, &tensor, &data);
    if (status) return status;
    int64_t at[ONNX_MAX_RANK] = {0};
    uint64_t count = onnx_size(&tensor);
    for (uint64_t i = 0; i < count && !status; i++) {
        number made = take(&onnx_input(node, 0)->tensor, at, tensor.rank);
        for (uint32_t k = 1; k < node->ninputs && !status; k++)
            status = combine(node, tensor.type, &made, take(&onnx_input(node, k)->tensor, at, tensor.rank));
        onnx_store(tensor.type, data, i, made.real, (int64_t)made.whole);
        for (uint32_t axis = tensor.rank; axis-- > 0 && ++at[axis] == tensor.dims[axis];) at[axis] = 0;
    }
    return status ? status : onnx_result(node, 0, &tensor, SHUNT_NO_VALUE);
}

/* ---- Scaling --------------------------------------------------------------------------------------------------------- */

/* dst = (src - mean) * scale + shift. One of the three is made of the constant, and the others are one number. */
typedef struct scaling {
    onnx_tensor result;
    const onnx_value *constant; /* or NULL: all numbers are one number */
    enum { SCALE, SHIFT, MEAN } made;
    bool inverse;        /* 1 / constant */
    float scale, shift;  /* where they are not made of the constant */
    uint32_t first, end; /* axes of the result along which the constant differs; none: first == end */
    uint32_t rank;       /* the shape in which axis 1 is the channels */
    int64_t dims[SHUNT_MAX_RANK];
} scaling;

static int64_t product(const onnx_tensor *tensor, uint32_t from, uint32_t to)
{
    int64_t count = 1;
    for (uint32_t i = from; i < to; i++) count *= tensor->dims[i];
    return count;
}

static void find_axes(scaling *s)
{
    const uint32_t rank = s->result.rank;
    s->first = s->end = 0;
    for (uint32_t i = 0; s->constant && i < s->constant->tensor.rank; i++) {
        const uint32_t axis = i + rank - s->constant->tensor.rank;
        if (s->constant->tensor.dims[i] == 1) continue;
        if (s->first == s->end) s->first = axis;
        s->end = axis + 1;
    }
}

/* As it is where that has the channels in place; else they are brought between what is before and what is behind them. */
static void choose_shape(scaling *s)
{
    const onnx_tensor *result = &s->result;
    const bool one = s->first == s->end;
    if (result->rank >= 2 && result->rank <= SHUNT_MAX_RANK && (one || (s->first == 1 && s->end == 2))) {
        s->rank = result->rank;
        memcpy(s->dims, result->dims, s->rank * sizeof *s->dims);
        return;
    }
    const uint32_t before = one && result->rank ? 1 : s->first;
    s->dims[0] = product(result, 0, before);
    s->dims[1] = one ? 1 : product(result, s->first, s->end);
    s->dims[2] = product(result, one ? before : s->end, result->rank);
    s->rank = s->dims[2] == 1 ? 2 : 3;
}

/* What is computed, repeated to the result's size, in the shape that was chosen. */
static shunt_status bring(onnx_node *node, uint32_t index, const scaling *s, shunt_value *out)
{
    const onnx_tensor source = onnx_input(node, index)->tensor;
    if (onnx_size(&source) == onnx_size(&s->result)) return onnx_shaped(node, index, s->rank, s->dims, out);
    int64_t dims[ONNX_MAX_RANK];
    const uint32_t missing = (uint32_t)(s->result.rank - source.rank);
    for (uint32_t i = 0; i < s->result.rank; i++) dims[i] = i < missing ? 1 : source.dims[i - missing];
    shunt_status status = onnx_shaped(node, index, s->result.rank, dims, out);
    if (!status) status = onnx_expand(node, *out, s->result.rank, s->result.dims, out);
    return status ? status : onnx_reshape(node, *out, s->rank, s->dims, out);
}

static float value_of(const scaling *s, uint64_t index)
{
    double value = onnx_number(&s->constant->tensor, index);
    return (float)(s->inverse ? 1 / value : value);
}

/* The parameter that is made of the constant, one number a channel. */
static shunt_status spread(onnx_node *node, const scaling *s, shunt_value *out)
{
    const onnx_tensor *result = &s->result;
    const char *name = s->constant->name;
    int64_t at[ONNX_MAX_RANK] = {0};
    float *data;
    if (s->first == s->end || s->constant->tensor.splat)
        return onnx_parameter_run(node, name, 1, &s->dims[1], value_of(s, 0), out);
    shunt_status status = onnx_parameter(node, name, 1, &s->dims[1], &data, out);
    for (int64_t i = 0; !status && i < s->dims[1]; i++) {
        data[i] = value_of(s, onnx_broadcast_index(&s->constant->tensor, at, result->rank));
        for (uint32_t axis = s->end; axis-- > s->first && ++at[axis] == result->dims[axis];) at[axis] = 0;
    }
    return status;
}

/* Input `index` is what is computed. */
static shunt_status scale(onnx_node *node, uint32_t index, scaling *s, shunt_value *out)
{
    enum { INPUT_SCALE = 1, INPUT_SHIFT, INPUT_MEAN, INPUT_VARIANCE };
    static const char *const names[] = {[INPUT_SCALE] = "scale", "shift", "mean", "variance"};
    const float usual[] = {[INPUT_SCALE] = s->scale, s->shift, 0, 1};
    const uint32_t made = s->constant ? INPUT_SCALE + s->made : 0;
    uint64_t count;
    shunt_value inputs[5];
    shunt_status status = onnx_count(&s->result, &count);
    if (!status && !count) status = error_fail(SHUNT_E_UNSUPPORTED, "its result has no elements");
    if (status) return status;
    find_axes(s);
    choose_shape(s);
    status = bring(node, index, s, &inputs[0]);
    for (uint32_t i = INPUT_SCALE; i <= INPUT_VARIANCE && !status; i++)
        status = i == made ? spread(node, s, &inputs[i])
                           : onnx_parameter_run(node, names[i], 1, &s->dims[1], usual[i], &inputs[i]);
    return status ? status : onnx_append(node, SHUNT_OP_BATCH_NORM, 0, NULL, 5, inputs, out);
}

shunt_status onnx_scaled(onnx_node *node, uint32_t index, float factor, float shift, shunt_value *out)
{
    const onnx_tensor source = onnx_input(node, index)->tensor;
    scaling s = {.result = source, .scale = factor, .shift = shift};
    shunt_status status = scale(node, index, &s, out);
    if (status) return status;
    return onnx_reshape(node, *out, source.rank ? source.rank : 1, source.rank ? source.dims : (int64_t[]){1}, out);
}

/* a - b, both computed. */
static shunt_status subtract(onnx_node *node, shunt_value *out)
{
    shunt_value minuend, negative;
    shunt_status status = onnx_as_is(node, 0, &minuend);
    if (!status) status = onnx_scaled(node, 1, -1, 0, &negative);
    return status ? status : onnx_add(node, minuend, negative, out);
}

/* a * b, both computed. */
static shunt_status multiply(onnx_node *node, shunt_value *out)
{
    shunt_value a, b;
    shunt_status status = onnx_as_is(node, 0, &a);
    if (!status) status = onnx_as_is(node, 1, &b);
    return status ? status : onnx_multiply(node, a, b, out);
}

static shunt_status import(onnx_node *node, onnx_tensor *result, shunt_value *out)
{
    const onnx_value *a = onnx_input(node, 0), *b = onnx_input(node, 1);
    const bool first = onnx_is_constant(a), none = !first && !onnx_is_constant(b);
    scaling s = {.constant = first ? a : b, .scale = 1};
    shunt_status status = check_old(node);
    if (!status) status = onnx_broadcast(&a->tensor, &b->tensor, result);
    s.result = *result;
    if (status) return status;
    if (wire_is(node->op, "Sub")) {
        if (none) return subtract(node, out);
        s.made = first ? SHIFT : MEAN;
        s.scale = first ? -1 : 1;
    } else if (none && wire_is(node->op, "Mul")) {
        return multiply(node, out);
    } else if (wire_is(node->op, "Div")) {
        if (first || none)
            return error_fail(SHUNT_E_UNSUPPORTED,
                              "its divisor is computed when the network runs; Shunt needs it constant");
        s.inverse = true;
    }
    return scale(node, first ? 1 : 0, &s, out);
}

/* Sub, Mul and Div. */
shunt_status onnx_import_arithmetic(onnx_node *node)
{
    onnx_tensor result;
    shunt_value dst;
    shunt_status status = import(node, &result, &dst);
    result.data = NULL;
    result.splat = false;
    return status ? status : onnx_result(node, 0, &result, dst);
}
