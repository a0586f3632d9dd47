/* ops_golden.c - small ops of every kind on one device (SHUNT_TEST_DEVICE) against results of PyTorch and numpy, which
 * tests/golden/ops.py and training.py computed in float64. A device is asked in the layout that it wants; what it refuses is counted. */
#include "runtime/graph/graph.h"
#include "runtime/verify/draw.h"
#include "runtime/verify/layout.h"
#include "runtime/verify/run.h"
#include "tests/support/op_runner.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct golden {
    const char *name;
    const json_t *attr, *values[SHUNT_MAX_OUTPUTS];
    shunt_op_desc op; /* plain, but for a reorder, which has its blocks */
    double *inputs[SHUNT_MAX_INPUTS], *got[SHUNT_MAX_OUTPUTS];
} golden;

static int64_t integer(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

static void pair(const json_t *attr, const char *key, int32_t *out)
{
    for (size_t i = 0; i < 2; i++) out[i] = (int32_t)json_integer_value(json_array_get(json_object_get(attr, key), i));
}

static uint32_t kind_of(const char *name)
{
    for (uint32_t kind = 1; kind < SHUNT_OP_KINDS; kind++)
        if (!strcmp(op_kind_name(kind), name)) return kind;
    cr_assert_fail("no op has kind %s", name);
    return 0;
}

static uint32_t flags_of(const json_t *names)
{
    uint32_t flags = 0;
    for (size_t i = 0; i < json_array_size(names); i++) {
        const char *name = json_string_value(json_array_get(names, i));
        flags |= !strcmp(name, "bias")        ? SHUNT_FLAG_BIAS
                 : !strcmp(name, "residual")  ? SHUNT_FLAG_RESIDUAL
                 : !strcmp(name, "nesterov")  ? SHUNT_FLAG_NESTEROV
                 : !strcmp(name, "broadcast") ? SHUNT_FLAG_BROADCAST
                                              : SHUNT_FLAG_RELU;
    }
    return flags;
}

static shunt_tensor_desc tensor_of(const json_t *dims)
{
    shunt_tensor_desc made = {.dtype = SHUNT_F32, .rank = (uint8_t)json_array_size(dims), .block = SHUNT_PLAIN};
    for (size_t i = 0; i < made.rank; i++) made.dims[i] = json_integer_value(json_array_get(dims, i));
    return made;
}

static float real(const json_t *attr, const char *key)
{
    return (float)json_number_value(json_object_get(attr, key));
}

static void read_resize(const json_t *attr, shunt_resize_attr *out)
{
    const json_t *factor = json_object_get(attr, "factor");
    out->filter = (int32_t)integer(attr, "filter");
    out->coordinates = (int32_t)integer(attr, "coordinates");
    out->rounding = (int32_t)integer(attr, "rounding");
    pair(attr, "size", out->size);
    for (size_t i = 0; i < 2; i++) out->factor[i] = (float)json_number_value(json_array_get(factor, i));
}

static void read_roi_align(const json_t *attr, shunt_roi_align_attr *out)
{
    const json_t *area = json_object_get(attr, "area");
    pair(attr, "size", out->size);
    out->sampling = (int32_t)integer(attr, "sampling");
    out->aligned = (int32_t)integer(attr, "aligned");
    out->mode = (int32_t)integer(attr, "mode");
    out->scale = real(attr, "scale");
    for (size_t i = 0; i < 2; i++) out->area[i] = (float)json_number_value(json_array_get(area, i));
}

static void read_attr(const json_t *attr, shunt_op_desc *op)
{
    shunt_conv_attr *conv = &op->attr.conv;
    shunt_pool_attr *pool = &op->attr.pool;
    switch (op->kind) {
    case SHUNT_OP_CONV:
    case SHUNT_OP_CONV_GRAD_SRC:
    case SHUNT_OP_CONV_GRAD_WEIGHTS:
        pair(attr, "stride", conv->stride), pair(attr, "dilation", conv->dilation);
        pair(attr, "pad_before", conv->pad_before), pair(attr, "pad_after", conv->pad_after);
        conv->groups = (int32_t)integer(attr, "groups");
        break;
    case SHUNT_OP_MAX_POOL:
    case SHUNT_OP_AVG_POOL:
    case SHUNT_OP_MAX_POOL_GRAD:
        pair(attr, "window", pool->window), pair(attr, "stride", pool->stride);
        pair(attr, "pad_before", pool->pad_before), pair(attr, "pad_after", pool->pad_after);
        pool->count_padding = (int32_t)integer(attr, "count_padding");
        break;
    case SHUNT_OP_BATCH_NORM:
    case SHUNT_OP_BATCH_NORM_GRAD:
        op->attr.batch_norm.epsilon = real(attr, "epsilon");
        break;
    case SHUNT_OP_CROSS_ENTROPY:
        op->attr.cross_entropy.smoothing = real(attr, "smoothing");
        break;
    case SHUNT_OP_FOCAL_LOSS:
        op->attr.focal_loss = (shunt_focal_loss_attr){real(attr, "alpha"), real(attr, "gamma")};
        break;
    case SHUNT_OP_SMOOTH_L1:
        op->attr.smooth_l1.beta = real(attr, "beta");
        break;
    case SHUNT_OP_SGD:
        op->attr.sgd = (shunt_sgd_attr){.momentum = real(attr, "momentum"), .weight_decay = real(attr, "weight_decay")};
        break;
    case SHUNT_OP_LRN:
        op->attr.lrn = (shunt_lrn_attr){(int32_t)integer(attr, "size"), real(attr, "alpha"), real(attr, "beta"),
                                        real(attr, "bias")};
        break;
    case SHUNT_OP_SHORTCUT:
        op->attr.shortcut.stride = (int32_t)integer(attr, "stride");
        op->attr.shortcut.lead = (int32_t)integer(attr, "lead");
        break;
    case SHUNT_OP_RESIZE:
    case SHUNT_OP_RESIZE_GRAD:
        read_resize(attr, &op->attr.resize);
        break;
    case SHUNT_OP_ROI_ALIGN:
        read_roi_align(attr, &op->attr.roi_align);
        break;
    case SHUNT_OP_GATHER:
    case SHUNT_OP_SCATTER:
        op->attr.rows = (shunt_rows_attr){(int32_t)integer(attr, "first"), (int32_t)integer(attr, "count")};
        break;
    case SHUNT_OP_REDUCE_SUM:
        op->attr.reduce.axes = (uint32_t)integer(attr, "axes");
        break;
    default:
        break;
    }
}

static double *doubles(const shunt_tensor_desc *tensor)
{
    double *made = calloc(shunt_tensor_storage(tensor), sizeof *made);
    cr_assert_not_null(made);
    return made;
}

/* A case with one output has its dims and values itself. */
static void read_outputs(const json_t *text, golden *g)
{
    const json_t *outputs = json_object_get(text, "outputs");
    g->op.noutputs = outputs ? (uint32_t)json_array_size(outputs) : 1;
    for (uint32_t i = 0; i < g->op.noutputs; i++) {
        const json_t *output = outputs ? json_array_get(outputs, i) : text;
        g->op.outputs[i] = tensor_of(json_object_get(output, "dims"));
        g->values[i] = json_object_get(output, "values");
    }
}

static void begin(const json_t *text, golden *g)
{
    *g = (golden){.name = json_string_value(json_object_get(text, "name")), .attr = json_object_get(text, "attr")};
    shunt_op_desc *op = &g->op;
    const json_t *inputs = json_object_get(text, "inputs");
    op->kind = kind_of(json_string_value(json_object_get(text, "kind")));
    op->flags = flags_of(json_object_get(text, "flags"));
    op->ninputs = (uint32_t)json_array_size(inputs);
    for (uint32_t i = 0; i < op->ninputs; i++) op->inputs[i] = tensor_of(json_array_get(inputs, i));
    read_attr(g->attr, op);
    for (uint32_t i = 0; i < op->ninputs; i++) draw_input(op, g->name, i, g->inputs[i] = doubles(&op->inputs[i]));
    read_outputs(text, g);
    if (op->kind == SHUNT_OP_REORDER) {
        const json_t *blocks = json_object_get(g->attr, "blocks");
        op->outputs[0] = op->inputs[0];
        op->inputs[0].block = (uint16_t)json_integer_value(json_array_get(blocks, 0));
        op->outputs[0].block = (uint16_t)json_integer_value(json_array_get(blocks, 1));
    } else if (op->kind == SHUNT_OP_CONV || op->kind == SHUNT_OP_LINEAR) {
        op->constant_inputs = op->flags & SHUNT_FLAG_BIAS ? 6 : 2;
    }
    for (uint32_t i = 0; i < op->noutputs; i++) g->got[i] = doubles(&op->outputs[i]);
}

static void end(golden *g)
{
    for (uint32_t i = 0; i < g->op.ninputs; i++) free(g->inputs[i]);
    for (uint32_t i = 0; i < g->op.noutputs; i++) free(g->got[i]);
}

/* A reorder's values are dst's memory, so that nothing of the test's own layout code stands between. */
static shunt_status run_reorder(shunt_device *device, const shunt_op_desc *op, const op_variant *variant, golden *g)
{
    float *src = malloc(shunt_tensor_bytes(&op->inputs[0])), *dst = malloc(shunt_tensor_bytes(&op->outputs[0]));
    cr_assert(src && dst);
    layout_store(&op->inputs[0], g->inputs[0], src);
    const void *inputs[] = {src};
    shunt_status status = op_run_stored(device, op, variant, inputs, (void *[]){dst}, NULL);
    for (uint64_t i = 0; i < shunt_tensor_storage(&op->outputs[0]); i++) g->got[0][i] = dst[i];
    free(src);
    free(dst);
    return status;
}

static void compare(const golden *g, const char *algorithm, double tolerance)
{
    for (uint32_t o = 0; o < g->op.noutputs; o++) {
        for (size_t i = 0; i < json_array_size(g->values[o]); i++) {
            double expected = json_number_value(json_array_get(g->values[o], i)), got = g->got[o][i];
            cr_assert(fabs(got - expected) <= tolerance * (1 + fabs(expected)),
                      "%s by %s: output %u, element %zu is %.9g, not %.9g", g->name, algorithm, o, i, got, expected);
        }
    }
}

static shunt_status run_op(shunt_device *device, const shunt_op_desc *op, const op_variant *variant, golden *g)
{
    return op_run(device, op, variant, (const double *const *)g->inputs, g->got, NULL);
}

/* One step for each of the rates; the first starts at the drawn weights, without velocity. */
static shunt_status run_steps(shunt_device *device, const shunt_op_desc *op, const op_variant *variant, golden *g)
{
    const json_t *rates = json_object_get(g->attr, "rates");
    shunt_status status = SHUNT_OK;
    char name[64];
    uint64_t bytes = shunt_tensor_count(&op->inputs[0]) * sizeof(double);
    draw_input(op, g->name, 0, g->got[0]);
    memset(g->got[1], 0, bytes);
    for (size_t step = 0; step < json_array_size(rates) && status == SHUNT_OK; step++) {
        snprintf(name, sizeof name, "%s.%zu", g->name, step);
        draw_input(op, name, 2, g->inputs[2]);
        memcpy(g->inputs[0], g->got[0], bytes);
        memcpy(g->inputs[1], g->got[1], bytes);
        g->inputs[3][0] = json_number_value(json_array_get(rates, step));
        status = run_op(device, op, variant, g);
    }
    return status;
}

/* By every candidate. Returns how many there are. */
static uint32_t run_all(shunt_device *device, const shunt_op_desc *op, golden *g)
{
    bool wide = op->outputs[0].dtype == SHUNT_F64;
    shunt_op_candidates found = {.size = sizeof found};
    shunt_status status = device->ops->op_query(device->handle, op, &found);
    if (status == SHUNT_E_UNSUPPORTED) return 0;
    cr_assert_eq(status, SHUNT_OK, "%s: %s", g->name, device->backend->last_error());
    uint32_t runs = 0;
    for (uint32_t i = 0; i < found.count && !found.list[i].reason[0]; i++, runs++) {
        op_variant variant = {found.list[i].algorithm, found.list[i].params, OP_NOT_IN_PLACE};
        status = op->kind == SHUNT_OP_REORDER ? run_reorder(device, op, &variant, g)
                 : op->kind == SHUNT_OP_SGD   ? run_steps(device, op, &variant, g)
                                              : run_op(device, op, &variant, g);
        cr_assert_eq(status, SHUNT_OK, "%s by %s: %s", g->name, variant.algorithm, shunt_last_error());
        bool transforms =
            !strncmp(variant.algorithm, "winograd", 8); /* which enlarge rounding errors: F(4x4) about tenfold */
        compare(g, variant.algorithm, wide ? 1e-8 : transforms ? 5e-5 : 1e-5); /* 1e-8: nine digits are stored */
    }
    return runs;
}

static void run_file(const char *path)
{
    shunt_device *device = op_runner_open();
    json_error_t error;
    json_t *cases = json_load_file(path, 0, &error);
    cr_assert_not_null(cases, "%s: %s", path, error.text);
    uint16_t block = (uint16_t)device->entry.info.block;
    bool scalar = !strcmp(device->backend->name, "scalar");
    uint32_t runs = 0, refused = 0;
    for (size_t i = 0; i < json_array_size(cases); i++) {
        golden g;
        begin(json_array_get(cases, i), &g);
        bool reorder = g.op.kind == SHUNT_OP_REORDER;
        shunt_op_desc op = reorder ? g.op : layout_op(&g.op, SHUNT_F32, block, block);
        uint32_t here = run_all(device, &op, &g);
        op = layout_op(&g.op, SHUNT_F64, block, block);
        uint32_t wide = reorder ? 0 : run_all(device, &op, &g);
        cr_assert(!scalar || (here && (wide || reorder)), "scalar refuses %s", g.name);
        runs += here + wide;
        refused += here == 0;
        end(&g);
    }
    fprintf(stderr, "%s: %u runs, %u of %zu cases refused\n", device->entry.selector, runs, refused,
            json_array_size(cases));
    cr_assert_gt(runs, 0);
    json_decref(cases);
    shunt_device_close(device);
}

Test(ops_golden, inference)
{
    run_file(TEST_GOLDEN "/ops.json");
}

Test(ops_golden, training)
{
    run_file(TEST_GOLDEN "/training.json");
}
