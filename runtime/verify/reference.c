/* reference.c - see reference.h. */
#include "runtime/verify/reference.h"
#include "runtime/verify/layout.h"
#include "runtime/verify/ops/ops.h"

#include <math.h>
#include <string.h>

void reference_op(const shunt_op_desc *desc, const double *const *inputs, double *const *outputs, double *const *scales)
{
    for (uint32_t i = 0; i < desc->noutputs; i++) {
        memset(outputs[i], 0, shunt_tensor_count(&desc->outputs[i]) * sizeof(double));
        memset(scales[i], 0, shunt_tensor_count(&desc->outputs[i]) * sizeof(double));
    }
    verify_op_of(desc->kind)->reference(desc, inputs, outputs, scales);
}

double reference_terms(const shunt_op_desc *desc)
{
    const verify_op *kind = verify_op_of(desc->kind);
    return kind->terms ? kind->terms(desc) : (double)desc->inputs[0].dims[1];
}

double reference_tolerance(const shunt_op_desc *desc, double error_scale)
{
    double unit = desc->outputs[0].dtype == SHUNT_F64 ? 0x1p-53 : 0x1p-24;
    return unit * (16 + sqrt(reference_terms(desc))) * error_scale;
}

/* Below this a number of a 16-bit type has fewer digits, and may count as 0 (op.h). */
static double smallest_normal(uint8_t dtype)
{
    return dtype == SHUNT_F16 ? 0x1p-14 : 0x1p-126;
}

void reference_round(const shunt_op_desc *op, uint32_t input, bool as_factor, double *values)
{
    const bool rounded = shunt_op_rounds_input(op, input);
    const uint8_t data = shunt_op_data_type(op);
    shunt_tensor_desc tensor = op->inputs[input];
    if (rounded && as_factor) tensor.dtype = data;
    layout_round(&tensor, values);
    const uint8_t narrowest = rounded ? data : tensor.dtype;
    if (shunt_dtype_bytes(narrowest) != 2 || verify_op_of(op->kind)->own_types) return;
    for (uint64_t i = 0; i < shunt_tensor_count(&tensor); i++)
        if (fabs(values[i]) < smallest_normal(narrowest)) values[i] = 0;
}

bool reference_allows(uint8_t dtype, double expected, double slack, double got)
{
    if (got == expected || (isnan(got) && isnan(expected))) return true;
    if (shunt_dtype_bytes(dtype) != 2) return isfinite(expected) && fabs(got - expected) <= slack;
    if (got == 0 && fabs(expected) < smallest_normal(dtype)) return true;
    const shunt_tensor_desc one = {.dtype = dtype, .block = SHUNT_PLAIN};
    double low = expected - slack, high = expected + slack;
    layout_round(&one, &low);
    layout_round(&one, &high);
    return got >= low && got <= high;
}
