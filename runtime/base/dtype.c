/* dtype.c - element types of weight files. float64 becomes a 16-bit type by way of float32, as in PyTorch. */
#include "runtime/base/dtype.h"

#include <shunt/half.h>
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
        for (size_t i = 0; i < count; i++) dst[i] = shunt_from_f16(half_at(src, i));
    else if (dtype == SHUNT_BF16)
        for (size_t i = 0; i < count; i++) dst[i] = shunt_from_bf16(half_at(src, i));
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
        for (size_t i = 0; i < count; i++) halves[i] = shunt_to_f16(src[i]);
    else if (dtype == SHUNT_BF16)
        for (size_t i = 0; i < count; i++) halves[i] = shunt_to_bf16(src[i]);
    else if (dtype == SHUNT_F64)
        for (size_t i = 0; i < count; i++) doubles[i] = (double)src[i];
    else
        memcpy(dst, src, count * sizeof *src);
}
