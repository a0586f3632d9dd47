/* concat.c - b after a along one axis. In one layout of all three tensors, a and b are runs of memory that take turns. */
#include "kernels.h"
#include "rows.h"

static const char *refuse(const ocl_device *device, const shunt_op_desc *desc)
{
    (void)device;
    const shunt_tensor_desc *a = &desc->inputs[0], *b = &desc->inputs[1], *dst = &desc->outputs[0];
    const int32_t axis = desc->attr.concat.axis;
    if (desc->flags) return "a flag that the op lacks";
    if (axis < 0 || axis >= a->rank) return "an axis that there is not";
    if (a->rank != b->rank || a->rank != dst->rank) return "tensors of different ranks";
    for (int32_t i = 0; i < a->rank; i++)
        if (i == axis ? a->dims[i] + b->dims[i] != dst->dims[i]
                      : a->dims[i] != b->dims[i] || a->dims[i] != dst->dims[i])
            return "tensors whose shapes do not fit together";
    if (a->rank != 4) return NULL;
    if (a->block != b->block || a->block != dst->block || a->block == SHUNT_CHANNELS_LAST)
        return "layouts other than one block of all";
    return axis == 1 && a->dims[1] % a->block ? "a block that a's channels do not fill" : NULL;
}

/* How often a and b take turns. */
static uint64_t count_rows(const shunt_tensor_desc *a, int32_t axis)
{
    uint64_t rows = 1;
    for (int32_t i = 0; i < axis; i++) {
        const bool blocks = a->rank == 4 && i == 1;
        rows *= blocks ? ((uint64_t)a->dims[i] + a->block - 1) / a->block : (uint64_t)a->dims[i];
    }
    return rows;
}

static int64_t common_divisor(uint64_t a, uint64_t b)
{
    while (b) {
        const uint64_t rest = a % b;
        a = b;
        b = rest;
    }
    return (int64_t)a;
}

static shunt_status prepare(shunt_bop *op)
{
    const uint64_t rows = count_rows(&op->desc.inputs[0], op->desc.attr.concat.axis);
    const cl_ulong a_row = shunt_tensor_storage(&op->desc.inputs[0]) / rows;
    const cl_ulong b_row = shunt_tensor_storage(&op->desc.inputs[1]) / rows;
    const int64_t block = common_divisor(a_row, b_row);
    const uint64_t lanes = ocl_lanes(op->device, block), vectors = (a_row + b_row) / lanes;
    const cl_int run = ocl_row_run(op->device, vectors);
    const cl_ulong pieces = rows * ((vectors + (uint64_t)run - 1) / (uint64_t)run);
    const ocl_constant constants[] = {
        {sizeof pieces, &pieces}, {sizeof a_row, &a_row}, {sizeof b_row, &b_row}, {sizeof run, &run}};
    char options[OCL_OPTIONS_CHARS];
    ocl_block_options(op->device, (int64_t)lanes, options);
    shunt_status status = ocl_step_create_flat(op->device, &op->steps[0], &ocl_concat_cl, options, "concat", pieces);
    return status ? status : ocl_step_constants(&op->steps[0], 6, 4, constants);
}

const ocl_algorithm ocl_concat = {.kind = SHUNT_OP_CONCAT, .name = "rows", .refuse = refuse, .prepare = prepare};
