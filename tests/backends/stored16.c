/* stored16.c - ops on data stored in 16 bits, on one device (SHUNT_TEST_DEVICE): each of the 65,536 numbers of both types goes
 * through an op that changes nothing, and through sums and products, whose results are rounded once, infinities and NaN included.
 * half.h, which the tests of CAST compare with the compiler's own type, says what is right. */
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
