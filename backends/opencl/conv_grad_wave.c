/* conv_grad_wave.c - the gradient of a convolution by its weights, of 16-bit numbers, on a GPU's matrix units: products of matrices by
 * work-groups, the pixels split among as many as the device wants, and the parts added up in their order. See conv_grad_wave.cl. The same in plain
 * arithmetic, in each family's layout of fragments, runs on any device: it is there to be compared. */
#include "conv_grad_group.h"
#include "wave_tile.h"

enum { BLOCK = 16, EIGHT = 8 };

static int64_t ceil_div(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}

static const char *refuse_shape(const ocl_device *device, const shunt_op_desc *desc)
{
    const conv_parts t = ocl_conv_parts(desc);
    const char *reason = ocl_conv_refuse(desc);
    if (reason) return reason;
    if (shunt_dtype_bytes(t.src->dtype) != 2) return "matrix units multiply 16-bit numbers only";
    if (desc->attr.conv.groups > 1) return "more than one group of channels";
    if (device->found.info.block != BLOCK) return "the device's blocks are not of 16 channels";
    if (shunt_tensor_block(t.dst) != BLOCK || shunt_tensor_block(t.src) != BLOCK)
        return "src or diff_dst is not in blocks of 16 channels";
    if (shunt_tensor_storage(t.src) > INT32_MAX || shunt_tensor_storage(t.dst) > INT32_MAX)
        return "2^31 or more elements of src or diff_dst";
    return shunt_tensor_storage(t.weights) > INT32_MAX / 2 ? "2^30 or more weights" : NULL;
}

static const char *refuse(const ocl_device *device, const shunt_op_desc *desc)
{
    const char *reason = refuse_shape(device, desc);
    return reason ? reason : ocl_wave_refuse(device, desc->inputs[0].dtype);
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

/* How the sums are laid out; pixels and splits are not known yet. */
static group_grad layout_of(const conv_dims *d)
{
    return (group_grad){.taps = d->R * d->S, .columns = d->C, .stride = (cl_int)ceil_div(d->C, EIGHT) * EIGHT};
}

static bool variant(const ocl_device *device, const shunt_op_desc *desc, uint32_t index, char *params)
{
    const conv_dims d = ocl_conv_dims(desc);
    const group_grad g = layout_of(&d);
    const group_product product = ocl_grad_product(&g, &d);
    wave_tile tile;
    if (!ocl_wave_choice(device, desc->inputs[0].dtype, &product, index, &tile)) return false;
    ocl_wave_params(&tile, params);
    return true;
}

static bool variant_plain(const ocl_device *device, const shunt_op_desc *desc, uint32_t index, char *params)
{
    const conv_dims d = ocl_conv_dims(desc);
    const group_grad g = layout_of(&d);
    const group_product product = ocl_grad_product(&g, &d);
    wave_tile tile;
    if (!ocl_wave_choice_plain(device, &product, index, &tile)) return false;
    ocl_wave_params(&tile, params);
    return true;
}

static shunt_status make(shunt_bop *op, bool plain)
{
    char options[OCL_OPTIONS_CHARS] = "";
    const conv_dims d = ocl_conv_dims(&op->desc);
    group_grad g = layout_of(&d);
    wave_tile tile;
    shunt_status status = ocl_wave_read(op->info.params, &tile);
    if (status) return status;
    ocl_grad_split(&g, &d, tile.k, tile.splits);
    ocl_wave_options(op->device, &tile, plain, options);
    const size_t local = (size_t)ocl_wave_items(&tile);
    const uint64_t items =
        local * (uint64_t)(ceil_div(d.K, tile.m) * ceil_div(g.columns, tile.n)) * (uint64_t)g.taps * (uint64_t)g.splits;
    const ocl_constant constants[] = {{sizeof d, &d}, {sizeof g, &g}};
    status = ocl_step_create(op->device, &op->steps[0], &ocl_conv_grad_wave_cl, options, "conv_grad_wave", 1, &items,
                             &local);
    if (!status) status = ocl_step_constants(&op->steps[0], 6, 2, constants);
    return status ? status : ocl_grad_sum_make(op, &g, &d);
}

static shunt_status prepare(shunt_bop *op)
{
    return make(op, false);
}

static shunt_status prepare_plain(shunt_bop *op)
{
    return make(op, true);
}

const ocl_algorithm ocl_conv_grad_weights_wave = {.kind = SHUNT_OP_CONV_GRAD_WEIGHTS,
                                                  .name = "wave",
                                                  .rank = rank,
                                                  .refuse = refuse,
                                                  .variant = variant,
                                                  .prepare = prepare,
                                                  .launch = ocl_grad_launch};
const ocl_algorithm ocl_conv_grad_weights_wave_plain = {.kind = SHUNT_OP_CONV_GRAD_WEIGHTS,
                                                        .name = "wave_plain",
                                                        .rank = rank_plain,
                                                        .refuse = refuse_plain,
                                                        .variant = variant_plain,
                                                        .prepare = prepare_plain,
                                                        .launch = ocl_grad_launch};
