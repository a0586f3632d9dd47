/* broadcast.c - additions and products, with axes of 1 repeated on request, and their gradient: sums over axes. In any layout:
 * memory is walked as axes, of which a blocked activation has five: N, C / b, H, W, b. */
#include "onednn.h"

#include <string.h>

typedef struct axes {
    uint32_t rank;
    int64_t dims[SHUNT_MAX_RANK];
} axes;

static axes axes_of(const shunt_tensor_desc *t)
{
    axes made = {.rank = t->rank};
    memcpy(made.dims, t->dims, sizeof made.dims);
    if (t->rank != 4) return made;
    made.dims[made.rank++] = shunt_tensor_block(t);
    made.dims[1] = (made.dims[1] + made.dims[4] - 1) / made.dims[4];
    return made;
}

/* The index in `part`, whose axes of 1 are repeated, of element `index` of `whole`. */
static int64_t repeated(const axes *part, const axes *whole, int64_t index)
{
    int64_t result = 0, step = 1;
    for (uint32_t i = whole->rank; i-- > 0; index /= whole->dims[i]) {
        if (part->dims[i] > 1) result += index % whole->dims[i] * step;
        step *= part->dims[i];
    }
    return result;
}

static shunt_status check_part(const shunt_tensor_desc *whole, const shunt_tensor_desc *part)
{
    bool fits = whole->rank == part->rank;
    for (uint32_t i = 0; fits && i < whole->rank; i++) fits = part->dims[i] == whole->dims[i] || part->dims[i] == 1;
    if (!fits) return onednn_fail(SHUNT_E_INVALID, "shapes that do not fit together");
    if (whole->rank == 4 &&
        (whole->block != part->block || (whole->dims[1] != part->dims[1] && shunt_tensor_block(part) != 1)))
        return onednn_fail(SHUNT_E_UNSUPPORTED, "different layouts, or repeated channels in blocks");
    return SHUNT_OK;
}

/* ---- ADD and MUL ------------------------------------------------------------------------------------------------- */

static bool alike(const shunt_op_desc *desc, uint32_t input)
{
    return !memcmp(&desc->inputs[input], &desc->outputs[0], sizeof desc->outputs[0]);
}

static shunt_status check_pair(const shunt_op_desc *desc)
{
    const shunt_tensor_desc *a = &desc->inputs[0], *b = &desc->inputs[1], *dst = &desc->outputs[0];
    if (!(desc->flags & SHUNT_FLAG_BROADCAST) && (!alike(desc, 0) || !alike(desc, 1)))
        return onednn_fail(SHUNT_E_UNSUPPORTED, "the inputs and dst are not alike");
    shunt_status status = check_part(dst, a);
    if (!status) status = check_part(dst, b);
    for (uint32_t i = 0; !status && i < dst->rank; i++)
        if (a->dims[i] != dst->dims[i] && b->dims[i] != dst->dims[i])
            status = onednn_fail(SHUNT_E_INVALID, "dst is longer than both of its inputs");
    return status;
}

/* How many neighbours along the last axes have one place after the other in both inputs, or one place in one of them. */
static int64_t find_run(const axes *a, const axes *b, const axes *dst)
{
    int64_t run = 1;
    bool a_repeats = false, b_repeats = false;
    for (uint32_t i = dst->rank; i-- > 0;) {
        if (dst->dims[i] == 1) continue;
        bool a_here = a->dims[i] == 1, b_here = b->dims[i] == 1;
        if (run > 1 && (a_here != a_repeats || b_here != b_repeats)) break;
        a_repeats = a_here, b_repeats = b_here;
        run *= dst->dims[i];
    }
    return run;
}

static float relu(float x)
{
    return x < 0 ? 0 : x;
}

static void pair_loop(const shunt_op_desc *desc, const float *const *inputs, float *const *outputs)
{
    const axes a = axes_of(&desc->inputs[0]), b = axes_of(&desc->inputs[1]), whole = axes_of(&desc->outputs[0]);
    const int64_t count = (int64_t)shunt_tensor_storage(&desc->outputs[0]), run = find_run(&a, &b, &whole);
    const bool product = desc->kind == SHUNT_OP_MUL, with_relu = desc->flags & SHUNT_FLAG_RELU;
#pragma omp parallel for
    for (int64_t row = 0; row < count / run; row++) {
        const float *x = inputs[0] + repeated(&a, &whole, row * run), *y = inputs[1] + repeated(&b, &whole, row * run);
        const int64_t x_step = run > 1 && repeated(&a, &whole, row * run + 1) == x - inputs[0] ? 0 : 1;
        const int64_t y_step = run > 1 && repeated(&b, &whole, row * run + 1) == y - inputs[1] ? 0 : 1;
        float *dst = outputs[0] + row * run;
        if (product)
            for (int64_t i = 0; i < run; i++) dst[i] = x[i * x_step] * y[i * y_step];
        else
            for (int64_t i = 0; i < run; i++) dst[i] = x[i * x_step] + y[i * y_step];
        for (int64_t i = 0; with_relu && i < run; i++) dst[i] = relu(dst[i]);
    }
}

/* ---- REDUCE_SUM --------------------------------------------------------------------------------------------------- */

static shunt_status check_sum(const shunt_op_desc *desc)
{
    const shunt_tensor_desc *src = &desc->inputs[0], *dst = &desc->outputs[0];
    const uint32_t summed = desc->attr.reduce.axes;
    shunt_status status = check_part(src, dst);
    for (uint32_t i = 0; !status && i < src->rank; i++)
        if (dst->dims[i] != (summed >> i & 1 ? 1 : src->dims[i]))
            status = onednn_fail(SHUNT_E_INVALID, "dst is not of the shape that the axes leave");
    if (!status && summed >> src->rank) status = onednn_fail(SHUNT_E_INVALID, "an axis that src does not have");
    return status;
}

/* Of the elements of src, from this axis on, that make element `at` of dst. Sums in double, in the order of memory. */
static double sum_from(const axes *src, const axes *dst, uint32_t axis, const int64_t *at, const float *values)
{
    int64_t step = 1;
    double sum = 0;
    if (axis == src->rank) return (double)*values;
    for (uint32_t i = axis + 1; i < src->rank; i++) step *= src->dims[i];
    if (dst->dims[axis] > 1) return sum_from(src, dst, axis + 1, at, values + at[axis] * step);
    for (int64_t i = 0; i < src->dims[axis]; i++) sum += sum_from(src, dst, axis + 1, at, values + i * step);
    return sum;
}

static void sum_loop(const shunt_op_desc *desc, const float *const *inputs, float *const *outputs)
{
    const axes src = axes_of(&desc->inputs[0]), dst = axes_of(&desc->outputs[0]);
    const int64_t count = (int64_t)shunt_tensor_storage(&desc->outputs[0]);
#pragma omp parallel for
    for (int64_t i = 0; i < count; i++) {
        int64_t at[SHUNT_MAX_RANK], left = i;
        for (uint32_t axis = dst.rank; axis-- > 0; left /= dst.dims[axis]) at[axis] = left % dst.dims[axis];
        outputs[0][i] = (float)sum_from(&src, &dst, 0, at, inputs[0]);
    }
}

const onednn_kind onednn_add = {
    .flags = SHUNT_FLAG_RELU | SHUNT_FLAG_BROADCAST, .inplace_inputs = 3, .loop = pair_loop, .check = check_pair};
const onednn_kind onednn_mul = {
    .flags = SHUNT_FLAG_BROADCAST, .inplace_inputs = 3, .loop = pair_loop, .check = check_pair};
const onednn_kind onednn_reduce_sum = {.loop = sum_loop, .check = check_sum};
