/* conv_grad_weights_matrix.c - the gradient of a convolution by its weights on matrix units, and the same algorithm in plain vector
 * arithmetic. How the work is cut depends on the shape alone, so the number of threads changes no bit of the result. */
#include "conv.h"
#include "matrix.h"

#include <stdlib.h>

/* The same fields as in conv_grad_weights_matrix.cl. */
typedef struct matrix_grad {
    cl_int group, parts, c_blocks, taps, pad_h, pad_w;
} matrix_grad;

typedef struct grad_weights {
    conv_dims d;
    matrix_grad g;
    cl_int src_block, diff_block, k_blocks;
    bool window;                 /* src is plain, and read by windows of neighbours in a padded copy */
    uint64_t sums_at, padded_at; /* in the workspace; its scratch is at the start */
} grad_weights;

enum {
    RUN = 512, /* pixels, so that a run of a block of channels fits the first-level cache */
    ENOUGH_ITEMS = 16,
    LEAST_GROUP = 4, /* blocks of K: each group lays out src again */
    MAX_SUMS_BYTES = 8 << 20,
};

static cl_int ceil_div(cl_int a, cl_int b)
{
    return (a + b - 1) / b;
}

static uint64_t round_up(uint64_t bytes, uint64_t alignment)
{
    return (bytes + alignment - 1) / alignment * alignment;
}

static bool is_block(int64_t block)
{
    return block == 16 || block == OCL_LINE;
}

/* Of one part. */
static uint64_t sums_bytes(const grad_weights *w)
{
    return sizeof(cl_float) * (uint64_t)w->k_blocks * (uint64_t)w->g.c_blocks * (uint64_t)w->g.taps *
           (uint64_t)(w->diff_block * w->src_block);
}

static uint64_t scratch_elements(const grad_weights *w)
{
    return OCL_LINE + (uint64_t)RUN * (uint64_t)(w->src_block + w->g.group * w->diff_block);
}

static uint64_t window_elements(const grad_weights *w)
{
    return (uint64_t)w->d.N * (uint64_t)w->g.pad_h * (uint64_t)w->g.pad_w * (uint64_t)w->d.C + OCL_LINE;
}

/* Parts of the pixels as far as their sums stay few, then groups of channels. */
static void cut_work(grad_weights *w)
{
    const cl_int runs = ceil_div(w->d.N * w->d.P * w->d.Q, RUN);
    w->g.parts = runs < ENOUGH_ITEMS ? runs : ENOUGH_ITEMS;
    while (w->g.parts > 1 && (uint64_t)w->g.parts * sums_bytes(w) > MAX_SUMS_BYTES) w->g.parts /= 2;
    w->g.group = ceil_div(w->k_blocks, ceil_div(ENOUGH_ITEMS, w->g.parts));
    if (w->g.group < LEAST_GROUP) w->g.group = LEAST_GROUP;
    if (w->g.group > w->k_blocks) w->g.group = w->k_blocks;
}

static grad_weights describe(const shunt_op_desc *desc)
{
    grad_weights w = {.d = ocl_conv_dims(desc)};
    const conv_dims *d = &w.d;
    w.window = !is_block(shunt_tensor_block(&desc->inputs[0]));
    w.src_block = w.window ? OCL_LINE : (cl_int)shunt_tensor_block(&desc->inputs[0]);
    w.diff_block = (cl_int)shunt_tensor_block(&desc->inputs[1]);
    w.k_blocks = ceil_div(d->K, w.diff_block);
    w.g.c_blocks = w.window ? 1 : ceil_div(d->C, w.src_block);
    w.g.taps = w.window ? d->R : d->R * d->S;
    w.g.pad_h = (d->P - 1) * d->stride[0] + (d->R - 1) * d->dilation[0] + 1;
    w.g.pad_w = (d->Q - 1) * d->stride[1] + d->S;
    cut_work(&w);
    return w;
}

static const char *refuse(const ocl_device *device, const shunt_op_desc *desc)
{
    const char *reason = ocl_conv_refuse(desc);
    (void)device;
    if (reason) return reason;
    const shunt_tensor_desc *src = &desc->inputs[0], *diff_dst = &desc->inputs[1];
    if (src->dtype != SHUNT_BF16) return "matrix units multiply bfloat16 only";
    if (desc->attr.conv.groups > 1) return "more than one group of channels";
    if (desc->flags & SHUNT_FLAG_BIAS) return "the gradient of a bias";
    if (!is_block(shunt_tensor_block(diff_dst))) return "diff_dst is not in blocks of 16 or 32 channels";
    const grad_weights w = describe(desc);
    if (w.window && src->block != SHUNT_PLAIN) return "src is neither plain nor in blocks of 16 or 32 channels";
    if (w.window && (w.d.S * w.d.C > OCL_LINE || w.d.dilation[1] > 1))
        return "a plain src with more than 32 values in a row of taps, or dilation in it";
    if (shunt_tensor_storage(src) > INT32_MAX || shunt_tensor_storage(diff_dst) > INT32_MAX ||
        (w.window && window_elements(&w) > INT32_MAX))
        return "tensors of 2^31 or more elements";
    return NULL;
}

static const char *refuse_units(const ocl_device *device, const shunt_op_desc *desc)
{
    return device->found.matrix == OCL_MATRIX_PLAIN ? "the device has no matrix units that work" : refuse(device, desc);
}

static int rank_units(const ocl_device *device, const shunt_op_desc *desc)
{
    (void)desc;
    return ocl_matrix_rank(device->found.matrix);
}

/* It shows on any device that the algorithm is right; that it is fast there, nobody says. */
static int rank_plain(const ocl_device *device, const shunt_op_desc *desc)
{
    (void)device, (void)desc;
    return -1;
}

/* The steps: the padded copy (window), the product, what gathers its sums. */
enum { PRODUCT, GATHER, WINDOW };

static shunt_status make_window(shunt_bop *op, const grad_weights *w, const char *options)
{
    const ocl_constant constants[] = {{sizeof w->d, &w->d}, {sizeof w->g, &w->g}};
    shunt_status status = ocl_step_create_flat(op->device, &op->steps[WINDOW], &ocl_conv_grad_weights_matrix_cl,
                                               options, "conv_grad_weights_window",
                                               (uint64_t)w->d.N * (uint64_t)w->g.pad_h * (uint64_t)w->g.pad_w);
    return status ? status : ocl_step_constants(&op->steps[WINDOW], 4, 2, constants);
}

static shunt_status make_steps(shunt_bop *op, const grad_weights *w, const char *options)
{
    const size_t local[] = {1, 1};
    const uint64_t items[] = {(uint64_t)ceil_div(w->k_blocks, w->g.group), (uint64_t)w->g.parts},
                   gathered[] = {(uint64_t)w->d.K, (uint64_t)w->g.c_blocks};
    const ocl_constant constants[] = {{sizeof w->d, &w->d}, {sizeof w->g, &w->g}};
    shunt_status status = ocl_step_create(op->device, &op->steps[PRODUCT], &ocl_conv_grad_weights_matrix_cl, options,
                                          "conv_grad_weights_matrix", 2, items, local);
    if (!status) status = ocl_step_constants(&op->steps[PRODUCT], 8, 2, constants);
    if (!status)
        status = ocl_step_create(op->device, &op->steps[GATHER], &ocl_conv_grad_weights_matrix_cl, options,
                                 "conv_grad_weights_gather", 2, gathered, local);
    if (!status) status = ocl_step_constants(&op->steps[GATHER], 4, 2, constants);
    return status || !w->window ? status : make_window(op, w, options);
}

static shunt_status prepare_family(shunt_bop *op, ocl_matrix family)
{
    char options[OCL_OPTIONS_CHARS] = "";
    grad_weights *w = malloc(sizeof *w);
    if (!w) return ocl_fail_memory();
    op->own = w;
    *w = describe(&op->desc);
    const uint64_t alignment = op->device->found.info.alignment,
                   items = (uint64_t)ceil_div(w->k_blocks, w->g.group) * (uint64_t)w->g.parts;
    w->sums_at = round_up(2 * items * scratch_elements(w), alignment);
    w->padded_at = round_up(w->sums_at + (uint64_t)w->g.parts * sums_bytes(w), alignment);
    op->info.workspace = w->padded_at + (w->window ? 2 * window_elements(w) : 0);
    op->info.error_scale = OCL_MATRIX_ERROR;
    ocl_add_option(options, "-DB=16 -DV=16 -DWG=%zu -DDB=%d -DSB=%d -DMT=%d -DNT=%d -DRUN=%d%s%s",
                   ocl_group(op->device), w->diff_block, w->src_block, w->diff_block / 16, w->src_block / 16, (int)RUN,
                   w->window ? " -DWINDOW" : "", ocl_matrix_option(family));
    return make_steps(op, w, options);
}

static shunt_status prepare_units(shunt_bop *op)
{
    return prepare_family(op, op->device->found.matrix);
}

static shunt_status prepare_plain(shunt_bop *op)
{
    return prepare_family(op, OCL_MATRIX_PLAIN);
}

static shunt_status launch(shunt_bop *op, shunt_bqueue *queue, const shunt_arg *inputs, const shunt_arg *outputs,
                           shunt_arg workspace)
{
    const grad_weights *w = op->own;
    const shunt_arg sums = {workspace.buffer, workspace.offset + w->sums_at},
                    padded = {workspace.buffer, workspace.offset + w->padded_at};
    const shunt_arg copy[] = {inputs[0], padded},
                    product[] = {w->window ? padded : inputs[0], inputs[1], workspace, sums},
                    gather[] = {sums, outputs[0]};
    shunt_status status = w->window ? ocl_step_run(&op->steps[WINDOW], queue, 2, copy) : SHUNT_OK;
    if (!status) status = ocl_step_run(&op->steps[PRODUCT], queue, 4, product);
    return status ? status : ocl_step_run(&op->steps[GATHER], queue, 2, gather);
}

const ocl_algorithm ocl_conv_grad_weights_matrix = {.kind = SHUNT_OP_CONV_GRAD_WEIGHTS,
                                                    .name = "matrix",
                                                    .rank = rank_units,
                                                    .refuse = refuse_units,
                                                    .prepare = prepare_units,
                                                    .launch = launch};
const ocl_algorithm ocl_conv_grad_weights_matrix_plain = {.kind = SHUNT_OP_CONV_GRAD_WEIGHTS,
                                                          .name = "matrix_plain",
                                                          .rank = rank_plain,
                                                          .refuse = refuse,
                                                          .prepare = prepare_plain,
                                                          .launch = launch};
