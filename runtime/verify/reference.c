/* reference.c - see reference.h. */
#include "runtime/verify/reference.h"
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

double reference_tolerance(const shunt_op_desc *desc, double error_scale)
{
    const verify_op *kind = verify_op_of(desc->kind);
    double terms = kind->terms ? kind->terms(desc) : (double)desc->inputs[0].dims[1];
    double unit = desc->outputs[0].dtype == SHUNT_F64 ? 0x1p-53 : 0x1p-24;
    return unit * (16 + sqrt(terms)) * error_scale;
}
