/* sums.c - gradients by weights whose splits are added up for many ops at once (conv_grad_sum.cl). */
#include "conv_grad_group.h"
#include "joint.h"

#include <stdlib.h>

/* One of them; the same fields as in kernels-cl/conv_grad_sum.cl. */
typedef struct sum_entry {
    cl_ulong first;                 /* work-group */
    cl_ulong partial, diff_weights; /* elements */
    group_grad cut;
    cl_int K;
} sum_entry;

static bool same_launch(const shunt_sum *a, const shunt_sum *b)
{
    return a->src.buffer == b->src.buffer && a->dst.buffer == b->dst.buffer;
}

/* Of those from the first on that go with it. Returns how many; *groups: their work-groups. */
static cl_int collect(const shunt_sum *first, const shunt_sum *end, size_t local, sum_entry *list, uint64_t *groups)
{
    cl_int count = 0;
    *groups = 0;
    for (const shunt_sum *sum = first; sum < end; sum++) {
        const group_grad *cut = sum->op->parts;
        const cl_int K = ocl_conv_dims(&sum->op->desc).K;
        if (!same_launch(first, sum)) continue;
        list[count++] = (sum_entry){.first = *groups,
                                    .partial = sum->src.offset / sizeof(float),
                                    .diff_weights = sum->dst.offset / sizeof(float),
                                    .cut = *cut,
                                    .K = K};
        *groups += ((uint64_t)K * (uint64_t)cut->columns + local - 1) / local;
    }
    return count;
}

/* What goes with the first of them. */
static shunt_status add_launch(shunt_bop *op, const shunt_sum *first, const shunt_sum *end)
{
    char options[OCL_OPTIONS_CHARS] = "";
    sum_entry *list = calloc((size_t)(end - first), sizeof *list);
    if (!list) return ocl_fail_memory();
    ocl_grad_sum_options(op->device, options);
    ocl_joint joint = {.source = &ocl_conv_grad_sum_cl,
                       .options = options,
                       .kernel = "conv_grad_sums",
                       .src = first->src.buffer,
                       .dst = first->dst.buffer,
                       .list = list};
    joint.count = collect(first, end, ocl_group(op->device), list, &joint.groups);
    joint.bytes = (uint64_t)joint.count * sizeof *list;
    const shunt_status status = ocl_joint_add(op, &joint);
    free(list);
    return status;
}

static bool is_first(const shunt_sum *list, const shunt_sum *sum)
{
    for (const shunt_sum *before = list; before < sum; before++)
        if (same_launch(before, sum)) return false;
    return true;
}

shunt_status ocl_sums_prepare(shunt_bdevice *device, const shunt_sum *list, uint32_t count, shunt_bop **out)
{
    shunt_bop *op = NULL;
    shunt_status status = ocl_joint_begin((ocl_device *)device, "sums", count, &op);
    for (uint32_t i = 0; i < count && !status; i++) {
        if (!list[i].op->parts || list[i].output != 0)
            status =
                ocl_fail(SHUNT_E_INVALID, "%s: output %u has no parts", list[i].op->info.algorithm, list[i].output);
        else if (is_first(list, &list[i]))
            status = add_launch(op, &list[i], list + count);
    }
    if (!status) status = ocl_joint_end(op);
    if (status)
        ocl_op_destroy(op);
    else
        *out = op;
    return status;
}
