/* sums.c - gradients by weights whose splits are added up for many ops at once (conv_grad_sum.cl). */
#include "conv_grad_group.h"
#include "joint.h"

/* One of them; the same fields as in kernels-cl/conv_grad_sum.cl. */
typedef struct sum_entry {
    cl_ulong first;                 /* work-group */
    cl_ulong partial, diff_weights; /* elements */
    group_grad cut;
    cl_int K;
} sum_entry;

static const char *refuse(const shunt_joint *sum)
{
    return sum->op->parts && sum->operand == 0 ? NULL : "has no parts";
}

static void choose(const shunt_joint *sum, ocl_joint_kernel *out)
{
    out->source = &ocl_conv_grad_sum_cl;
    out->name = "conv_grad_sums";
    ocl_grad_sum_options(sum->op->device, out->options);
}

static uint32_t count(const shunt_joint *sum)
{
    (void)sum;
    return 1;
}

static uint64_t list(const shunt_joint *sum, uint64_t first, void *entries)
{
    const group_grad *cut = sum->op->parts;
    const cl_int K = ocl_conv_dims(&sum->op->desc).K;
    const size_t local = ocl_group(sum->op->device);
    *(sum_entry *)entries = (sum_entry){.first = first,
                                        .partial = sum->src.offset / sizeof(float),
                                        .diff_weights = sum->dst.offset / sizeof(float),
                                        .cut = *cut,
                                        .K = K};
    return ((uint64_t)K * (uint64_t)cut->columns + local - 1) / local;
}

shunt_status ocl_sums_prepare(shunt_bdevice *device, const shunt_joint *sums, uint32_t n, shunt_bop **out)
{
    static const ocl_joining joining = {"sums", refuse, choose, count, list, sizeof(sum_entry)};
    return ocl_joint_prepare((ocl_device *)device, &joining, sums, n, out);
}
