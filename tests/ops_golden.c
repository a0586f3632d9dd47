/* ops_golden.c - small ops of every kind on one device (SHUNT_TEST_DEVICE) against results of PyTorch and numpy, which
 * tests/golden/ops.py computed in float64. A device is asked in the layout that it wants; what it refuses is counted. */
#include "tests/support/layout.h"
#include "tests/support/op_draw.h"
#include "tests/support/op_runner.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct golden {
    const char *name;
    json_t *values;
    shunt_op_desc op; /* plain, but for a reorder, which has its blocks */
    double *inputs[SHUNT_MAX_INPUTS], *got;
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
    cr_assert_fail("ops.json has an unknown kind %s", name);
    return 0;
}

static uint32_t flags_of(const json_t *names)
{
    uint32_t flags = 0;
    for (size_t i = 0; i < json_array_size(names); i++) {
        const char *name = json_string_value(json_array_get(names, i));
        flags |= !strcmp(name, "bias")       ? SHUNT_FLAG_BIAS
                 : !strcmp(name, "residual") ? SHUNT_FLAG_RESIDUAL
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

static void read_attr(const json_t *attr, shunt_op_desc *op)
{
    shunt_conv_attr *conv = &op->attr.conv;
    shunt_pool_attr *pool = &op->attr.pool;
    switch (op->kind) {
    case SHUNT_OP_CONV:
        pair(attr, "stride", conv->stride), pair(attr, "dilation", conv->dilation);
        pair(attr, "pad_before", conv->pad_before), pair(attr, "pad_after", conv->pad_after);
        conv->groups = (int32_t)integer(attr, "groups");
        break;
    case SHUNT_OP_MAX_POOL:
    case SHUNT_OP_AVG_POOL:
        pair(attr, "window", pool->window), pair(attr, "stride", pool->stride);
        pair(attr, "pad_before", pool->pad_before), pair(attr, "pad_after", pool->pad_after);
        pool->count_padding = (int32_t)integer(attr, "count_padding");
        break;
    case SHUNT_OP_BATCH_NORM:
        op->attr.batch_norm.epsilon = (float)json_number_value(json_object_get(attr, "epsilon"));
        break;
    case SHUNT_OP_SHORTCUT:
        op->attr.shortcut.stride = (int32_t)integer(attr, "stride");
        op->attr.shortcut.lead = (int32_t)integer(attr, "lead");
        break;
    default:
        break;
    }
}

static void begin(const json_t *text, golden *g)
{
    *g = (golden){.name = json_string_value(json_object_get(text, "name")), .values = json_object_get(text, "values")};
    shunt_op_desc *op = &g->op;
    json_t *inputs = json_object_get(text, "inputs"), *attr = json_object_get(text, "attr");
    op->kind = kind_of(json_string_value(json_object_get(text, "kind")));
    op->flags = flags_of(json_object_get(text, "flags"));
    op->ninputs = (uint32_t)json_array_size(inputs);
    op->noutputs = 1;
    for (uint32_t i = 0; i < op->ninputs; i++) {
        op->inputs[i] = tensor_of(json_array_get(inputs, i));
        g->inputs[i] = malloc(shunt_tensor_count(&op->inputs[i]) * sizeof(double));
        cr_assert_not_null(g->inputs[i]);
        draw_input(op, g->name, i, g->inputs[i]);
    }
    read_attr(attr, op);
    op->outputs[0] = tensor_of(json_object_get(text, "dims"));
    if (op->kind == SHUNT_OP_REORDER) {
        json_t *blocks = json_object_get(attr, "blocks");
        op->outputs[0] = op->inputs[0];
        op->inputs[0].block = (uint16_t)json_integer_value(json_array_get(blocks, 0));
        op->outputs[0].block = (uint16_t)json_integer_value(json_array_get(blocks, 1));
    } else if (op->kind == SHUNT_OP_CONV || op->kind == SHUNT_OP_LINEAR) {
        op->constant_inputs = op->flags & SHUNT_FLAG_BIAS ? 6 : 2;
    }
    g->got = malloc(json_array_size(g->values) * sizeof *g->got);
    cr_assert_not_null(g->got);
}

static void end(golden *g)
{
    for (uint32_t i = 0; i < g->op.ninputs; i++) free(g->inputs[i]);
    free(g->got);
}

/* A reorder's values are dst's memory, so that nothing of the test's own layout code stands between. */
static const char *run_reorder(shunt_device *device, const shunt_op_desc *op, const op_variant *variant, golden *g)
{
    float *src = malloc(shunt_tensor_bytes(&op->inputs[0])), *dst = malloc(shunt_tensor_bytes(&op->outputs[0]));
    cr_assert(src && dst);
    layout_store(&op->inputs[0], g->inputs[0], src);
    const void *inputs[] = {src};
    const char *problem = op_run_stored(device, op, variant, inputs, (void *[]){dst}, NULL);
    for (uint64_t i = 0; i < shunt_tensor_storage(&op->outputs[0]); i++) g->got[i] = dst[i];
    free(src);
    free(dst);
    return problem;
}

static void compare(const golden *g, const char *algorithm, double tolerance)
{
    for (size_t i = 0; i < json_array_size(g->values); i++) {
        double expected = json_number_value(json_array_get(g->values, i));
        cr_assert(fabs(g->got[i] - expected) <= tolerance * (1 + fabs(expected)),
                  "%s by %s: element %zu is %.9g, not %.9g", g->name, algorithm, i, g->got[i], expected);
    }
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
        const char *problem = op->kind == SHUNT_OP_REORDER
                                  ? run_reorder(device, op, &variant, g)
                                  : op_run(device, op, &variant, (const double *const *)g->inputs, &g->got, NULL);
        cr_assert_null(problem, "%s by %s: %s", g->name, variant.algorithm, problem);
        compare(g, variant.algorithm, wide ? 1e-8 : 1e-5); /* 1e-8: nine digits are stored */
    }
    return runs;
}

Test(ops_golden, all)
{
    shunt_device *device = op_runner_open();
    json_error_t error;
    json_t *cases = json_load_file(TEST_GOLDEN "/ops.json", 0, &error);
    cr_assert_not_null(cases, "ops.json: %s", error.text);
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
