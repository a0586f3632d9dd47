/* dtype.c - element types of weight files. Halves are taken apart as integers: compilers with a half type are not to be had
 * everywhere, and these loops vectorize. float64 goes by way of float32, as in PyTorch. */
#include "runtime/base/dtype.h"

#include <math.h>
#include <string.h>

const char *shunt_dtype_name(uint8_t dtype)
{
    static const char *const names[] = {"?", "f32", "f64", "i32", "f16", "bf16", "i64", "i16", "i8", "u8", "bool"};
    return names[dtype < sizeof names / sizeof *names ? dtype : 0];
}

bool dtype_is_float(uint8_t dtype)
{
    return dtype == SHUNT_F32 || dtype == SHUNT_F64 || dtype == SHUNT_F16 || dtype == SHUNT_BF16;
}

static float float_of(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static uint32_t bits_of(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

enum { HALF_BIAS = (127 - 15) << 23 }; /* between the two types' exponents, in a float's bits */

static float from_half(uint16_t half)
{
    uint32_t sign = (uint32_t)(half & 0x8000) << 16, rest = half & 0x7fff;
    float value = rest < 0x0400   ? (float)rest * 0x1p-24f
                  : rest < 0x7c00 ? float_of((rest << 13) + HALF_BIAS)
                                  : float_of(0x7f800000 | (rest & 0x3ff) << 13);
    return float_of(bits_of(value) | sign);
}

static uint16_t to_half(float value)
{
    uint32_t bits = bits_of(value), sign = bits >> 16 & 0x8000, rest = bits & 0x7fffffff;
    if (rest > 0x7f800000) return (uint16_t)(sign | 0x7e00);                                     /* a NaN */
    if (rest >= 0x477ff000) return (uint16_t)(sign | 0x7c00);                                    /* 65520 */
    if (rest < 0x38800000) return (uint16_t)(sign | (uint32_t)lrintf(float_of(rest) * 0x1p24f)); /* subnormal */
    rest += 0xfff + (rest >> 13 & 1);
    return (uint16_t)(sign | (rest - HALF_BIAS) >> 13);
}

static uint16_t to_bfloat(float value)
{
    uint32_t bits = bits_of(value);
    if ((bits & 0x7fffffff) > 0x7f800000) return 0x7fc0;
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

static uint16_t half_at(const uint8_t *src, size_t i)
{
    uint16_t bits;
    memcpy(&bits, src + i * sizeof bits, sizeof bits);
    return bits;
}

static double double_at(const uint8_t *src, size_t i)
{
    double value;
    memcpy(&value, src + i * sizeof value, sizeof value);
    return value;
}

void dtype_to_f32(uint8_t dtype, const void *src, size_t count, float *dst)
{
    if (dtype == SHUNT_F16)
        for (size_t i = 0; i < count; i++) dst[i] = from_half(half_at(src, i));
    else if (dtype == SHUNT_BF16)
        for (size_t i = 0; i < count; i++) dst[i] = float_of((uint32_t)half_at(src, i) << 16);
    else if (dtype == SHUNT_F64)
        for (size_t i = 0; i < count; i++) dst[i] = (float)double_at(src, i);
    else
        memcpy(dst, src, count * sizeof *dst);
}

void dtype_from_f32(uint8_t dtype, const float *src, size_t count, void *dst)
{
    uint16_t *halves = dst;
    double *doubles = dst;
    if (dtype == SHUNT_F16)
        for (size_t i = 0; i < count; i++) halves[i] = to_half(src[i]);
    else if (dtype == SHUNT_BF16)
        for (size_t i = 0; i < count; i++) halves[i] = to_bfloat(src[i]);
    else if (dtype == SHUNT_F64)
        for (size_t i = 0; i < count; i++) doubles[i] = (double)src[i];
    else
        memcpy(dst, src, count * sizeof *src);
}
