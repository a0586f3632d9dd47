/* conv_wave.c - the direct convolution of 16-bit numbers on a GPU's matrix units, and its gradient by src: work-groups that compute
 * tiles through local memory, and do their sums in a fixed order. See conv_wave.cl. The same in plain arithmetic, in each
 * family's layout of fragments, runs on any device: it is there to be compared. */
#include "conv_group.h"
#include "wave_tile.h"

#include <stdio.h>
#include <stdlib.h>

/* The same fields as in conv_wave.cl. */
typedef struct wave_cut {
    cl_int steps, splits;
} wave_cut;

typedef struct conv_wave {
    wave_tile tile;
    bool plain_src;
    uint64_t packed; /* elements, of the largest phase */
    char options[OCL_OPTIONS_CHARS];
    phase_steps list[]; /* of the phases */
} conv_wave;

enum {
    EIGHT = 8, /* taps of a row of a plain src, that are multiplied at once */
    MOST_PHASES = 16,
    SUM = 1, /* which of the op's steps adds up the parts */
};

static int64_t ceil_div(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}

static bool is_plain(const ocl_device *device, const shunt_op_desc *desc)
{
    return shunt_tensor_block(ocl_phase_src(desc)) != device->found.info.block;
}

static const char *refuse_shape(const ocl_device *device, const shunt_op_desc *desc)
{
    const shunt_tensor_desc *src = ocl_phase_src(desc), *dst = &desc->outputs[0];
    const char *reason = ocl_conv_refuse_phases(device, desc);
    if (reason) return reason;
    if (shunt_dtype_bytes(src->dtype) != 2) return "matrix units multiply 16-bit numbers only";
    if (device->found.info.block % 16) return "the device's blocks are not of 16 channels";
    if (shunt_tensor_block(dst) != device->found.info.block) return "dst is not in the device's layout";
    if (is_plain(device, desc) && (src->block != SHUNT_PLAIN || desc->kind != SHUNT_OP_CONV))
        return "src is neither in the device's layout nor plain";
    if (shunt_tensor_storage(src) > INT32_MAX || shunt_tensor_storage(dst) > INT32_MAX)
        return "2^31 or more elements of src or dst";
    if ((src->dims[1] + 2 * EIGHT) * ocl_inner_count(ocl_conv_parts(desc).weights, 2) > INT32_MAX / (2 * EIGHT))
        return "2^27 or more weights per output channel";
    return ocl_conv_phases(desc) > MOST_PHASES ? "strides whose product is above 16" : NULL;
}

static const char *refuse(const ocl_device *device, const shunt_op_desc *desc)
{
    const char *reason = refuse_shape(device, desc);
    return reason ? reason : ocl_wave_refuse(device, ocl_phase_src(desc)->dtype);
}

static const char *refuse_plain(const ocl_device *device, const shunt_op_desc *desc)
{
    if (ocl_is_cpu(device)) return "waves are for GPUs";
    const char *reason = refuse_shape(device, desc);
    return reason ? reason : ocl_wave_refuse_plain(device);
}

/* By the ratio of their speeds to float32 on the cards that have them. */
static int rank(const ocl_device *device, const shunt_op_desc *desc)
{
    (void)device, (void)desc;
    return 8 * OCL_TILE_RANK;
}

static int rank_plain(const ocl_device *device, const shunt_op_desc *desc)
{
    (void)device, (void)desc;
    return -2;
}

/* What a plain src's rows of taps are filled up to is multiplied, too. */
static group_product product_of(const ocl_device *device, const shunt_op_desc *desc)
{
    const conv_dims d = ocl_conv_phase(desc, 0).dims;
    group_product product = ocl_conv_group_product(desc);
    if (is_plain(device, desc)) product.inner = (int64_t)d.C * d.R * ceil_div(d.S, EIGHT) * EIGHT;
    return product;
}

static bool variant(const ocl_device *device, const shunt_op_desc *desc, uint32_t index, char *params)
{
    const group_product product = product_of(device, desc);
    wave_tile tile;
    if (!ocl_wave_choice(device, ocl_phase_src(desc)->dtype, &product, index, &tile)) return false;
    ocl_wave_params(&tile, params);
    return true;
}

static bool variant_plain(const ocl_device *device, const shunt_op_desc *desc, uint32_t index, char *params)
{
    const group_product product = product_of(device, desc);
    wave_tile tile;
    if (!ocl_wave_choice_plain(device, &product, index, &tile)) return false;
    ocl_wave_params(&tile, params);
    return true;
}

static cl_int steps_of(const conv_wave *w, const conv_phase *phase)
{
    const conv_dims *d = &phase->dims;
    if (phase->taps == 0) return 0;
    return (cl_int)(w->plain_src ? ceil_div((int64_t)d->C * d->R * ceil_div(d->S, EIGHT) * EIGHT, w->tile.k)
                                 : ceil_div(d->C, w->tile.k) * phase->taps);
}

static shunt_status make_pack(shunt_bop *op, conv_wave *w, const conv_phase *phase, ocl_step *step)
{
    const conv_dims *d = &phase->dims;
    const cl_int steps = steps_of(w, phase);
    const cl_ulong count =
        (cl_ulong)ceil_div(d->K, w->tile.n) * (cl_ulong)w->tile.n * (cl_ulong)steps * (cl_ulong)w->tile.k;
    const ocl_constant constants[] = {
        {sizeof *d, d}, {sizeof phase->weights, &phase->weights}, {sizeof count, &count}, {sizeof steps, &steps}};
    shunt_status status =
        ocl_step_create_flat(op->device, step, &ocl_conv_wave_cl, w->options, "conv_wave_pack", count);
    if (count > w->packed) w->packed = count;
    return status ? status : ocl_step_constants(step, 4, 4, constants);
}

static shunt_status make_phase(shunt_bop *op, const conv_phase *phase, phase_steps *own)
{
    conv_wave *w = op->own;
    const conv_dims *d = &phase->dims;
    const size_t local = (size_t)ocl_wave_items(&w->tile);
    const uint64_t items = local * (uint64_t)w->tile.splits *
                           (uint64_t)(ceil_div((int64_t)d->N * d->P * d->Q, w->tile.m) * ceil_div(d->K, w->tile.n));
    const wave_cut cut = {.steps = steps_of(w, phase), .splits = w->tile.splits};
    const ocl_constant constants[] = {{sizeof *d, d}, {sizeof phase->place, &phase->place}, {sizeof cut, &cut}};
    shunt_status status =
        ocl_step_create(op->device, own->conv, &ocl_conv_wave_cl, w->options, "conv_wave", 1, &items, &local);
    if (!status) status = ocl_step_constants(own->conv, 12, 3, constants);
    return status || !own->pack ? status : make_pack(op, w, phase, own->pack);
}

static void destroy(shunt_bop *op)
{
    conv_wave *w = op->own;
    if (w) ocl_phases_destroy(op, w->list);
}

static shunt_status make(shunt_bop *op, bool plain)
{
    char packing[SHUNT_PARAMS_CHARS];
    conv_wave *w = calloc(1, sizeof *w + ocl_conv_phases(&op->desc) * sizeof *w->list);
    if (!w) return ocl_fail_memory();
    op->own = w;
    w->plain_src = is_plain(op->device, &op->desc);
    shunt_status status = ocl_wave_read(op->info.params, &w->tile);
    if (status) return status;
    ocl_conv_inplace(op);
    ocl_wave_options(op->device, &w->tile, plain, w->options);
    if (w->plain_src) ocl_add_option(w->options, " -DPLAIN_SRC");
    if (w->tile.splits > 1) status = ocl_conv_sum_make(op, &op->steps[SUM], w->tile.splits);
    if (!status) status = ocl_phases_make(op, w->list, make_phase);
    if (status) return status;
    snprintf(packing, sizeof packing, "wave tn=%d tk=%d%s", w->tile.n, w->tile.k, w->plain_src ? " plain" : "");
    ocl_conv_packed(op, packing, w->packed * sizeof(uint16_t));
    return SHUNT_OK;
}

static shunt_status prepare(shunt_bop *op)
{
    return make(op, false);
}

static shunt_status prepare_plain(shunt_bop *op)
{
    return make(op, true);
}

static shunt_status launch(shunt_bop *op, shunt_bqueue *queue, const shunt_arg *inputs, const shunt_arg *outputs,
                           shunt_arg workspace)
{
    const conv_wave *w = op->own;
    ocl_step *sum = w->tile.splits > 1 ? &op->steps[SUM] : NULL;
    return ocl_phases_launch_sums(op, w->list, sum, queue, inputs, outputs, workspace);
}

const ocl_algorithm ocl_conv_wave = {.kind = SHUNT_OP_CONV,
                                     .name = "wave",
                                     .rank = rank,
                                     .refuse = refuse,
                                     .variant = variant,
                                     .prepare = prepare,
                                     .launch = launch,
                                     .destroy = destroy};
const ocl_algorithm ocl_conv_wave_plain = {.kind = SHUNT_OP_CONV,
                                           .name = "wave_plain",
                                           .rank = rank_plain,
                                           .refuse = refuse_plain,
                                           .variant = variant_plain,
                                           .prepare = prepare_plain,
                                           .launch = launch,
                                           .destroy = destroy};
const ocl_algorithm ocl_conv_grad_src_wave = {.kind = SHUNT_OP_CONV_GRAD_SRC,
                                              .name = "wave",
                                              .rank = rank,
                                              .refuse = refuse,
                                              .variant = variant,
                                              .prepare = prepare,
                                              .launch = launch,
                                              .destroy = destroy};
const ocl_algorithm ocl_conv_grad_src_wave_plain = {.kind = SHUNT_OP_CONV_GRAD_SRC,
                                                    .name = "wave_plain",
                                                    .rank = rank_plain,
                                                    .refuse = refuse_plain,
                                                    .variant = variant_plain,
                                                    .prepare = prepare_plain,
                                                    .launch = launch,
                                                    .destroy = destroy};
