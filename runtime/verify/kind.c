/* kind.c - drawn ops of one kind on a device against the formulas of op.h: each candidate algorithm, each channel block
 * that the device takes, in place where the op allows it, with NaN and infinity among the inputs. */
#include "runtime/base/error.h"
#include "runtime/verify/draw.h"
#include "runtime/verify/drawn.h"
#include "runtime/verify/layout.h"
#include "runtime/verify/ops/ops.h"
#include "runtime/verify/reference.h"
#include "runtime/verify/run.h"
#include "runtime/verify/variants.h"
#include "runtime/verify/verify.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* Of so many cases one is run in this type, too; a quick check runs every convolution in 16 bits. */
enum { TYPE_EVERY = 4, F64_CASE = 0, F16_CASE = 1, BF16_CASE = 2 };

/* A drawn op under check. */
typedef struct trial {
    verify_state *state;
    variants *variants; /* that a quick check takes; NULL: all */
    drawn values;
} trial;

static void wrong(const trial *t, const shunt_op_desc *op, const op_variant *variant, const char *what)
{
    verify_problem(t->state, (int64_t)t->values.index, "case %llu, blocks %u and %u, %s, algorithm %s%s%s%s: %s",
                   (unsigned long long)t->values.index, op->inputs[0].block, op->outputs[0].block,
                   shunt_dtype_name(shunt_op_data_type(op)), variant->algorithm, variant->params[0] ? " " : "",
                   variant->params, variant->inplace < 0 ? "" : ", in place", what);
}

/* Whether a NaN or infinity may take others along, so that it only must not be lost: where the algorithm transforms its
 * inputs, or where the formula can be written in several ways. */
static bool spreads(const trial *t, double error_scale)
{
    return error_scale > 1 || verify_op_of(t->values.plain.kind)->spreads;
}

/* slack: how far off it may be before it is rounded to 16 bits. */
static bool close_enough(const trial *t, const shunt_op_desc *op, uint32_t output, uint64_t i, double slack,
                         bool may_spread)
{
    const drawn *values = &t->values;
    const double got = values->got[output][i];
    const bool exact_type = verify_op_of(op->kind)->own_types; /* a cast to 16 bits is no sum that is then rounded */
    const uint8_t dtype = exact_type ? SHUNT_F32 : op->outputs[output].dtype;
    if (reference_allows(dtype, values->expected[output][i], slack, got)) return true;
    /* A sum of such sizes may overflow float32 on its way, in either direction. */
    const bool overflows = values->scale[output][i] * reference_terms(op) > (double)FLT_MAX;
    if (overflows && op->flags & SHUNT_FLAG_RELU && got == 0) return true;
    return values->nonfinite && (may_spread || overflows) && !isfinite(got);
}

static void compare(const trial *t, const shunt_op_desc *op, const op_variant *variant, double error_scale)
{
    const drawn *values = &t->values;
    const double tolerance = reference_tolerance(op, error_scale);
    for (uint32_t o = 0; o < op->noutputs; o++) {
        for (uint64_t i = 0; i < shunt_tensor_count(&op->outputs[o]); i++) {
            const double slack = tolerance * values->scale[o][i] + 1e-37;
            if (close_enough(t, op, o, i, slack, spreads(t, error_scale))) continue;
            char text[160];
            snprintf(text, sizeof text, "output %u, element %llu is %.9g, not %.9g within %.3g%s", o,
                     (unsigned long long)i, values->got[o][i], values->expected[o][i], tolerance * values->scale[o][i],
                     shunt_dtype_bytes(op->outputs[o].dtype) == 2 ? ", then rounded" : "");
            wrong(t, op, variant, text);
            return;
        }
    }
}

static void run_variant(trial *t, const shunt_op_desc *op, const op_variant *variant, shunt_op_info *info)
{
    const shunt_device *device = t->state->device;
    double error_scale;
    t->state->runs++;
    if (op_run(device, op, variant, (const double *const *)t->values.inputs, t->values.got, info) != SHUNT_OK ||
        verify_error_scale(info, &error_scale) != SHUNT_OK)
        wrong(t, op, variant, shunt_last_error());
    else
        compare(t, op, variant, error_scale);
}

static bool failed(const trial *t)
{
    return t->state->problem[0] != '\0';
}

/* Made when a device takes the op. float64 gets float32's. */
static bool make_values(trial *t, uint8_t dtype)
{
    if (drawn_make(&t->values, t->state->name, dtype == SHUNT_F64 ? SHUNT_F32 : dtype)) return true;
    verify_problem(t->state, (int64_t)t->values.index, "out of host memory");
    return false;
}

static void choose_candidates(const trial *t, const shunt_op_desc *op, const shunt_op_candidates *found,
                              bool take[SHUNT_MAX_CANDIDATES])
{
    for (uint32_t i = 0; i < found->count; i++) take[i] = true;
    if (!t->variants) return;
    const uint8_t dtype = shunt_op_data_type(op);
    variants_choose(t->variants, op, shunt_device_block(&t->state->device->entry.info, dtype, INT64_MAX), found, take);
}

/* Each candidate, then each input whose memory the first output may take. */
static void run_layout(trial *t, uint8_t dtype, uint16_t src_block, uint16_t dst_block)
{
    const shunt_device *device = t->state->device;
    shunt_op_desc op = layout_op(&t->values.plain, dtype, src_block, dst_block);
    shunt_op_candidates found = {.size = sizeof found};
    bool take[SHUNT_MAX_CANDIDATES];
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
    choose_candidates(t, &op, &found, take);
    for (uint32_t i = 0; i < found.count && make_values(t, dtype); i++) {
        if (!take[i] || !verify_takes(t->state, &found.list[i])) continue;
        shunt_op_info info = {.size = sizeof info};
        op_variant variant = {found.list[i].algorithm, found.list[i].params, OP_NOT_IN_PLACE,
                              .ahead = (int)(t->values.index & 1)};
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

/* In a quick check the device's own layout; in float32 also one of the others, a different one for each case. */
static bool wants_layout(const trial *t, uint8_t dtype, uint32_t i, uint32_t count)
{
    return i == 0 || !t->state->options->quick || (dtype == SHUNT_F32 && t->values.index % (count - 1) == i - 1);
}

static void run_layouts(trial *t, uint8_t dtype)
{
    const shunt_op_desc *plain = &t->values.plain;
    const uint16_t own = (uint16_t)shunt_device_block(&t->state->device->entry.info, dtype, INT64_MAX);
    const uint16_t blocks[] = {own, SHUNT_PLAIN, 8, 16, SHUNT_CHANNELS_LAST};
    enum { COUNT = sizeof blocks / sizeof *blocks };
    for (uint32_t i = 0; i < COUNT; i++) {
        if (!wants_layout(t, dtype, i, COUNT) || (i > 0 && blocks[i] == own)) continue;
        if (i > 0 && !layout_matters(plain)) break;
        run_layout(t, dtype, blocks[i],
                   plain->kind == SHUNT_OP_REORDER ? blocks[(i + t->values.index) % COUNT] : blocks[i]);
    }
    /* As in a network's first layer. */
    const bool first_layer = plain->kind == SHUNT_OP_CONV || plain->kind == SHUNT_OP_CONV_GRAD_WEIGHTS;
    if (first_layer && own != SHUNT_PLAIN) run_layout(t, dtype, SHUNT_PLAIN, own);
}

bool verify_has_type(uint32_t kind, uint8_t dtype)
{
    shunt_op_desc op;
    draw_op(kind, 1, 0, &op);
    if (verify_op_of(kind)->own_types) return dtype == SHUNT_F32; /* they come with it */
    op = layout_op(&op, dtype, SHUNT_PLAIN, SHUNT_PLAIN);
    return shunt_op_data_type(&op) == dtype;
}

static void run_types(trial *t)
{
    static const struct {
        uint8_t dtype;
        uint64_t of_every;
    } others[] = {{SHUNT_F64, F64_CASE}, {SHUNT_F16, F16_CASE}, {SHUNT_BF16, BF16_CASE}};
    const shunt_op_desc *plain = &t->values.plain;
    const uint8_t only = t->state->dtype;
    if (!only || only == SHUNT_F32) run_layouts(t, SHUNT_F32);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        const uint8_t dtype = others[i].dtype;
        const bool all = t->state->options->quick && shunt_dtype_bytes(dtype) == 2 && plain->kind == SHUNT_OP_CONV;
        const bool in_turn = !only && (all || t->values.index % TYPE_EVERY == others[i].of_every) &&
                             (dtype == SHUNT_F64 || shunt_device_takes(&t->state->device->entry.info, dtype));
        if ((in_turn || only == dtype) && verify_has_type(plain->kind, dtype)) run_layouts(t, dtype);
    }
}

void verify_kind(verify_state *state, uint32_t kind)
{
    const shunt_verify_options *options = state->options;
    uint64_t count = verify_count(state);
    uint64_t first = options->only >= 0 ? (uint64_t)options->only : 0, end_at = options->only >= 0 ? first + 1 : count;
    variants *taken = options->quick && options->only < 0 ? variants_create() : NULL;
    for (uint64_t i = first; i < end_at && !state->problem[0]; i++) {
        trial t = {.state = state, .variants = taken, .values = {.index = i}};
        state->cases++;
        draw_op(kind, options->seed, i, &t.values.plain);
        run_types(&t);
        drawn_clear(&t.values);
    }
    variants_destroy(taken);
}
