/* kind.c - drawn ops of one kind on a device against the formulas of op.h: each candidate algorithm, each channel block
 * that the device takes, in place where the op allows it, with NaN and infinity among the inputs. */
#include "runtime/base/dtype.h"
#include "runtime/base/error.h"
#include "runtime/verify/draw.h"
#include "runtime/verify/layout.h"
#include "runtime/verify/ops/ops.h"
#include "runtime/verify/reference.h"
#include "runtime/verify/run.h"
#include "runtime/verify/verify.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NONFINITE_EVERY = 8, F64_EVERY = 4 };

/* One drawn op with its inputs and the truth. */
typedef struct drawn {
    verify_state *state;
    uint64_t index;
    shunt_op_desc plain;
    bool whole; /* the rest is there */
    double *inputs[SHUNT_MAX_INPUTS], *expected[SHUNT_MAX_OUTPUTS], *scale[SHUNT_MAX_OUTPUTS], *got[SHUNT_MAX_OUTPUTS];
} drawn;

static double *doubles(const shunt_tensor_desc *tensor)
{
    return malloc(shunt_tensor_count(tensor) * sizeof(double));
}

/* Three of its values become NaN, infinity and its negative, or only one of them. */
static void spoil(drawn *t)
{
    const double bad[] = {NAN, INFINITY, -INFINITY};
    uint32_t input = verify_op_of(t->plain.kind)->nonfinite_input;
    uint64_t count = shunt_tensor_count(&t->plain.inputs[input]), which = t->index / NONFINITE_EVERY % 4;
    for (uint64_t i = 0; i < 3; i++)
        if (which == i || which == 3) t->inputs[input][(t->index * 31 + i * 7919) % count] = bad[i];
}

/* Inputs and truth of the op: made when a device takes it. Fails without memory; end() frees what there is all the same. */
static bool make_values(drawn *t)
{
    char name[64];
    bool whole = true;
    if (t->whole) return true;
    snprintf(name, sizeof name, "%s/%llu", t->state->name, (unsigned long long)t->index);
    for (uint32_t i = 0; i < t->plain.ninputs; i++) {
        whole = (t->inputs[i] = doubles(&t->plain.inputs[i])) && whole;
        if (!t->inputs[i]) continue;
        draw_input(&t->plain, name, i, t->inputs[i]);
        layout_round(&t->plain.inputs[i], t->inputs[i]);
    }
    for (uint32_t i = 0; i < t->plain.noutputs; i++) {
        whole = (t->expected[i] = doubles(&t->plain.outputs[i])) && whole;
        whole = (t->scale[i] = doubles(&t->plain.outputs[i])) && whole;
        whole = (t->got[i] = doubles(&t->plain.outputs[i])) && whole;
    }
    t->whole = whole;
    if (!whole) {
        verify_problem(t->state, (int64_t)t->index, "out of host memory");
        return false;
    }
    if (t->index % NONFINITE_EVERY == NONFINITE_EVERY - 1 && dtype_is_float(t->plain.inputs[0].dtype)) spoil(t);
    reference_op(&t->plain, (const double *const *)t->inputs, t->expected, t->scale);
    return true;
}

static void end(drawn *t)
{
    for (uint32_t i = 0; i < SHUNT_MAX_INPUTS; i++) free(t->inputs[i]);
    for (uint32_t i = 0; i < SHUNT_MAX_OUTPUTS; i++) {
        free(t->expected[i]);
        free(t->scale[i]);
        free(t->got[i]);
    }
}

static void wrong(const drawn *t, const shunt_op_desc *op, const op_variant *variant, const char *what)
{
    verify_problem(t->state, (int64_t)t->index, "case %llu, blocks %u and %u, %s, algorithm %s%s%s%s: %s",
                   (unsigned long long)t->index, op->inputs[0].block, op->outputs[0].block,
                   shunt_dtype_name(op->outputs[0].dtype), variant->algorithm, variant->params[0] ? " " : "",
                   variant->params, variant->inplace < 0 ? "" : ", in place", what);
}

/* Whether a NaN or infinity may take others along, so that it only must not be lost: where the algorithm transforms its
 * inputs, or where the formula can be written in several ways. */
static bool spreads(const drawn *t, double error_scale)
{
    return error_scale > 1 || verify_op_of(t->plain.kind)->spreads;
}

static bool close_enough(const drawn *t, uint32_t output, uint64_t i, double tolerance, bool may_spread)
{
    double expected = t->expected[output][i], got = t->got[output][i];
    if (got == expected || (isnan(got) && isnan(expected))) return true;
    if (may_spread && t->index % NONFINITE_EVERY == NONFINITE_EVERY - 1 && !isfinite(got)) return true;
    return isfinite(expected) && fabs(got - expected) <= tolerance * t->scale[output][i] + 1e-37;
}

static void compare(const drawn *t, const shunt_op_desc *op, const op_variant *variant, double error_scale)
{
    double tolerance = reference_tolerance(op, error_scale);
    for (uint32_t o = 0; o < op->noutputs; o++) {
        for (uint64_t i = 0; i < shunt_tensor_count(&op->outputs[o]); i++) {
            if (close_enough(t, o, i, tolerance, spreads(t, error_scale))) continue;
            char text[160];
            snprintf(text, sizeof text, "output %u, element %llu is %.9g, not %.9g within %.3g", o,
                     (unsigned long long)i, t->got[o][i], t->expected[o][i], tolerance * t->scale[o][i]);
            wrong(t, op, variant, text);
            return;
        }
    }
}

static void run_variant(drawn *t, const shunt_op_desc *op, const op_variant *variant, shunt_op_info *info)
{
    const shunt_device *device = t->state->device;
    double error_scale;
    t->state->runs++;
    if (op_run(device, op, variant, (const double *const *)t->inputs, t->got, info) != SHUNT_OK ||
        verify_error_scale(info, &error_scale) != SHUNT_OK)
        wrong(t, op, variant, shunt_last_error());
    else
        compare(t, op, variant, error_scale);
}

static bool failed(const drawn *t)
{
    return t->state->problem[0] != '\0';
}

/* Each candidate, then each input whose memory the first output may take. */
static void run_layout(drawn *t, uint8_t dtype, uint16_t src_block, uint16_t dst_block)
{
    const shunt_device *device = t->state->device;
    shunt_op_desc op = layout_op(&t->plain, dtype, src_block, dst_block);
    shunt_op_candidates found = {.size = sizeof found};
    if (failed(t)) return;
    shunt_status status = device->ops->op_query(device->handle, &op, &found);
    if (status == SHUNT_E_UNSUPPORTED) {
        verify_refusal(t->state, &found);
        return;
    }
    if (status != SHUNT_OK || found.count < 1 || found.count > SHUNT_MAX_CANDIDATES || found.list[0].reason[0]) {
        const op_variant none = {"", "", OP_NOT_IN_PLACE};
        device_fail(device, status, "op_query");
        wrong(t, &op, &none, status == SHUNT_OK ? "op_query found no candidate and no reason" : shunt_last_error());
        return;
    }
    for (uint32_t i = 0; i < found.count && !found.list[i].reason[0] && make_values(t); i++) {
        shunt_op_info info = {.size = sizeof info};
        op_variant variant = {found.list[i].algorithm, found.list[i].params, OP_NOT_IN_PLACE};
        if (!failed(t)) run_variant(t, &op, &variant, &info);
        for (uint32_t input = 0; input < op.ninputs && !failed(t); input++) {
            variant.inplace = (int)input;
            if (info.inplace_inputs >> input & 1) run_variant(t, &op, &variant, &info);
        }
    }
}

static bool layout_matters(const shunt_op_desc *plain)
{
    shunt_op_desc blocked = layout_op(plain, SHUNT_F32, 8, 8), same = layout_op(plain, SHUNT_F32, 16, 16);
    return memcmp(&blocked, &same, sizeof same) != 0;
}

static void run_layouts(drawn *t)
{
    uint16_t blocks[] = {t->state->device->entry.info.block, SHUNT_PLAIN, 8, 16, SHUNT_CHANNELS_LAST};
    enum { COUNT = sizeof blocks / sizeof *blocks };
    const bool own_types = verify_op_of(t->plain.kind)->own_types;
    uint8_t dtype = t->index % F64_EVERY == 0 && !own_types ? SHUNT_F64 : SHUNT_F32;
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

void verify_kind(verify_state *state, uint32_t kind)
{
    const shunt_verify_options *options = state->options;
    uint64_t count = verify_count(state);
    uint64_t first = options->only >= 0 ? (uint64_t)options->only : 0, end_at = options->only >= 0 ? first + 1 : count;
    for (uint64_t i = first; i < end_at && !state->problem[0]; i++) {
        drawn t = {.state = state, .index = i};
        state->cases++;
        draw_op(kind, options->seed, i, &t.plain);
        run_layouts(&t);
        end(&t);
    }
}
