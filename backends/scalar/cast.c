/* cast.c - another type for the same elements, in any layout. Every number of every type passes through a double, which holds them
 * all. */
#include "scalar.h"

static shunt_status check(const shunt_op_desc *desc)
{
    const shunt_tensor_desc *src = &desc->inputs[0], *dst = &desc->outputs[0];
    if (!shunt_castable(src->dtype) || !shunt_castable(dst->dtype))
        return scalar_fail(SHUNT_E_UNSUPPORTED, "from type %u to type %u", src->dtype, dst->dtype);
    if (dst->dtype != desc->attr.cast.dtype)
        return scalar_fail(SHUNT_E_INVALID, "dst has type %u, the op makes %d", dst->dtype, desc->attr.cast.dtype);
    if (src->block != dst->block) return scalar_fail(SHUNT_E_UNSUPPORTED, "src and dst of different layouts");
    return scalar_expect_same(dst, "dst", src);
}

static double element(uint8_t dtype, const void *from, int64_t i)
{
    switch (dtype) {
    case SHUNT_F64:
        return ((const double *)from)[i];
    case SHUNT_F16:
        return (double)shunt_from_f16(((const uint16_t *)from)[i]);
    case SHUNT_BF16:
        return (double)shunt_from_bf16(((const uint16_t *)from)[i]);
    case SHUNT_I32:
        return ((const int32_t *)from)[i];
    case SHUNT_U8:
        return ((const uint8_t *)from)[i];
    default:
        return (double)((const float *)from)[i];
    }
}

/* Within the ends of an integer type; NaN becomes 0. */
static double clamp(double value, double low, double high)
{
    return value != value ? 0 : value < low ? low : value > high ? high : value;
}

static void put(uint8_t dtype, void *to, int64_t i, double value)
{
    switch (dtype) {
    case SHUNT_F64:
        ((double *)to)[i] = value;
        break;
    case SHUNT_F16:
        ((uint16_t *)to)[i] = shunt_to_f16((float)value);
        break;
    case SHUNT_BF16:
        ((uint16_t *)to)[i] = shunt_to_bf16((float)value);
        break;
    case SHUNT_I32:
        ((int32_t *)to)[i] = (int32_t)clamp(value, INT32_MIN, INT32_MAX);
        break;
    case SHUNT_U8:
        ((uint8_t *)to)[i] = (uint8_t)clamp(value, 0, UINT8_MAX);
        break;
    default:
        ((float *)to)[i] = (float)value;
    }
}

static void run(const shunt_op_desc *desc, const void *const *inputs, void *const *outputs, int threads)
{
    const uint8_t from = desc->inputs[0].dtype, to = desc->outputs[0].dtype;
    const int64_t count = (int64_t)shunt_tensor_storage(&desc->outputs[0]);
#pragma omp parallel for num_threads(threads) if (count > SCALAR_SMALL)
    for (int64_t i = 0; i < count; i++) put(to, outputs[0], i, element(from, inputs[0], i));
}

const scalar_op scalar_cast = {.any_block = true, .own_types = true, .check = check, .run = run};
