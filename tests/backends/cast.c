/* cast.c - CAST on one device (SHUNT_TEST_DEVICE) for every number of both 16-bit types, and for the float32 numbers on, and beside,
 * the middle between each two of them. The compiler's own _Float16 says what is right; a bfloat16 is the nearest by distance. */
#include "runtime/verify/run.h"
#include "tests/support/op_runner.h"

#include <criterion/criterion.h>
#include <math.h>
#include <shunt/shunt.h>
#include <stdlib.h>
#include <string.h>

enum { HALVES = 1 << 16 };

__extension__ typedef _Float16 binary16;

static void cast(uint8_t from, uint8_t to, int64_t count, const void *src, void *dst)
{
    shunt_device *device = op_runner_open();
    shunt_op_desc desc = {.kind = SHUNT_OP_CAST, .ninputs = 1, .noutputs = 1, .attr.cast.dtype = to};
    desc.inputs[0] = shunt_tensor_make(from, 1, &count);
    desc.outputs[0] = shunt_tensor_make(to, 1, &count);
    const op_variant guess = {NULL, NULL, OP_NOT_IN_PLACE};
    shunt_status status = op_run_stored(device, &desc, &guess, &src, &dst, NULL);
    if (status == SHUNT_E_UNSUPPORTED) cr_skip("%s", shunt_last_error());
    cr_assert_eq(status, SHUNT_OK, "%s", shunt_last_error());
    shunt_device_close(device);
}

static float float_of(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static float from_half(uint16_t bits, uint8_t type)
{
    if (type == SHUNT_BF16) return float_of((uint32_t)bits << 16);
    binary16 half;
    memcpy(&half, &bits, sizeof half);
    return (float)half;
}

/* The bfloat16 of the smallest distance, of two the even one; in double, where a float's neighbours are exact. */
static uint16_t to_bfloat(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    const uint16_t below = (uint16_t)(bits >> 16), above = (uint16_t)(below + 1);
    const double low = from_half(below, SHUNT_BF16);
    /* Past the largest one stands the number that would come next, which then counts as infinity. */
    const double high = (above & 0x7fff) == 0x7f80 ? copysign(0x1p128, low) : (double)from_half(above, SHUNT_BF16);
    const double down = fabs((double)value - low), up = fabs((double)value - high);
    return down < up || (down == up && !(below & 1)) ? below : above;
}

static uint16_t to_half(float value, uint8_t type)
{
    if (type == SHUNT_BF16) return isinf(value) ? (signbit(value) ? 0xff80 : 0x7f80) : to_bfloat(value);
    uint16_t bits;
    const binary16 half = (binary16)value;
    memcpy(&bits, &half, sizeof bits);
    return bits;
}

static bool is_nan(uint16_t bits, uint8_t type)
{
    return type == SHUNT_F16 ? (bits & 0x7fff) > 0x7c00 : (bits & 0x7fff) > 0x7f80;
}

static void check_widening(uint8_t type)
{
    uint16_t *halves = malloc(HALVES * sizeof *halves);
    float *floats = malloc(HALVES * sizeof *floats);
    cr_assert(halves && floats);
    for (uint32_t i = 0; i < HALVES; i++) halves[i] = (uint16_t)i;
    cast(type, SHUNT_F32, HALVES, halves, floats);
    for (uint32_t i = 0; i < HALVES; i++) {
        const float expected = from_half((uint16_t)i, type);
        cr_assert(isnan(expected) ? isnan(floats[i]) : !memcmp(&expected, &floats[i], sizeof expected),
                  "type %u, 0x%04x: %a, not %a", type, i, (double)floats[i], (double)expected);
    }
    free(halves);
    free(floats);
}

/* Each half, the middle to the next one, and the floats on both sides of that. */
static void check_narrowing(uint8_t type)
{
    enum { EACH = 4 };
    float *floats = malloc(EACH * HALVES * sizeof *floats);
    uint16_t *halves = malloc(EACH * HALVES * sizeof *halves);
    cr_assert(floats && halves);
    for (uint32_t i = 0; i < HALVES; i++) {
        const float here = from_half((uint16_t)i, type), next = from_half((uint16_t)(i + 1), type);
        const float middle = isfinite(here) && isfinite(next) ? (float)(((double)here + (double)next) / 2) : here;
        const float numbers[] = {here, middle, nextafterf(middle, INFINITY), nextafterf(middle, -INFINITY)};
        memcpy(floats + EACH * i, numbers, sizeof numbers);
    }
    cast(SHUNT_F32, type, EACH * HALVES, floats, halves);
    for (uint32_t i = 0; i < EACH * HALVES; i++) {
        if (isnan(floats[i]))
            cr_assert(is_nan(halves[i], type), "type %u: a NaN became 0x%04x", type, halves[i]);
        else
            cr_assert_eq(halves[i], to_half(floats[i], type), "type %u, %a: 0x%04x, not 0x%04x", type,
                         (double)floats[i], halves[i], to_half(floats[i], type));
    }
    free(floats);
    free(halves);
}

Test(cast, float16)
{
    check_widening(SHUNT_F16);
    check_narrowing(SHUNT_F16);
}

Test(cast, bfloat16)
{
    check_widening(SHUNT_BF16);
    check_narrowing(SHUNT_BF16);
}

/* A graph whose values have several types, run in whatever layout the device wants. */
Test(cast, within_a_graph)
{
    enum { COUNT = 2 * 5 * 3 * 7 };
    const int64_t dims[] = {2, 5, 3, 7};
    float src[COUNT], dst[COUNT];
    shunt_device *device = op_runner_open();
    shunt_graph *graph = shunt_graph_create();
    shunt_weights *weights;
    shunt_executor *executor;
    cr_assert_eq(shunt_weights_create(&weights), SHUNT_OK);
    const shunt_op_attr half = {.cast.dtype = SHUNT_F16}, whole = {.cast.dtype = SHUNT_F32};
    shunt_value x = shunt_graph_relu(graph, "relu", shunt_graph_input(graph, "x", 4, dims));
    x = shunt_graph_op(graph, "narrow", SHUNT_OP_CAST, 0, &half, 1, &x);
    cr_assert_eq(shunt_graph_desc(graph, x).dtype, SHUNT_F16);
    cr_assert_eq(shunt_graph_relu(graph, "none", x), SHUNT_NO_VALUE); /* nothing computes in float16 yet */
    shunt_graph_destroy(graph);

    graph = shunt_graph_create();
    x = shunt_graph_relu(graph, "relu", shunt_graph_input(graph, "x", 4, dims));
    x = shunt_graph_op(graph, "narrow", SHUNT_OP_CAST, 0, &half, 1, &x);
    shunt_graph_output(graph, "y", shunt_graph_op(graph, "widen", SHUNT_OP_CAST, 0, &whole, 1, &x));
    for (int i = 0; i < COUNT; i++) src[i] = (float)(i - 40) * 1.2345f;
    shunt_tensor in = {shunt_tensor_make(SHUNT_F32, 4, dims), src}, out = {in.desc, dst};
    cr_assert_eq(shunt_executor_create(graph, weights, device, &executor), SHUNT_OK, "%s", shunt_last_error());
    cr_assert_eq(shunt_executor_run(executor, &in, 1, &out, 1), SHUNT_OK, "%s", shunt_last_error());
    for (int i = 0; i < COUNT; i++) cr_assert_eq(dst[i], src[i] > 0 ? (float)(binary16)src[i] : 0, "element %d", i);
    shunt_executor_destroy(executor);
    shunt_weights_destroy(weights);
    shunt_graph_destroy(graph);
    shunt_device_close(device);
}

/* Bytes in, as a camera gives them. */
Test(cast, input_of_bytes)
{
    enum { COUNT = 2 * 3 * 4 * 5 };
    const int64_t dims[] = {2, 3, 4, 5};
    uint8_t src[COUNT];
    float dst[COUNT];
    shunt_device *device = op_runner_open();
    shunt_graph *graph = shunt_graph_create();
    shunt_weights *weights;
    shunt_executor *executor;
    cr_assert_eq(shunt_weights_create(&weights), SHUNT_OK);
    const shunt_op_attr whole = {.cast.dtype = SHUNT_F32};
    shunt_value x = shunt_graph_input_of(graph, "x", SHUNT_U8, 4, dims);
    x = shunt_graph_op(graph, "widen", SHUNT_OP_CAST, 0, &whole, 1, &x);
    shunt_graph_output(graph, "y", shunt_graph_add(graph, "twice", x, x));
    for (int i = 0; i < COUNT; i++) src[i] = (uint8_t)(i * 37);
    shunt_tensor in = {shunt_tensor_make(SHUNT_U8, 4, dims), src}, out = {shunt_tensor_make(SHUNT_F32, 4, dims), dst};
    cr_assert_eq(shunt_executor_create(graph, weights, device, &executor), SHUNT_OK, "%s", shunt_last_error());
    cr_assert_eq(shunt_executor_run(executor, &in, 1, &out, 1), SHUNT_OK, "%s", shunt_last_error());
    for (int i = 0; i < COUNT; i++) cr_assert_eq(dst[i], 2 * (float)src[i], "element %d", i);
    in.desc.dtype = SHUNT_F32;
    cr_assert_eq(shunt_executor_run(executor, &in, 1, &out, 1), SHUNT_E_INVALID);
    shunt_executor_destroy(executor);
    shunt_weights_destroy(weights);
    shunt_graph_destroy(graph);
    shunt_device_close(device);
}
