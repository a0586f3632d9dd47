/* matmul.c - dst (B,M,N) = a (B,M,K) x b (B,K,N); of one there may be only one matrix, which then serves all. */
#include "kernels.h"

enum { ROWS = 4, COLUMNS = 16 }; /* of dst that an item does; columns at most */

static const char *refuse(const ocl_device *device, const shunt_op_desc *desc)
{
    (void)device;
    const shunt_tensor_desc *a = &desc->inputs[0], *b = &desc->inputs[1], *dst = &desc->outputs[0];
    if (desc->flags) return "a flag that the op lacks";
    if (a->rank != 3 || b->rank != 3 || dst->rank != 3) return "tensors that are not batches of matrices";
    const int64_t batch = a->dims[0] > b->dims[0] ? a->dims[0] : b->dims[0];
    if (a->dims[2] != b->dims[1] || (a->dims[0] != b->dims[0] && a->dims[0] != 1 && b->dims[0] != 1))
        return "the shapes of a and b do not multiply";
    if (dst->dims[0] != batch || dst->dims[1] != a->dims[1] || dst->dims[2] != b->dims[2])
        return "dst is not of the shape that a and b give";
    return NULL;
}

static shunt_status prepare(shunt_bop *op)
{
    const int64_t *a = op->desc.inputs[0].dims, *b = op->desc.inputs[1].dims, *dst = op->desc.outputs[0].dims;
    const cl_ulong a_step = a[0] == 1 ? 0 : (cl_ulong)(a[1] * a[2]), b_step = b[0] == 1 ? 0 : (cl_ulong)(b[1] * b[2]);
    const cl_int M = (cl_int)dst[1], N = (cl_int)dst[2], K = (cl_int)a[2];
    const uint64_t lanes = ocl_lanes(op->device, COLUMNS);
    const uint64_t items[] = {((uint64_t)N + lanes - 1) / lanes, ((uint64_t)M + ROWS - 1) / ROWS, (uint64_t)dst[0]};
    const size_t local[] = {ocl_group(op->device), 1, 1};
    const ocl_constant constants[] = {
        {sizeof a_step, &a_step}, {sizeof b_step, &b_step}, {sizeof M, &M}, {sizeof N, &N}, {sizeof K, &K}};
    char options[OCL_OPTIONS_CHARS];
    ocl_block_options(op->device, COLUMNS, options);
    ocl_add_option(options, " -DROWS=%d", ROWS);
    shunt_status status =
        ocl_step_create(op->device, &op->steps[0], &ocl_matmul_cl, options, "matmul", 3, items, local);
    return status ? status : ocl_step_constants(&op->steps[0], 6, 5, constants);
}

const ocl_algorithm ocl_matmul = {.kind = SHUNT_OP_MATMUL, .name = "direct", .refuse = refuse, .prepare = prepare};
