/* conv_matrix.c - the convolution of bfloat16 and its gradient by src on matrix units, and the same algorithm in plain vector
 * arithmetic. */
#include "conv_phase.h"
#include "matrix.h"

#include <stdio.h>
#include <stdlib.h>

/* The same fields as in conv_matrix.cl. */
typedef struct matrix_cut {
    cl_int taps, part, images, panels, slice, pitch, shared, columns;
} matrix_cut;

/* How src is read: SRC in conv_matrix.cl. */
typedef enum matrix_src { SRC_DIRECT = 1, SRC_COPY = 2, SRC_PLAIN = 3 } matrix_src;

typedef struct conv_matrix {
    conv_dims d;
    matrix_src src;
    cl_int m, n; /* fragments of src and weights */
    cl_int src_block, dst_block;
    cl_int channels, columns; /* SRC_PLAIN: channels of a column of the copy; columns in a row of a fragment */
    cl_int pairs;             /* of channels in a fragment that has any weights there */
    cl_int planes;            /* of the copy */
    cl_int taps;
} conv_matrix;

enum {
    MOST_TAPS = 64,
    MOST_PLAIN_CHANNELS = 16,
    /* Of local memory: for the copy of a part while all weights stay in the second-level cache, and while they pass through. */
    SMALL_COPY = 256 << 10,
    LARGE_COPY = 1 << 20,
    SMALL_IMAGE = 256, /* pixels of dst: tiles are filled with those of several images */
    MOST_IMAGES = 8,
    SLICE_STEPS = 8,    /* of weights in the first-level cache, 2 KiB each */
    PARTS_PER_UNIT = 2, /* so that a unit that starts late finds less to do */
};

static cl_int ceil_div(cl_int a, cl_int b)
{
    return (a + b - 1) / b;
}

static cl_int least(cl_int a, cl_int b)
{
    return a < b ? a : b;
}

/* ---- Geometry ---------------------------------------------------------------------------------------------------- */

static bool is_block(int64_t block)
{
    return block == 16 || block == 32;
}

static conv_matrix describe(const shunt_op_desc *desc, const conv_phase *phase, cl_int m, cl_int n)
{
    conv_matrix op = {.d = phase->dims, .m = m, .n = n};
    const conv_dims *d = &op.d;
    if (phase->taps == 0) op.d.pad[0] = op.d.pad[1] = 0; /* src is copied, but not multiplied */
    op.src_block = (cl_int)shunt_tensor_block(ocl_phase_src(desc));
    op.dst_block = (cl_int)shunt_tensor_block(&desc->outputs[0]);
    const bool point = d->R == 1 && d->S == 1 && d->stride[0] == 1 && d->stride[1] == 1 && d->P == d->H &&
                       d->Q == d->W && d->pad[0] == 0 && d->pad[1] == 0 && phase->taps == 1 &&
                       phase->place.step[0] == 1 && phase->place.step[1] == 1;
    op.src = !is_block(op.src_block)                                         ? SRC_PLAIN
             : point && op.src_block == OCL_LINE && d->P * d->Q >= 16 * op.m ? SRC_DIRECT
                                                                             : SRC_COPY;
    for (op.channels = 2; op.src == SRC_PLAIN && op.channels < d->C; op.channels *= 2)
        ;
    op.columns = OCL_LINE / op.channels;
    op.pairs = (op.src == SRC_PLAIN ? least(d->S, op.columns) * op.channels : OCL_LINE) / 2;
    op.planes = least(d->stride[0], (d->R - 1) * d->dilation[0] + 1);
    if (op.src == SRC_COPY) op.planes *= least(d->stride[1], (d->S - 1) * d->dilation[1] + 1);
    op.taps = op.src == SRC_PLAIN ? d->R * ceil_div(d->S, op.columns) : phase->taps;
    return op;
}

static cl_int panels(const conv_matrix *op)
{
    return ceil_div(op->d.K, 16 * op->n);
}

/* Steps of 32 channels at one tap that a panel of weights has. */
static cl_int steps(const conv_matrix *op)
{
    return op->taps * (op->src == SRC_PLAIN ? 1 : ceil_div(op->d.C, OCL_LINE));
}

/* From one row of the copy to the next. Where src is not plain and no column is skipped, what pads a row at its right may pad the next
 * at its left, as far as no two pixels of dst become one. */
static void set_pitch(const conv_matrix *op, matrix_cut *cut)
{
    const conv_dims *d = &op->d;
    const cl_int beyond = op->src == SRC_PLAIN ? ceil_div(op->columns * ceil_div(d->S, op->columns), d->stride[1])
                                               : (d->S - 1) * d->dilation[1] / d->stride[1],
                 right = d->Q + beyond - d->pad[1] - d->W;
    if (op->src == SRC_COPY && d->stride[1] == 1 && right > 0) cut->shared = least(least(d->pad[1], right), beyond);
    cut->pitch = d->Q + beyond - cut->shared;
}

/* Bytes of local memory. */
static uint64_t local_bytes(const conv_matrix *op, const matrix_cut *cut)
{
    const conv_dims *d = &op->d;
    const uint64_t bias = sizeof(cl_float) * 16 * (uint64_t)op->n * (uint64_t)cut->panels;
    if (op->src == SRC_DIRECT) return bias;
    const uint64_t rows = (uint64_t)cut->part + (uint64_t)((d->R - 1) * d->dilation[0] / d->stride[0]),
                   pitch = (uint64_t)cut->pitch, images = (uint64_t)cut->images,
                   places = sizeof(cl_int) * (uint64_t)cut->part * pitch * images;
    uint64_t elements;
    if (op->src == SRC_COPY) {
        elements = (rows * pitch + (uint64_t)cut->shared) * images * OCL_LINE * (uint64_t)op->planes *
                       (uint64_t)ceil_div(d->C, OCL_LINE) +
                   16 * OCL_LINE * (uint64_t)op->m;
    } else {
        const uint64_t step = (uint64_t)(d->stride[1] * op->channels);
        elements = rows * pitch * step * (uint64_t)op->planes + 16 * (uint64_t)op->m * step + 2 * OCL_LINE +
                   OCL_FRAGMENT * (uint64_t)op->m;
    }
    return bias + 2 * elements + places;
}

/* ---- How the work is cut --------------------------------------------------------------------------------------------- */

static cl_int count_parts(const conv_matrix *op, const matrix_cut *cut)
{
    const conv_dims *d = &op->d;
    return ceil_div(op->src == SRC_DIRECT ? d->P * d->Q : d->P, cut->part) * ceil_div(d->N, cut->images);
}

/* One step towards smaller parts; false where there is none. */
static bool cut_smaller(const conv_matrix *op, matrix_cut *cut)
{
    const cl_int tile = 16 * op->m;
    if (cut->images > 1) {
        cut->images = ceil_div(cut->images, 2);
    } else if (op->src == SRC_DIRECT) {
        if (cut->part < 2 * tile) return false;
        cut->part = ceil_div(ceil_div(cut->part, 2), tile) * tile;
    } else {
        if (cut->part < 2) return false;
        cut->part = ceil_div(cut->part, 2);
    }
    return true;
}

/* What a part holds of src in the caches. */
static uint64_t part_bytes(const conv_matrix *op, const matrix_cut *cut)
{
    return op->src == SRC_DIRECT ? 2 * (uint64_t)cut->part * (uint64_t)op->d.C : local_bytes(op, cut);
}

/* Where weights are more than src, each unit gets panels of its own, so that it reads them once, and src whole; else all panels and
 * parts of src. */
static matrix_cut cut_work(const ocl_device *device, const conv_matrix *op)
{
    const conv_dims *d = &op->d;
    const cl_int units = (cl_int)device->found.limits.units, all = panels(op);
    const double src = 2.0 * d->N * d->C * d->P * d->Q * least(d->stride[0], d->R) * least(d->stride[1], d->S),
                 weights = 2.0 * d->K * d->C * d->R * d->S;
    const bool by_panels = weights > src;
    const uint64_t local = device->found.limits.local / 8 * 7,
                   wanted = by_panels || d->P * d->Q <= SMALL_IMAGE ? LARGE_COPY : SMALL_COPY;
    matrix_cut cut = {
        .taps = op->taps, .part = op->src == SRC_DIRECT ? d->P * d->Q : d->P, .images = 1, .columns = op->columns};
    cut.panels = by_panels ? ceil_div(all, PARTS_PER_UNIT * units) : all;
    cut.slice = op->taps > 0 && SLICE_STEPS > op->taps ? SLICE_STEPS / op->taps : 1;
    if (op->src == SRC_COPY && d->P * d->Q <= SMALL_IMAGE) cut.images = least(d->N, MOST_IMAGES);
    if (op->src != SRC_DIRECT) set_pitch(op, &cut);
    while ((part_bytes(op, &cut) > wanted || (!by_panels && count_parts(op, &cut) < PARTS_PER_UNIT * units)) &&
           cut_smaller(op, &cut))
        ;
    while (local_bytes(op, &cut) > local && (cut_smaller(op, &cut) || cut.panels > 1))
        if (cut.part == 1) cut.panels = ceil_div(cut.panels, 2);
    while (count_parts(op, &cut) * ceil_div(all, cut.panels) < units && cut.panels > 1)
        cut.panels = ceil_div(cut.panels, 2);
    return cut;
}

/* ---- The algorithm --------------------------------------------------------------------------------------------------- */

static const char *refuse_phase(const ocl_device *device, const shunt_op_desc *desc, uint32_t index)
{
    const conv_phase phase = ocl_conv_phase(desc, index);
    if (phase.dims.P < 1 || phase.dims.Q < 1) return NULL;
    const conv_matrix op = describe(desc, &phase, 2, 2);
    if (op.src == SRC_PLAIN && (desc->kind != SHUNT_OP_CONV || ocl_phase_src(desc)->block != SHUNT_PLAIN))
        return "src is neither plain nor in blocks of 16 or 32 channels";
    if (op.src == SRC_PLAIN && (op.d.C > MOST_PLAIN_CHANNELS || op.d.dilation[1] > 1))
        return "a plain src of more than 16 channels, or dilation in it";
    if (op.taps > MOST_TAPS) return "more than 64 taps";
    if (op.taps > 0 && (op.d.pad[0] < 0 || op.d.pad[1] < 0)) return "padding of more than the window";
    const matrix_cut cut = cut_work(device, &op);
    return local_bytes(&op, &cut) > device->found.limits.local / 8 * 7 ? "its rows do not fit local memory" : NULL;
}

static const char *refuse(const ocl_device *device, const shunt_op_desc *desc)
{
    const shunt_tensor_desc *src = ocl_phase_src(desc), *dst = &desc->outputs[0];
    const char *reason = ocl_conv_refuse(desc);
    if (!reason) reason = ocl_conv_refuse_gradient(desc);
    if (!reason && ocl_is_cpu(device)) reason = ocl_conv_refuse_tiles(device);
    if (reason) return reason;
    if (src->dtype != SHUNT_BF16) return "matrix units multiply bfloat16 only";
    if (!is_block(shunt_tensor_block(dst))) return "dst is not in blocks of 16 or 32 channels";
    if (shunt_tensor_storage(dst) > INT32_MAX || shunt_tensor_storage(src) > INT32_MAX)
        return "tensors of 2^31 or more elements";
    for (uint32_t i = 0; i < ocl_conv_phases(desc) && !reason; i++) reason = refuse_phase(device, desc, i);
    return reason;
}

static const char *refuse_units(const ocl_device *device, const shunt_op_desc *desc)
{
    const char *reason = refuse(device, desc);
    return !reason && device->found.matrix == OCL_MATRIX_PLAIN ? "the device has no matrix units that work" : reason;
}

static int rank_units(const ocl_device *device, const shunt_op_desc *desc)
{
    (void)desc;
    return ocl_matrix_rank(device->found.matrix);
}

static int rank_plain(const ocl_device *device, const shunt_op_desc *desc)
{
    (void)desc;
    return ocl_is_cpu(device) ? OCL_TILE_RANK / 2 : -1;
}

/* Fragments of two pixels by two outputs read the least; four by one leave less of a small image over. */
static bool variant(const ocl_device *device, const shunt_op_desc *desc, uint32_t index, char *params)
{
    static const char *const list[] = {"m=2 n=2", "m=1 n=4"};
    (void)device, (void)desc;
    if (index >= sizeof list / sizeof *list) return false;
    snprintf(params, SHUNT_PARAMS_CHARS, "%s", list[index]);
    return true;
}

static shunt_status get_tile(const shunt_bop *bop, cl_int *m, cl_int *n)
{
    return sscanf(bop->info.params, "m=%d n=%d", m, n) == 2
               ? SHUNT_OK
               : ocl_fail(SHUNT_E_INVALID, "parameters \"%s\"", bop->info.params);
}

static shunt_status make_conv(shunt_bop *bop, const conv_matrix *op, const conv_phase *phase, ocl_step *step,
                              const char *options)
{
    const size_t local[] = {1, 1};
    const matrix_cut cut = cut_work(bop->device, op);
    const uint64_t items[] = {(uint64_t)count_parts(op, &cut), (uint64_t)ceil_div(panels(op), cut.panels)};
    const ocl_constant constants[] = {{sizeof op->d, &op->d},
                                      {sizeof cut, &cut},
                                      {sizeof phase->place, &phase->place},
                                      {local_bytes(op, &cut), NULL}};
    shunt_status status =
        ocl_step_create(bop->device, step, &ocl_conv_matrix_cl, options, "conv_matrix", 2, items, local);
    return status ? status : ocl_step_constants(step, 12, 4, constants);
}

static shunt_status make_pack(shunt_bop *bop, const conv_matrix *op, const conv_phase *phase, ocl_step *step,
                              const char *options)
{
    const conv_dims *d = &op->d;
    const size_t local[] = {1, 1};
    const uint64_t items[] = {(uint64_t)(panels(op) * op->n), (uint64_t)steps(op)};
    const ocl_constant constants[] = {{sizeof d->K, &d->K},
                                      {sizeof d->C, &d->C},
                                      {sizeof d->R, &d->R},
                                      {sizeof d->S, &d->S},
                                      {sizeof op->columns, &op->columns},
                                      {sizeof phase->weights, &phase->weights}};
    shunt_status status =
        ocl_step_create(bop->device, step, &ocl_conv_matrix_cl, options, "conv_matrix_pack", 2, items, local);
    return status ? status : ocl_step_constants(step, 4, 6, constants);
}

static shunt_status make_phase(shunt_bop *bop, const conv_phase *phase, phase_steps *steps, ocl_matrix family)
{
    char options[OCL_OPTIONS_CHARS] = "";
    cl_int m, n;
    shunt_status status = get_tile(bop, &m, &n);
    if (status) return status;
    const conv_matrix op = describe(&bop->desc, phase, m, n);
    ocl_add_option(options, "-DB=16 -DV=16 -DMT=%d -DNT=%d -DSRC=%d -DSB=%d -DDB=%d -DCP=%d -DPAIRS=%d%s", m, n,
                   (int)op.src, op.src == SRC_PLAIN ? OCL_LINE : op.src_block, op.dst_block, op.channels, op.pairs,
                   ocl_matrix_option(family));
    status = make_conv(bop, &op, phase, steps->conv, options);
    return status || !steps->pack ? status : make_pack(bop, &op, phase, steps->pack, options);
}

static shunt_status make_units(shunt_bop *bop, const conv_phase *phase, phase_steps *steps)
{
    return make_phase(bop, phase, steps, bop->device->found.matrix);
}

static shunt_status make_plain(shunt_bop *bop, const conv_phase *phase, phase_steps *steps)
{
    return make_phase(bop, phase, steps, OCL_MATRIX_PLAIN);
}

/* Notes the packed weights of the largest phase. */
static shunt_status note_packed(shunt_bop *bop)
{
    char format[SHUNT_PARAMS_CHARS];
    cl_int m, n, most = 0;
    shunt_status status = get_tile(bop, &m, &n);
    for (uint32_t i = 0; i < ocl_conv_phases(&bop->desc) && !status; i++) {
        const conv_phase phase = ocl_conv_phase(&bop->desc, i);
        const conv_matrix op = describe(&bop->desc, &phase, m, n);
        if (steps(&op) > most) most = steps(&op);
        if (op.src == SRC_PLAIN)
            snprintf(format, sizeof format, "matrix n=%d plain c=%d", n, op.channels);
        else
            snprintf(format, sizeof format, "matrix n=%d", n);
    }
    const cl_int K = bop->desc.outputs[0].dims[1] > 0 ? (cl_int)bop->desc.outputs[0].dims[1] : 1;
    if (!status)
        ocl_conv_packed(bop, format,
                        2 * (uint64_t)OCL_FRAGMENT * (uint64_t)(ceil_div(K, 16 * n) * n) * (uint64_t)(most ? most : 1));
    return status;
}

static shunt_status prepare(shunt_bop *bop, phase_make make)
{
    phase_steps *list = calloc(ocl_conv_phases(&bop->desc), sizeof *list);
    if (!list) return ocl_fail_memory();
    bop->own = list;
    ocl_conv_inplace(bop);
    shunt_status status = note_packed(bop);
    return status ? status : ocl_phases_make(bop, list, make);
}

static shunt_status prepare_units(shunt_bop *bop)
{
    return prepare(bop, make_units);
}

static shunt_status prepare_plain(shunt_bop *bop)
{
    return prepare(bop, make_plain);
}

/* Of bias and mask, that which the kind does not have is src. */
static shunt_status launch(shunt_bop *bop, shunt_bqueue *queue, const shunt_arg *inputs, const shunt_arg *outputs,
                           shunt_arg workspace)
{
    const bool gradient = bop->desc.kind == SHUNT_OP_CONV_GRAD_SRC;
    shunt_arg given[5];
    ocl_conv_tensors(bop, inputs, outputs, workspace, given);
    const shunt_arg tensors[] = {given[0], given[1], gradient ? given[0] : given[2], gradient ? given[2] : given[0],
                                 given[3], given[4]};
    return ocl_phases_launch(bop, bop->own, queue, inputs, workspace, 6, tensors);
}

static void destroy(shunt_bop *bop)
{
    if (bop->own) ocl_phases_destroy(bop, bop->own);
}

const ocl_algorithm ocl_conv_matrix = {.kind = SHUNT_OP_CONV,
                                       .name = "matrix",
                                       .rank = rank_units,
                                       .refuse = refuse_units,
                                       .variant = variant,
                                       .prepare = prepare_units,
                                       .launch = launch,
                                       .destroy = destroy};

const ocl_algorithm ocl_conv_matrix_plain = {.kind = SHUNT_OP_CONV,
                                             .name = "matrix_plain",
                                             .rank = rank_plain,
                                             .refuse = refuse,
                                             .variant = variant,
                                             .prepare = prepare_plain,
                                             .launch = launch,
                                             .destroy = destroy};

const ocl_algorithm ocl_conv_grad_src_matrix = {.kind = SHUNT_OP_CONV_GRAD_SRC,
                                                .name = "matrix",
                                                .rank = rank_units,
                                                .refuse = refuse_units,
                                                .variant = variant,
                                                .prepare = prepare_units,
                                                .launch = launch,
                                                .destroy = destroy};

const ocl_algorithm ocl_conv_grad_src_matrix_plain = {.kind = SHUNT_OP_CONV_GRAD_SRC,
                                                      .name = "matrix_plain",
                                                      .rank = rank_plain,
                                                      .refuse = refuse,
                                                      .variant = variant,
                                                      .prepare = prepare_plain,
                                                      .launch = launch,
                                                      .destroy = destroy};
