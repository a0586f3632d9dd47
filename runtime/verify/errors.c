/* errors.c - what cannot be done is refused: with a status, with a message or reason, and with nothing broken. */
#include "runtime/base/error.h"
#include "runtime/device/guard.h"
#include "runtime/verify/draw.h"
#include "runtime/verify/layout.h"
#include "runtime/verify/run.h"
#include "runtime/verify/verify.h"

#include "runtime/graph/graph.h"

#include <stdio.h>
#include <string.h>

/* A call that had to fail returned `status`. */
static void expect_failure(verify_state *state, shunt_status status, const char *what)
{
    const char *message = state->device->backend->last_error();
    state->cases++;
    state->runs++;
    if (state->problem[0]) return;
    if (status == SHUNT_OK)
        verify_problem(state, -1, "%s: it should have failed", what);
    else if (status < SHUNT_OK || status > SHUNT_E_ABI)
        verify_problem(state, -1, "%s: status %d is not a shunt_status", what, (int)status);
    else if (!message || !*message)
        verify_problem(state, -1, "%s: it failed without a message", what);
}

static void check_allocation(verify_state *state)
{
    const shunt_device *device = state->device;
    static const uint64_t sizes[] = {UINT64_MAX, UINT64_MAX - 4096, UINT64_C(1) << 60};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        shunt_bbuffer *buffer = NULL;
        shunt_status status = device->ops->buffer_alloc(device->handle, sizes[i], SHUNT_USE_ACTIVATION, &buffer);
        expect_failure(state, status, "a buffer of an exabyte and more");
        if (status == SHUNT_OK) device->ops->buffer_free(device->handle, buffer);
    }
    device->ops->buffer_free(device->handle, NULL);
}

static void expect_refusal(verify_state *state, const shunt_op_desc *desc, const char *what)
{
    const shunt_device *device = state->device;
    shunt_op_candidates found = {.size = sizeof found};
    expect_failure(state, device->ops->op_query(device->handle, desc, &found), what);
    if (!state->problem[0] && (found.count < 1 || !found.list[0].reason[0]))
        verify_problem(state, -1, "%s: it was refused without a reason", what);
    shunt_bop *op = NULL;
    shunt_status status = device->ops->op_prepare(device->handle, desc, NULL, &op);
    expect_failure(state, status, what);
    if (status == SHUNT_OK && op) device->ops->op_destroy(op);
}

static void check_descriptors(verify_state *state)
{
    shunt_op_desc good, bad;
    draw_op(SHUNT_OP_CONV, 1, 0, &good);
    bad = good;
    bad.kind = 100000;
    expect_refusal(state, &bad, "an op of a kind that does not exist");
    bad = good;
    bad.flags |= 1u << 31;
    expect_refusal(state, &bad, "a convolution with a flag that does not exist");
    bad = good;
    for (uint32_t i = 0; i < bad.ninputs; i++) bad.inputs[i].dtype = 77;
    bad.outputs[0].dtype = 77;
    expect_refusal(state, &bad, "a convolution of a type that does not exist");
    bad = good;
    bad.inputs[1].dims[1] += 1;
    expect_refusal(state, &bad, "weights for more channels than src has");
    bad = good;
    bad.outputs[0].dims[2] += 1;
    expect_refusal(state, &bad, "a dst of more rows than the windows give");
}

/* Whether op.h allows these types together. */
static bool well_typed(const shunt_op_desc *desc)
{
    const uint8_t data = shunt_op_data_type(desc);
    for (uint32_t i = 0; i < desc->ninputs + desc->noutputs; i++) {
        const bool input = i < desc->ninputs;
        const uint32_t index = input ? i : i - desc->ninputs;
        const shunt_operand_class class = input ? shunt_op_input_class(desc->kind, desc->flags, index)
                                                : shunt_op_output_class(desc->kind, desc->flags, index);
        const uint8_t dtype = (input ? desc->inputs : desc->outputs)[index].dtype;
        if (!shunt_castable(dtype)) return false;
        if (class != SHUNT_OPERAND_ANY && dtype != (class == SHUNT_OPERAND_WIDE ? shunt_wide_type(data) : data))
            return false;
    }
    if (desc->kind == SHUNT_OP_CAST) return desc->outputs[0].dtype == desc->attr.cast.dtype;
    return desc->kind != SHUNT_OP_REORDER || desc->inputs[0].dtype == desc->outputs[0].dtype;
}

/* One operand at a time is of a type that does not fit the others, as an unfinished change of precision would leave it. */
static void check_types_beside(verify_state *state, const shunt_op_desc *good)
{
    static const uint8_t types[] = {SHUNT_F32, SHUNT_F16, SHUNT_BF16, SHUNT_I64};
    char what[96];
    for (uint32_t i = 0; i < good->ninputs + good->noutputs; i++) {
        const bool input = i < good->ninputs;
        const uint32_t index = input ? i : i - good->ninputs;
        for (size_t t = 0; t < sizeof types; t++) {
            shunt_op_desc bad = *good;
            (input ? bad.inputs : bad.outputs)[index].dtype = types[t];
            if (well_typed(&bad)) continue;
            snprintf(what, sizeof what, "%s of %s whose %s %u is %s", op_kind_name(good->kind),
                     shunt_dtype_name(shunt_op_data_type(good)), input ? "input" : "output", index,
                     shunt_dtype_name(types[t]));
            expect_refusal(state, &bad, what);
        }
    }
}

static void check_types(verify_state *state)
{
    static const uint8_t types[] = {SHUNT_F32, SHUNT_F16, SHUNT_BF16};
    for (uint32_t kind = 1; kind < SHUNT_OP_KINDS; kind++) {
        shunt_op_desc drawn;
        draw_op(kind, 1, 0, &drawn);
        for (size_t t = 0; t < sizeof types; t++) {
            const shunt_op_desc good = layout_op(&drawn, types[t], SHUNT_PLAIN, SHUNT_PLAIN);
            check_types_beside(state, &good);
        }
    }
}

static void check_options(verify_state *state)
{
    const shunt_device *device = state->device;
    shunt_op_desc desc;
    shunt_op_candidates found = {.size = sizeof found};
    shunt_prepare_options options = {.size = sizeof options, .algorithm = "no such algorithm"};
    shunt_bop *op = NULL;
    draw_op(SHUNT_OP_REORDER, 1, 0, &desc);
    if (device->ops->op_query(device->handle, &desc, &found) != SHUNT_OK) {
        verify_refusal(state, &found);
        return;
    }
    shunt_status status = device->ops->op_prepare(device->handle, &desc, &options, &op);
    expect_failure(state, status, "an algorithm that op_query does not list");
    if (status == SHUNT_OK) device->ops->op_destroy(op);
}

/* ---- Growth: what a library asks for that is older or newer than the plugin ---- */

enum {
    LATER_BYTES = 512, /* what the structs of a newer library may be longer by */
    DEVICE_INFO_1_0 = offsetof(shunt_device_info, block) + sizeof(uint32_t),
    OP_INFO_1_0 = offsetof(shunt_op_info, packed_format) + SHUNT_PARAMS_CHARS
};

static void check_size(verify_state *state, bool whole, shunt_status status, uint32_t size, const char *call)
{
    state->cases++;
    state->runs++;
    if (state->problem[0]) return;
    if (!whole)
        verify_problem(state, -1, "%s wrote past the %u bytes that it was given; copy with shunt_struct_copy", call,
                       size);
    else if (status != SHUNT_OK)
        verify_problem(state, -1, "%s fails when it is given a struct of %u bytes: %s", call, size,
                       state->device->backend->last_error());
}

static void check_device_info_size(verify_state *state, uint32_t size)
{
    const shunt_device *device = state->device;
    shunt_device_info info;
    shunt_status status;
    bool whole = guard_device_info(device->backend, device->index, size, &info, &status);
    check_size(state, whole, status, size, "device_info");
}

static void check_op_info_size(verify_state *state, const shunt_bop *op, uint32_t size)
{
    shunt_op_info info;
    shunt_status status;
    bool whole = guard_op_info(state->device, op, size, &info, &status);
    check_size(state, whole, status, size, "op_info");
}

/* Some op that the device takes, or NULL. */
static shunt_bop *prepare_any(const shunt_device *device)
{
    for (uint32_t kind = 1; kind < SHUNT_OP_KINDS; kind++) {
        shunt_op_desc desc;
        shunt_bop *op = NULL;
        draw_op(kind, 1, 0, &desc);
        if (device->ops->op_prepare(device->handle, &desc, NULL, &op) == SHUNT_OK) return op;
    }
    return NULL;
}

static void check_growth(verify_state *state)
{
    check_device_info_size(state, DEVICE_INFO_1_0);
    check_device_info_size(state, sizeof(shunt_device_info) + LATER_BYTES);
    shunt_bop *op = prepare_any(state->device);
    if (!op) return;
    check_op_info_size(state, op, OP_INFO_1_0);
    check_op_info_size(state, op, sizeof(shunt_op_info) + LATER_BYTES);
    state->device->ops->op_destroy(op);
}

/* After all that, the device still works. */
static void check_afterwards(verify_state *state)
{
    shunt_bbuffer *buffer = NULL;
    shunt_status status = state->device->ops->buffer_alloc(state->device->handle, 4096, SHUNT_USE_ACTIVATION, &buffer);
    if (!state->problem[0] && status != SHUNT_OK)
        verify_problem(state, -1, "a buffer of 4096 bytes is refused after failures: %s",
                       state->device->backend->last_error());
    if (status == SHUNT_OK) state->device->ops->buffer_free(state->device->handle, buffer);
}

void verify_errors(verify_state *state)
{
    check_allocation(state);
    check_descriptors(state);
    check_types(state);
    check_options(state);
    check_growth(state);
    check_afterwards(state);
}
