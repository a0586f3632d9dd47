/* conv_grad.c - see conv_grad.h. */
#include "conv_grad.h"

enum { MAX_SUMS_BYTES = 32 << 20 };

const char *ocl_conv_grad_refuse(const ocl_device *device, const shunt_op_desc *desc)
{
    const conv_parts t = ocl_conv_parts(desc);
    const char *reason = ocl_conv_refuse(desc);
    if (!reason) reason = ocl_conv_refuse_tiles(device);
    if (reason) return reason;
    if (desc->attr.conv.groups > 1) return "more than one group of channels";
    if (!ocl_conv_takes_block(device, t.dst)) return "diff_dst is not in the device's layout";
    if (t.dst->dims[0] * ocl_inner_count(t.dst, 2) > INT32_MAX / 2) return "2^30 or more pixels";
    return NULL;
}

/* Of one split. */
static uint64_t sums_bytes(const conv_grad *g)
{
    return sizeof(float) * (uint64_t)g->parts * (uint64_t)g->groups * (uint64_t)g->cut.taps *
           (uint64_t)(g->m * g->n * g->block);
}

void ocl_conv_grad_split(conv_grad *g, cl_int rows, cl_int least, cl_int items)
{
    const cl_int parts = g->parts * g->groups, fit = (cl_int)(MAX_SUMS_BYTES / sums_bytes(g));
    cl_int splits = (items + parts - 1) / parts;
    if (splits > fit) splits = fit;
    if (splits > rows / least) splits = rows / least;
    if (splits < 1) splits = 1;
    g->cut.rows = (rows + splits - 1) / splits;
    g->cut.splits = (rows + g->cut.rows - 1) / g->cut.rows;
}

static shunt_status make_bias(shunt_bop *op, const conv_grad *g, const ocl_source *source, const char *options)
{
    const uint64_t blocks = (uint64_t)((g->dims.K + g->block - 1) / g->block);
    const size_t local = 1;
    const ocl_constant constants[] = {{sizeof g->dims, &g->dims}};
    shunt_status status =
        ocl_step_create(op->device, &op->steps[2], source, options, "conv_grad_bias", 1, &blocks, &local);
    return status ? status : ocl_step_constants(&op->steps[2], 4, 1, constants);
}

shunt_status ocl_conv_grad_steps(shunt_bop *op, const conv_grad *g, const ocl_source *source, const char *options,
                                 const char *kernel)
{
    const uint64_t items[] = {(uint64_t)g->parts, (uint64_t)g->groups, (uint64_t)g->cut.splits};
    const size_t local[] = {1, 1, 1};
    const ocl_constant constants[] = {{sizeof g->dims, &g->dims}, {sizeof g->cut, &g->cut}};
    ocl_conv_inplace(op);
    op->info.workspace = (uint64_t)g->cut.splits * sums_bytes(g);
    shunt_status status = ocl_step_create(op->device, &op->steps[0], source, options, kernel, 3, items, local);
    if (!status) status = ocl_step_constants(&op->steps[0], 6, 2, constants);
    if (!status)
        status = ocl_step_create(op->device, &op->steps[1], source, options, "conv_grad_reduce", 2, items, local);
    if (!status) status = ocl_step_constants(&op->steps[1], 4, 2, constants);
    if (!status && op->desc.flags & SHUNT_FLAG_BIAS) status = make_bias(op, g, source, options);
    return status;
}

shunt_status ocl_conv_grad_run(shunt_bop *op, shunt_bqueue *queue, shunt_arg src, shunt_arg diff_dst,
                               const shunt_arg *outputs, shunt_arg workspace)
{
    const shunt_arg sum[] = {src, diff_dst, workspace}, reduce[] = {workspace, outputs[0]},
                    bias[] = {diff_dst, outputs[1]};
    shunt_status status = ocl_step_run(&op->steps[0], queue, 3, sum);
    if (!status) status = ocl_step_run(&op->steps[1], queue, 2, reduce);
    if (!status && op->desc.flags & SHUNT_FLAG_BIAS) status = ocl_step_run(&op->steps[2], queue, 2, bias);
    return status;
}
