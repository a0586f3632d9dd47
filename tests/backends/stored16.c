/* stored16.c - ops on data stored in 16 bits, on one device (SHUNT_TEST_DEVICE): each of the 65,536 numbers of both types goes
 * through an op that changes nothing, and through sums and products, whose results are rounded once, infinities and NaN included.
 * half.h, which the tests of CAST compare with the compiler's own type, says what is right. Then ops whose src and dst lie in blocks of
 * different sizes, as few channels beside many do, compared with the scalar device. */
#include "runtime/verify/run.h"
#include "tests/support/op_runner.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <math.h>
#include <shunt/half.h>
#include <string.h>

enum { SIDE = 256, HALVES = SIDE * SIDE };

static uint16_t first[HALVES], second[HALVES], result[HALVES];

static float from_half(uint16_t bits, uint8_t type)
{
    return type == SHUNT_F16 ? shunt_from_f16(bits) : shunt_from_bf16(bits);
}

static uint16_t to_half(float value, uint8_t type)
{
    return type == SHUNT_F16 ? shunt_to_f16(value) : shunt_to_bf16(value);
}

/* The op on SIDE x SIDE numbers: all halves in order, and as a second input in another one. */
static void run(uint32_t kind, uint8_t type, const shunt_op_attr *attr)
{
    const int64_t dims[] = {SIDE, SIDE};
    const op_variant guess = {NULL, NULL, OP_NOT_IN_PLACE};
    const void *inputs[] = {first, second};
    void *outputs[] = {result};
    shunt_op_desc op = {.kind = kind, .ninputs = shunt_op_ninputs(kind, 0), .noutputs = 1};
    if (attr) op.attr = *attr;
    for (uint32_t i = 0; i < op.ninputs; i++) op.inputs[i] = shunt_tensor_make(type, 2, dims);
    op.outputs[0] = shunt_tensor_make(type, 2, dims);
    shunt_device *device = op_runner_open();
    if (!shunt_device_takes(&device->entry.info, type)) cr_skip("the device does not store this type");
    shunt_status status = op_run_stored(device, &op, &guess, inputs, outputs, NULL);
    cr_assert_eq(status, SHUNT_OK, "%s", shunt_last_error());
    shunt_device_close(device);
}

static void expect(uint32_t at, float wanted, uint8_t type)
{
    const bool same = isnan(wanted) ? isnan(from_half(result[at], type)) : result[at] == to_half(wanted, type);
    cr_assert(same, "type %u, 0x%04x and 0x%04x: 0x%04x, not %a", type, first[at], second[at], result[at],
              (double)wanted);
}

ParameterizedTestParameters(stored16, types)
{
    static uint8_t types[] = {SHUNT_F16, SHUNT_BF16};
    return cr_make_param_array(uint8_t, types, sizeof types);
}

ParameterizedTest(uint8_t *type, stored16, types)
{
    const shunt_op_attr turned = {.transpose.axes = {1, 0}};
    for (uint32_t i = 0; i < HALVES; i++) first[i] = (uint16_t)i;

    for (uint32_t i = 0; i < HALVES; i++) second[i] = to_half(1, *type);
    run(SHUNT_OP_MUL, *type, NULL);
    for (uint32_t i = 0; i < HALVES; i++) expect(i, from_half(first[i], *type), *type);

    run(SHUNT_OP_TRANSPOSE, *type, &turned);
    for (uint32_t i = 0; i < HALVES; i++) second[i] = result[i % SIDE * SIDE + i / SIDE];
    memcpy(result, second, sizeof result);
    for (uint32_t i = 0; i < HALVES; i++) expect(i, from_half(first[i], *type), *type);

    /* Each with a number near it, and with one anywhere. */
    for (uint32_t step = 1; step < 32000; step = step * 5 + 2) {
        for (uint32_t i = 0; i < HALVES; i++) second[i] = (uint16_t)(i * 3 + step);
        run(SHUNT_OP_ADD, *type, NULL);
        for (uint32_t i = 0; i < HALVES; i++)
            expect(i, from_half(first[i], *type) + from_half(second[i], *type), *type);
        run(SHUNT_OP_MUL, *type, NULL);
        for (uint32_t i = 0; i < HALVES; i++)
            expect(i, from_half(first[i], *type) * from_half(second[i], *type), *type);
    }
}

enum { MOST = 40 * 40 * 9 };

/* Of dims {2, 40, 9, 9}, or for SHORTCUT's dst {2, 72, 5, 5}. */
static shunt_op_desc make_op(uint32_t kind, uint8_t type)
{
    const int64_t narrow[] = {2, 40, 9, 9}, wide[] = {2, 72, 5, 5}, taps[] = {40, 40, 3, 3};
    const shunt_tensor_desc data = shunt_tensor_make(type, 4, narrow), shortened = shunt_tensor_make(type, 4, wide);
    const shunt_tensor_desc weights = shunt_tensor_make(SHUNT_F32, 4, taps);
    shunt_op_desc op = {.kind = kind, .ninputs = shunt_op_ninputs(kind, 0), .noutputs = 1};
    const shunt_conv_attr same = {
        .stride = {1, 1}, .dilation = {1, 1}, .pad_before = {1, 1}, .pad_after = {1, 1}, .groups = 1};
    op.inputs[0] = op.inputs[1] = op.outputs[0] = data;
    if (kind == SHUNT_OP_CONV) op.inputs[1] = weights;
    if (kind == SHUNT_OP_CONV_GRAD_SRC) op.inputs[0] = weights;
    if (kind == SHUNT_OP_CONV_GRAD_WEIGHTS) op.outputs[0] = weights;
    if (kind == SHUNT_OP_SHORTCUT) {
        memset(&op.inputs[1], 0, sizeof op.inputs[1]);
        op.outputs[0] = shortened;
        op.attr.shortcut = (shunt_shortcut_attr){.stride = 2, .lead = 16};
    } else {
        op.attr.conv = same;
    }
    return op;
}

/* The first tensor that is not weights gets block a, the other one b. */
static void set_blocks(shunt_op_desc *op, uint16_t a, uint16_t b)
{
    shunt_tensor_desc *all[] = {&op->inputs[0], &op->inputs[1], &op->outputs[0]};
    uint16_t next = a;
    for (int i = 0; i < 3; i++) {
        if (all[i]->rank != 4 || all[i]->dtype == SHUNT_F32) continue;
        all[i]->block = next;
        next = b;
    }
}

static double numbers[2][MOST], wanted[MOST], got[MOST];

/* Whether the device takes the op in these blocks; then its results are right. */
static bool right_in_blocks(const shunt_device *device, const shunt_op_desc *plain, uint8_t type, uint16_t a,
                            uint16_t b)
{
    const op_variant guess = {NULL, NULL, OP_NOT_IN_PLACE};
    const double *inputs[] = {numbers[0], numbers[1]}, unit = type == SHUNT_F16 ? 0x1p-11 : 0x1p-8;
    double *outputs[] = {got};
    shunt_op_desc op = *plain;
    set_blocks(&op, a, b);
    shunt_status status = op_run(device, &op, &guess, inputs, outputs, NULL);
    if (status == SHUNT_E_UNSUPPORTED) return false;
    cr_assert_eq(status, SHUNT_OK, "%s", shunt_last_error());
    for (uint64_t i = 0; i < shunt_tensor_count(&op.outputs[0]); i++)
        cr_assert(fabs(got[i] - wanted[i]) <= 2 * unit * fabs(wanted[i]) + 1e-3,
                  "kind %u, type %u, blocks %u and %u, element %d: %g, not %g", op.kind, type, a, b, (int)i, got[i],
                  wanted[i]);
    return true;
}

ParameterizedTestParameters(stored16, blocks_may_differ)
{
    static uint32_t kinds[] = {SHUNT_OP_CONV, SHUNT_OP_CONV_GRAD_SRC, SHUNT_OP_CONV_GRAD_WEIGHTS, SHUNT_OP_SHORTCUT};
    return cr_make_param_array(uint32_t, kinds, sizeof kinds / sizeof *kinds);
}

ParameterizedTest(uint32_t *kind, stored16, blocks_may_differ)
{
    static const uint16_t blocks[][2] = {{16, 32}, {32, 16}, {32, 32}, {16, 16}};
    const op_variant guess = {NULL, NULL, OP_NOT_IN_PLACE};
    const double *inputs[] = {numbers[0], numbers[1]};
    double *outputs[] = {wanted};
    int taken = 0;
    shunt_device *device = op_runner_open(), *scalar;
    cr_assert_eq(shunt_device_open("scalar", NULL, &scalar), SHUNT_OK, "%s", shunt_last_error());
    for (int i = 0; i < MOST; i++) { /* exact in both types */
        numbers[0][i] = (i * 37 % 129 - 64) / 64.0;
        numbers[1][i] = (i * 53 % 127 - 63) / 64.0;
    }
    for (uint8_t type = SHUNT_F16; type <= SHUNT_BF16; type++) {
        const shunt_op_desc op = make_op(*kind, type);
        cr_assert_eq(op_run(scalar, &op, &guess, inputs, outputs, NULL), SHUNT_OK, "%s", shunt_last_error());
        for (int i = 0; i < 4; i++) taken += right_in_blocks(device, &op, type, blocks[i][0], blocks[i][1]);
    }
    cr_assert(taken || !strcmp(device->backend->name, "scalar"), "no blocks are taken");
    shunt_device_close(scalar);
    shunt_device_close(device);
}
