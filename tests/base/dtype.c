/* Element types of weight files: every half and every bfloat16 is what its definition says, and every float goes to the
 * nearest of them, ties to even; weights converted in place. */
#include "runtime/base/dtype.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

/* A float with `exponent` bits of exponent and `mantissa` bits behind the point, from its bits. */
static float value_of(uint16_t bits, int exponent, int mantissa)
{
    int bias = (1 << (exponent - 1)) - 1, e = bits >> mantissa & ((1 << exponent) - 1);
    double fraction = (double)(bits & ((1 << mantissa) - 1)) / (1 << mantissa);
    double size = e == 0                    ? ldexp(fraction, 1 - bias)
                  : e < (1 << exponent) - 1 ? ldexp(1 + fraction, e - bias)
                  : fraction == 0           ? INFINITY
                                            : NAN;
    return (float)(bits & 0x8000 ? -size : size);
}

static uint16_t narrowed(uint8_t dtype, float value)
{
    uint16_t bits;
    dtype_from_f32(dtype, &value, 1, &bits);
    return bits;
}

static void expect_bits(uint8_t dtype, float value, uint16_t expected)
{
    if (narrowed(dtype, value) != expected)
        cr_assert_fail("%a becomes 0x%04x, not 0x%04x", (double)value, narrowed(dtype, value), expected);
}

/* All 65,536 patterns; and between two neighbours the middle, the float before it and the float after it. */
static void check_all(uint8_t dtype, int exponent, int mantissa)
{
    const uint16_t infinite = (uint16_t)(((1 << exponent) - 1) << mantissa);
    for (uint32_t bits = 0; bits < 0x10000; bits++) {
        uint16_t half = (uint16_t)bits;
        float expected = value_of(half, exponent, mantissa), found;
        dtype_to_f32(dtype, &half, 1, &found);
        if (isnan(expected) ? !isnan(found) : memcmp(&found, &expected, sizeof found))
            cr_assert_fail("0x%04x is %a, not %a", bits, (double)found, (double)expected);
        if (!isnan(expected)) expect_bits(dtype, expected, half);
        if ((half & 0x7fff) >= infinite) continue;
        /* the neighbour away from zero; for rounding, infinity is what would come after the largest number */
        float next = (half & 0x7fff) + 1 == infinite ? copysignf(ldexpf(1, 1 << (exponent - 1)), expected)
                                                     : value_of((uint16_t)(half + 1), exponent, mantissa);
        if (isinf(next)) continue; /* float's own largest: no float lies between */
        float middle = expected + (next - expected) / 2;
        expect_bits(dtype, nextafterf(middle, expected), half);
        expect_bits(dtype, middle, half & 1 ? half + 1 : half);
        expect_bits(dtype, nextafterf(middle, next), half + 1);
    }
    cr_assert(isnan(value_of(narrowed(dtype, NAN), exponent, mantissa)));
}

Test(dtype, every_half)
{
    check_all(SHUNT_F16, 5, 10);
    expect_bits(SHUNT_F16, 65519.996f, 0x7bff);
    expect_bits(SHUNT_F16, 65520, 0x7c00);
    expect_bits(SHUNT_F16, 1e30f, 0x7c00);
    expect_bits(SHUNT_F16, -1e-30f, 0x8000);
}

Test(dtype, every_bfloat16)
{
    check_all(SHUNT_BF16, 8, 7);
    expect_bits(SHUNT_BF16, 3.4e38f, 0x7f80);
}

Test(dtype, names_and_sizes)
{
    static const char *const names[] = {"?", "f32", "f64", "i32", "f16", "bf16", "i64", "i16", "i8", "u8", "bool", "?"};
    static const unsigned bytes[] = {0, 4, 8, 4, 2, 2, 8, 2, 1, 1, 1, 0};
    for (uint8_t i = 0; i < 12; i++) {
        cr_assert_str_eq(shunt_dtype_name(i), names[i]);
        cr_assert_eq(shunt_dtype_bytes(i), bytes[i]);
        cr_assert_eq(dtype_is_float(i), i == SHUNT_F32 || i == SHUNT_F64 || i == SHUNT_F16 || i == SHUNT_BF16);
    }
    cr_assert_str_eq(shunt_dtype_name(255), "?");
}

static void set(shunt_weights *weights, const char *name, uint8_t dtype, int64_t count, const void *data)
{
    shunt_tensor_desc desc = {.dtype = dtype, .rank = 1, .block = SHUNT_PLAIN, .dims = {count}};
    cr_assert_eq(shunt_weights_set(weights, name, &desc, data), SHUNT_OK, "%s", shunt_last_error());
}

Test(dtype, weights_are_converted_in_place)
{
    enum { N = 5000 }; /* more than one chunk */
    static float floats[N];
    double doubles[2] = {1 / 3.0, -1e-300};
    int64_t counter = 1234567890123;
    for (int i = 0; i < N; i++) floats[i] = (float)i / 7 - 300;
    shunt_weights *weights;
    cr_assert_eq(shunt_weights_create(&weights), SHUNT_OK);
    set(weights, "floats", SHUNT_F32, N, floats);
    set(weights, "doubles", SHUNT_F64, 2, doubles);
    set(weights, "counter", SHUNT_I64, 1, &counter);
    set(weights, "none", SHUNT_F32, 0, NULL);
    cr_assert_eq(shunt_weights_convert(weights, SHUNT_F16), SHUNT_OK, "%s", shunt_last_error());
    const shunt_tensor_view *view = shunt_weights_at(weights, 0);
    cr_assert_str_eq(view->name, "floats");
    cr_assert_eq(view->desc.dtype, SHUNT_F16);
    for (int i = 0; i < N; i++) {
        uint16_t bits = ((const uint16_t *)view->data)[i];
        if (bits != narrowed(SHUNT_F16, floats[i])) cr_assert_fail("element %d is 0x%04x", i, bits);
    }
    view = shunt_weights_find(weights, "doubles");
    cr_assert_eq(((const uint16_t *)view->data)[0], 0x3555); /* 0.33325195 */
    cr_assert_eq(((const uint16_t *)view->data)[1], 0x8000);
    view = shunt_weights_find(weights, "counter");
    cr_assert(view->desc.dtype == SHUNT_I64 && *(const int64_t *)view->data == counter);
    cr_assert_eq(shunt_weights_convert(weights, SHUNT_F64), SHUNT_OK);
    cr_assert_eq(*(const double *)shunt_weights_find(weights, "doubles")->data, 0x555 * 0x1p-12); /* 1.0101010101b-2 */
    cr_assert_eq(shunt_weights_convert(weights, SHUNT_I32), SHUNT_E_INVALID);
    shunt_weights_destroy(weights);
}

Test(dtype, a_number_that_is_too_large_is_named)
{
    shunt_weights *weights;
    cr_assert_eq(shunt_weights_create(&weights), SHUNT_OK);
    static float floats[3000];
    floats[5] = INFINITY; /* is one already */
    floats[2999] = -65520;
    set(weights, "w", SHUNT_F32, 3000, floats);
    cr_assert_eq(shunt_weights_convert(weights, SHUNT_F16), SHUNT_E_INVALID);
    cr_assert(strstr(shunt_last_error(), "tensor 'w': element 2999 is -65520, too large for f16"), "%s",
              shunt_last_error());
    cr_assert_eq(shunt_weights_convert(weights, SHUNT_BF16), SHUNT_OK);
    double large = 1e39;
    set(weights, "d", SHUNT_F64, 1, &large);
    cr_assert_eq(shunt_weights_convert(weights, SHUNT_F32), SHUNT_E_INVALID);
    cr_assert(strstr(shunt_last_error(), "tensor 'd': element 0 is 1e+39, too large for f32"), "%s",
              shunt_last_error());
    shunt_weights_destroy(weights);
}

Test(dtype, numbers_may_lie_at_any_address)
{
    enum { N = 9 };
    static const uint8_t dtypes[] = {SHUNT_F32, SHUNT_F64, SHUNT_F16, SHUNT_BF16};
    const float numbers[N] = {0, 1, -2, 0.5f, 3.25f, -0.125f, 96, 1.75f, -7};
    for (size_t d = 0; d < sizeof dtypes; d++) {
        double aligned[N] = {0};
        uint8_t bytes[1 + sizeof aligned];
        float found[N];
        dtype_from_f32(dtypes[d], numbers, N, aligned);
        memcpy(bytes + 1, aligned, sizeof aligned);
        dtype_to_f32(dtypes[d], bytes + 1, N, found);
        cr_assert_arr_eq(found, numbers, sizeof numbers, "%s", shunt_dtype_name(dtypes[d]));
    }
}
