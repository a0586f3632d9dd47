/* half.h - conversion of float16 (IEEE binary16) and bfloat16 (the upper half of a float32) from and to float32.
 *
 *     #include <shunt/half.h>
 *     #include <stdio.h>
 *
 *     int main(void)
 *     {
 *         const uint16_t half = shunt_to_f16(0.1f);
 *         const float value = shunt_from_f16(half);
 *         printf("0.1 in float16 is %.9g\n", (double)value);
 *         return half != 0x2e66;
 *     }
 *
 * Applications and plugins may use it. It works on integers, because not every compiler has a half type. It rounds to nearest,
 * ties to even; a number that is too large becomes infinite, and a NaN stays a NaN (IEEE 754-2019, 4.3.1). Every function is
 * pure.
 */
#ifndef SHUNT_HALF_H
#define SHUNT_HALF_H

#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

static inline float shunt_float_of_bits(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline uint32_t shunt_bits_of_float(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static inline float shunt_from_f16(uint16_t half)
{
    const uint32_t bias = (127 - 15) << 23; /* between the two types' exponents, in a float's bits */
    const uint32_t sign = (uint32_t)(half & 0x8000) << 16, rest = half & 0x7fff;
    const float value = rest < 0x0400   ? (float)rest * 0x1p-24f /* subnormal */
                        : rest < 0x7c00 ? shunt_float_of_bits((rest << 13) + bias)
                                        : shunt_float_of_bits(0x7f800000 | (rest & 0x3ff) << 13);
    return shunt_float_of_bits(shunt_bits_of_float(value) | sign);
}

static inline uint16_t shunt_to_f16(float value)
{
    const uint32_t bias = (127 - 15) << 23, bits = shunt_bits_of_float(value);
    const uint32_t sign = bits >> 16 & 0x8000, rest = bits & 0x7fffffff;
    if (rest > 0x7f800000) return (uint16_t)(sign | 0x7e00);  /* a NaN */
    if (rest >= 0x477ff000) return (uint16_t)(sign | 0x7c00); /* 65520 */
    if (rest >= 0x38800000) return (uint16_t)(sign | (rest + 0xfff + (rest >> 13 & 1) - bias) >> 13);
    const uint32_t shift = 126 - (rest >> 23); /* of a subnormal result: a half's last place is 2^-24 */
    if (shift > 24) return (uint16_t)sign;
    const uint32_t digits = (rest & 0x7fffff) | 0x800000, kept = digits >> shift;
    const uint32_t lost = digits & ((1u << shift) - 1), middle = 1u << (shift - 1);
    return (uint16_t)(sign | (kept + (lost > middle || (lost == middle && (kept & 1)))));
}

static inline float shunt_from_bf16(uint16_t half)
{
    return shunt_float_of_bits((uint32_t)half << 16);
}

static inline uint16_t shunt_to_bf16(float value)
{
    const uint32_t bits = shunt_bits_of_float(value);
    if ((bits & 0x7fffffff) > 0x7f800000) return 0x7fc0; /* a NaN */
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

#ifdef __cplusplus
}
#endif
#endif
