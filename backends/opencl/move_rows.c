/* move_rows.c - GATHER and SCATTER. In one layout of all tensors a row is a run of memory. */
#include "kernels.h"
#include "rows.h"

/* Whether `rows` has rows like those of `src`, in the same layout. */
static bool same_rows(const shunt_tensor_desc *rows, const shunt_tensor_desc *src)
{
    shunt_tensor_desc like = *src;
    like.dims[0] = rows->dims[0];
    return ocl_same_desc(rows, &like);
}

static const char *refuse(const ocl_device *device, const shunt_op_desc *desc)
{
    const bool gathers = desc->kind == SHUNT_OP_GATHER;
    const shunt_tensor_desc *src = &desc->inputs[0], *index = &desc->inputs[gathers ? 1 : 2];
    const int64_t first = desc->attr.rows.first, count = gathers ? desc->attr.rows.count : desc->inputs[1].dims[0];
    (void)device;
    if (!same_rows(&desc->outputs[0], src) || !same_rows(&desc->inputs[gathers ? 0 : 1], src))
        return "rows of different shapes or layouts";
    if (desc->outputs[0].dims[0] != (gathers ? count : src->dims[0])) return "a dst of another number of rows";
    if (index->rank != 1 || first < 0 || count < 1 || count > index->dims[0] - first)
        return "numbers that the index does not have";
    return NULL;
}

static shunt_status prepare(shunt_bop *op)
{
    const shunt_op_desc *desc = &op->desc;
    const bool gathers = desc->kind == SHUNT_OP_GATHER;
    const shunt_tensor_desc *src = &desc->inputs[0], *moved = gathers ? &desc->outputs[0] : &desc->inputs[1];
    const cl_ulong width = shunt_tensor_storage(src) / (uint64_t)src->dims[0];
    const uint32_t lanes = ocl_lanes(op->device, (int64_t)width);
    const cl_int run = ocl_row_run(op->device, width / lanes), first = desc->attr.rows.first,
                 count = (cl_int)src->dims[0];
    const cl_ulong piece = (cl_ulong)run * lanes, pieces = (cl_ulong)moved->dims[0] * ((width + piece - 1) / piece);
    const ocl_constant constants[] = {{sizeof pieces, &pieces},
                                      {sizeof width, &width},
                                      {sizeof run, &run},
                                      {sizeof first, &first},
                                      {sizeof count, &count}};
    char options[OCL_OPTIONS_CHARS];
    ocl_block_options(op->device, lanes, options);
    shunt_status status = ocl_step_create_flat(op->device, &op->steps[0], &ocl_move_rows_cl, options,
                                               gathers ? "gather" : "scatter", pieces);
    return status ? status : ocl_step_constants(&op->steps[0], gathers ? 6 : 8, 5, constants);
}

const ocl_algorithm ocl_gather = {.kind = SHUNT_OP_GATHER, .name = "rows", .refuse = refuse, .prepare = prepare};
const ocl_algorithm ocl_scatter = {.kind = SHUNT_OP_SCATTER, .name = "rows", .refuse = refuse, .prepare = prepare};
