/* reduce.c - sums over some axes. */
#include "axes.h"
#include "kernels.h"

static const char *refuse(const ocl_device *device, const shunt_op_desc *desc)
{
    (void)device;
    const shunt_tensor_desc *src = &desc->inputs[0], *dst = &desc->outputs[0];
    const uint32_t axes = desc->attr.reduce.axes;
    const char *reason = ocl_axes_refuse(src, dst);
    if (reason) return reason;
    if (axes >> src->rank) return "an axis that src does not have";
    for (uint32_t i = 0; i < src->rank; i++)
        if (dst->dims[i] != (axes >> i & 1 ? 1 : src->dims[i])) return "dst is not of the shape that the axes leave";
    return NULL;
}

/* The axes that are summed (or not), the last one first. */
static cl_int pick(const ocl_axes *axes, bool summed, cl_long8 *dims, cl_long8 *steps)
{
    cl_int count = 0;
    for (uint32_t i = axes->rank; i-- > 0;) {
        if ((axes->steps[1][i] == 0) != summed) continue;
        dims->s[count] = axes->dims[i];
        steps->s[count++] = axes->steps[0][i];
    }
    return count;
}

static shunt_status prepare(shunt_bop *op)
{
    const shunt_tensor_desc *src = &op->desc.inputs[0], *dst = &op->desc.outputs[0];
    const ocl_axes axes = ocl_axes_of(src, src, dst);
    cl_long8 kept = {{0}}, kept_steps = {{0}}, summed = {{0}}, summed_steps = {{0}};
    const cl_int nkept = pick(&axes, false, &kept, &kept_steps), nsummed = pick(&axes, true, &summed, &summed_steps);
    const cl_ulong terms = shunt_tensor_storage(src) / shunt_tensor_storage(dst);
    size_t local = ocl_reduce_group(op->device, sizeof(float));
    while (local > 1 && local / 2 >= terms) local /= 2;
    const uint64_t items = shunt_tensor_storage(dst) * local;
    const ocl_constant constants[] = {{sizeof terms, &terms},      {sizeof nkept, &nkept},     {sizeof kept, &kept},
                                      {sizeof kept, &kept_steps},  {sizeof nsummed, &nsummed}, {sizeof kept, &summed},
                                      {sizeof kept, &summed_steps}};
    char options[OCL_OPTIONS_CHARS] = "";
    ocl_add_option(options, "-DB=1 -DV=1 -DWG=%zu", local);
    shunt_status status =
        ocl_step_create(op->device, &op->steps[0], &ocl_reduce_cl, options, "reduce_sum", 1, &items, &local);
    return status ? status : ocl_step_constants(&op->steps[0], 4, 7, constants);
}

const ocl_algorithm ocl_reduce_sum = {
    .kind = SHUNT_OP_REDUCE_SUM, .name = "tree", .refuse = refuse, .prepare = prepare};
