/* cast.c - how CAST is drawn and computed. */
#include "runtime/verify/ops/ops.h"
#include "runtime/verify/dice.h"

#include <math.h>

static const uint8_t types[] = {SHUNT_F64, SHUNT_F32, SHUNT_F16, SHUNT_BF16, SHUNT_I32, SHUNT_U8};
enum { NTYPES = sizeof types / sizeof *types };

static void draw(dice *d, shunt_op_desc *op)
{
    const uint8_t from = types[dice_between(d, 0, NTYPES - 1)], to = types[dice_between(d, 0, NTYPES - 1)];
    shunt_tensor_desc src = dice_activation(d);
    op->outputs[0] = src;
    op->outputs[0].dtype = to;
    op->attr.cast.dtype = to;
    src.dtype = from;
    dice_input(op, src, 0);
}

/* All sizes from below the smallest half to above the largest integer; every third number lies on or beside the middle between two
 * halves, or two integers. */
static double element(const shunt_op_desc *op, const char *name, uint32_t input, uint64_t i, double u)
{
    (void)op, (void)name, (void)input;
    const double size = ldexp(1, (int)(i * 7 % 64) - 28), value = (2 * u - 1) * size;
    return i % 3 ? value : (floor(value / size * 4096) + 0.5) * size / 4096;
}

/* The nearest number of `digits` binary digits whose last place is at least 2^least; infinite from 2^most on. */
static double nearest(double value, int digits, int least, int most)
{
    if (value == 0 || !isfinite(value)) return value;
    const int place = (int)fmax(ilogb(value) + 1 - digits, least);
    const double rounded = ldexp(nearbyint(ldexp(value, -place)), place);
    return fabs(rounded) >= ldexp(1, most) ? copysign(INFINITY, value) : rounded;
}

static double cut(double value, double low, double high)
{
    return isnan(value) ? 0 : fmin(fmax(trunc(value), low), high);
}

static double cast(double value, uint8_t type)
{
    switch (type) {
    case SHUNT_F32:
        return nearest(value, 24, -149, 128);
    case SHUNT_F16:
        return nearest(nearest(value, 24, -149, 128), 11, -24, 16);
    case SHUNT_BF16:
        return nearest(nearest(value, 24, -149, 128), 8, -133, 128);
    case SHUNT_I32:
        return cut(value, INT32_MIN, INT32_MAX);
    case SHUNT_U8:
        return cut(value, 0, 255);
    default:
        return value;
    }
}

static void reference(const shunt_op_desc *d, const double *const *in, double *const *out, double *const *scale)
{
    (void)scale; /* exact */
    for (uint64_t i = 0; i < shunt_tensor_count(&d->outputs[0]); i++) out[0][i] = cast(in[0][i], d->outputs[0].dtype);
}

const verify_op verify_cast = {
    .draw = draw,
    .reference = reference,
    .element = element,
    .own_types = true,
};
