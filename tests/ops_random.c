/* ops_random.c - drawn ops of every kind on one device against the formulas of backend.h: each candidate algorithm, each
 * channel block that the device takes, in place where the op allows it, with NaN and infinity among the inputs.
 * SHUNT_TEST_DEVICE: selector (scalar); SHUNT_TEST_CASES: how many a kind (200); SHUNT_TEST_SEED (1);
 * SHUNT_TEST_CASE: only this one. */
#include "tests/support/layout.h"
#include "tests/support/op_draw.h"
#include "tests/support/op_runner.h"
#include "tests/support/reference.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NONFINITE_EVERY = 8, F64_EVERY = 4 };

/* One drawn op with its inputs and the truth, and what has been counted. */
typedef struct trial {
    shunt_device *device;
    const char *kind;
    uint64_t seed, index;
    shunt_op_desc plain;
    double *inputs[SHUNT_MAX_INPUTS], *expected[SHUNT_MAX_OUTPUTS], *scale[SHUNT_MAX_OUTPUTS], *got[SHUNT_MAX_OUTPUTS];
    uint32_t runs, refusals;
    char reason[SHUNT_REASON_CHARS];
} trial;

static uint64_t number(const char *variable, uint64_t otherwise)
{
    const char *text = getenv(variable);
    return text ? strtoull(text, NULL, 10) : otherwise;
}

static double *doubles(const shunt_tensor_desc *tensor)
{
    double *made = malloc(shunt_tensor_count(tensor) * sizeof *made);
    cr_assert_not_null(made);
    return made;
}

/* The input that is spoiled: src, or what a gradient is linear in. Not where a zero of padding would meet it. */
static uint32_t spoiled(uint32_t kind)
{
    switch (kind) {
    case SHUNT_OP_BATCH_NORM_GRAD:
        return 5;
    case SHUNT_OP_RELU_GRAD:
    case SHUNT_OP_CONV_GRAD_SRC:
    case SHUNT_OP_LINEAR_GRAD_SRC:
    case SHUNT_OP_MAX_POOL_GRAD:
    case SHUNT_OP_MOVING_AVERAGE:
        return 1;
    case SHUNT_OP_SGD:
        return 2;
    default:
        return 0;
    }
}

/* Three of its values become NaN, infinity and its negative, or only one of them. */
static void spoil(trial *t)
{
    const double bad[] = {NAN, INFINITY, -INFINITY};
    uint32_t input = spoiled(t->plain.kind);
    uint64_t count = shunt_tensor_count(&t->plain.inputs[input]), which = t->index / NONFINITE_EVERY % 4;
    for (uint64_t i = 0; i < 3; i++)
        if (which == i || which == 3) t->inputs[input][(t->index * 31 + i * 7919) % count] = bad[i];
}

static void begin(trial *t, uint32_t kind)
{
    char name[64];
    draw_op(kind, t->seed, t->index, &t->plain);
    snprintf(name, sizeof name, "%s/%llu", t->kind, (unsigned long long)t->index);
    for (uint32_t i = 0; i < t->plain.ninputs; i++) {
        t->inputs[i] = doubles(&t->plain.inputs[i]);
        draw_input(&t->plain, name, i, t->inputs[i]);
    }
    if (t->index % NONFINITE_EVERY == NONFINITE_EVERY - 1) spoil(t);
    for (uint32_t i = 0; i < t->plain.noutputs; i++) {
        t->expected[i] = doubles(&t->plain.outputs[i]);
        t->scale[i] = doubles(&t->plain.outputs[i]);
        t->got[i] = doubles(&t->plain.outputs[i]);
    }
    reference_op(&t->plain, (const double *const *)t->inputs, t->expected, t->scale);
}

static void end(trial *t)
{
    for (uint32_t i = 0; i < t->plain.ninputs; i++) free(t->inputs[i]);
    for (uint32_t i = 0; i < t->plain.noutputs; i++) {
        free(t->expected[i]);
        free(t->scale[i]);
        free(t->got[i]);
    }
}

/* Fails the test with what is wrong and the command that shows it again. */
static void wrong(const trial *t, const shunt_op_desc *op, const op_variant *variant, const char *what)
{
    cr_assert_fail("%s %llu, blocks %u and %u, dtype %u, algorithm %s \"%s\", in place %d: %s\n"
                   "again: SHUNT_TEST_DEVICE=%s SHUNT_TEST_SEED=%llu SHUNT_TEST_CASE=%llu test-ops_random "
                   "--filter=ops_random/%s",
                   t->kind, (unsigned long long)t->index, op->inputs[0].block, op->outputs[0].block,
                   op->outputs[0].dtype, variant->algorithm, variant->params, variant->inplace, what,
                   t->device->entry.selector, (unsigned long long)t->seed, (unsigned long long)t->index, t->kind);
}

/* Whether a NaN or infinity may take others along, so that it only must not be lost: within a tile of Winograd's, or where
 * the formula can be written so or so. */
static bool spreads(const trial *t, const op_variant *variant)
{
    return !strncmp(variant->algorithm, "winograd", 8) || t->plain.kind == SHUNT_OP_BATCH_NORM_GRAD ||
           t->plain.kind == SHUNT_OP_CROSS_ENTROPY;
}

static bool close_enough(const trial *t, uint32_t output, uint64_t i, double tolerance, bool may_spread)
{
    double expected = t->expected[output][i], got = t->got[output][i];
    if (got == expected || (isnan(got) && isnan(expected))) return true;
    if (may_spread && t->index % NONFINITE_EVERY == NONFINITE_EVERY - 1 && !isfinite(got)) return true;
    return isfinite(expected) && fabs(got - expected) <= tolerance * t->scale[output][i] + 1e-37;
}

static void run_variant(trial *t, const shunt_op_desc *op, const op_variant *variant, shunt_op_info *info)
{
    const char *problem = op_run(t->device, op, variant, (const double *const *)t->inputs, t->got, info);
    if (problem) wrong(t, op, variant, problem);
    double tolerance = reference_tolerance(op, variant->algorithm);
    for (uint32_t o = 0; o < op->noutputs; o++) {
        for (uint64_t i = 0; i < shunt_tensor_count(&op->outputs[o]); i++) {
            if (close_enough(t, o, i, tolerance, spreads(t, variant))) continue;
            char text[160];
            snprintf(text, sizeof text, "output %u, element %llu is %.9g, not %.9g within %.3g", o,
                     (unsigned long long)i, t->got[o][i], t->expected[o][i], tolerance * t->scale[o][i]);
            wrong(t, op, variant, text);
        }
    }
    t->runs++;
}

/* Each candidate, then each input whose memory the first output may take. */
static void run_layout(trial *t, uint8_t dtype, uint16_t src_block, uint16_t dst_block)
{
    shunt_op_desc op = layout_op(&t->plain, dtype, src_block, dst_block);
    shunt_op_candidates found = {.size = sizeof found};
    shunt_status status = t->device->ops->op_query(t->device->handle, &op, &found);
    if (status == SHUNT_E_UNSUPPORTED) {
        t->refusals++;
        memcpy(t->reason, found.list[0].reason, sizeof t->reason);
        cr_assert_neq(t->reason[0], 0, "refused without a reason");
        bool wanted = src_block == t->device->entry.info.block && dst_block == src_block;
        cr_assert(strcmp(t->device->backend->name, "scalar") || !(wanted || op.kind == SHUNT_OP_REORDER),
                  "scalar refuses %s %llu: %s", t->kind, (unsigned long long)t->index, t->reason);
        return;
    }
    cr_assert_eq(status, SHUNT_OK, "op_query: %s", t->device->backend->last_error());
    for (uint32_t i = 0; i < found.count && !found.list[i].reason[0]; i++) {
        shunt_op_info info = {.size = sizeof info};
        op_variant variant = {found.list[i].algorithm, found.list[i].params, OP_NOT_IN_PLACE};
        run_variant(t, &op, &variant, &info);
        for (uint32_t input = 0; input < op.ninputs; input++) {
            variant.inplace = (int)input;
            if (info.inplace_inputs >> input & 1) run_variant(t, &op, &variant, NULL);
        }
    }
}

static bool layout_matters(const shunt_op_desc *plain)
{
    shunt_op_desc blocked = layout_op(plain, SHUNT_F32, 8, 8), same = layout_op(plain, SHUNT_F32, 16, 16);
    return memcmp(&blocked, &same, sizeof same) != 0;
}

static void run_layouts(trial *t)
{
    uint16_t blocks[] = {t->device->entry.info.block, SHUNT_PLAIN, 8, 16, SHUNT_CHANNELS_LAST};
    enum { COUNT = sizeof blocks / sizeof *blocks };
    uint8_t dtype = t->index % F64_EVERY == 0 ? SHUNT_F64 : SHUNT_F32;
    for (uint32_t i = 0; i < COUNT; i++) {
        if (i > 0 && blocks[i] == blocks[0]) continue;
        if (i > 0 && !layout_matters(&t->plain)) break;
        uint16_t dst_block = t->plain.kind == SHUNT_OP_REORDER ? blocks[(i + t->index) % COUNT] : blocks[i];
        run_layout(t, SHUNT_F32, blocks[i], dst_block);
        if (dtype == SHUNT_F64) run_layout(t, dtype, blocks[i], dst_block);
    }
    /* As in a network's first layer. */
    bool first_layer = t->plain.kind == SHUNT_OP_CONV || t->plain.kind == SHUNT_OP_CONV_GRAD_WEIGHTS;
    if (first_layer && blocks[0] != SHUNT_PLAIN) run_layout(t, SHUNT_F32, SHUNT_PLAIN, blocks[0]);
}

static void run_kind(uint32_t kind)
{
    trial t = {.device = op_runner_open(), .kind = op_kind_name(kind), .seed = number("SHUNT_TEST_SEED", 1)};
    uint64_t only = number("SHUNT_TEST_CASE", UINT64_MAX), count = number("SHUNT_TEST_CASES", 200);
    for (t.index = only == UINT64_MAX ? 0 : only; t.index < count || t.index == only; t.index++) {
        begin(&t, kind);
        run_layouts(&t);
        end(&t);
        if (t.index == only) break;
    }
    fprintf(stderr, "%s on %s: %u runs, %u refusals%s%s\n", t.kind, t.device->entry.selector, t.runs, t.refusals,
            t.refusals ? ", the last: " : "", t.reason);
    cr_assert_gt(t.runs + t.refusals, 0);
    shunt_device_close(t.device);
}

Test(ops_random, conv)
{
    run_kind(SHUNT_OP_CONV);
}
Test(ops_random, linear)
{
    run_kind(SHUNT_OP_LINEAR);
}
Test(ops_random, batch_norm)
{
    run_kind(SHUNT_OP_BATCH_NORM);
}
Test(ops_random, relu)
{
    run_kind(SHUNT_OP_RELU);
}
Test(ops_random, add)
{
    run_kind(SHUNT_OP_ADD);
}
Test(ops_random, max_pool)
{
    run_kind(SHUNT_OP_MAX_POOL);
}
Test(ops_random, avg_pool)
{
    run_kind(SHUNT_OP_AVG_POOL);
}
Test(ops_random, global_pool)
{
    run_kind(SHUNT_OP_GLOBAL_POOL);
}
Test(ops_random, softmax)
{
    run_kind(SHUNT_OP_SOFTMAX);
}
Test(ops_random, shortcut)
{
    run_kind(SHUNT_OP_SHORTCUT);
}
Test(ops_random, reorder)
{
    run_kind(SHUNT_OP_REORDER);
}
Test(ops_random, transpose)
{
    run_kind(SHUNT_OP_TRANSPOSE);
}
Test(ops_random, reshape)
{
    run_kind(SHUNT_OP_RESHAPE);
}
Test(ops_random, concat)
{
    run_kind(SHUNT_OP_CONCAT);
}
Test(ops_random, pad)
{
    run_kind(SHUNT_OP_PAD);
}
Test(ops_random, clip)
{
    run_kind(SHUNT_OP_CLIP);
}
Test(ops_random, log_softmax)
{
    run_kind(SHUNT_OP_LOG_SOFTMAX);
}
Test(ops_random, matmul)
{
    run_kind(SHUNT_OP_MATMUL);
}
Test(ops_random, batch_statistics)
{
    run_kind(SHUNT_OP_BATCH_STATISTICS);
}
Test(ops_random, batch_norm_grad)
{
    run_kind(SHUNT_OP_BATCH_NORM_GRAD);
}
Test(ops_random, relu_grad)
{
    run_kind(SHUNT_OP_RELU_GRAD);
}
Test(ops_random, conv_grad_src)
{
    run_kind(SHUNT_OP_CONV_GRAD_SRC);
}
Test(ops_random, conv_grad_weights)
{
    run_kind(SHUNT_OP_CONV_GRAD_WEIGHTS);
}
Test(ops_random, linear_grad_src)
{
    run_kind(SHUNT_OP_LINEAR_GRAD_SRC);
}
Test(ops_random, linear_grad_weights)
{
    run_kind(SHUNT_OP_LINEAR_GRAD_WEIGHTS);
}
Test(ops_random, max_pool_grad)
{
    run_kind(SHUNT_OP_MAX_POOL_GRAD);
}
Test(ops_random, avg_pool_grad)
{
    run_kind(SHUNT_OP_AVG_POOL_GRAD);
}
Test(ops_random, global_pool_grad)
{
    run_kind(SHUNT_OP_GLOBAL_POOL_GRAD);
}
Test(ops_random, shortcut_grad)
{
    run_kind(SHUNT_OP_SHORTCUT_GRAD);
}
Test(ops_random, cross_entropy)
{
    run_kind(SHUNT_OP_CROSS_ENTROPY);
}
Test(ops_random, sgd)
{
    run_kind(SHUNT_OP_SGD);
}
Test(ops_random, moving_average)
{
    run_kind(SHUNT_OP_MOVING_AVERAGE);
}
