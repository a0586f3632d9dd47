/* resize.h - which elements of src RESIZE and RESIZE_GRAD combine, and with which weights.
 *
 *     #include <shunt/resize.h>
 *     #include <stdio.h>
 *
 *     int main(void)
 *     {
 *         const shunt_resize_attr bilinear = {.filter = SHUNT_RESIZE_BILINEAR};
 *         const shunt_resize_tap tap = shunt_resize_tap_at(&bilinear, 0, 2, 4, 1); // row 1 of 4, made of 2 rows
 *         printf("%g of row 0 and %g of row 1\n", tap.weight[0], tap.weight[1]);
 *         return tap.weight[0] != 0.75;
 *     }
 *
 * For plugins: a backend that asks here makes what the others make. PyTorch's interpolate (BILINEAR, NEAREST) and Pillow's resize
 * (TRIANGLE, CUBIC with a = -0.5) define the formulas. Every function is pure.
 */
#ifndef SHUNT_RESIZE_H
#define SHUNT_RESIZE_H

#include <shunt/op.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The two rows (direction 0) or columns (1) of src that element p of dst is made of, and their weights. They may be the same
 * one; NEAREST gives the second the weight 0. size: of src; places: of dst. */
typedef struct shunt_resize_tap {
    int64_t index[2];
    double weight[2];
} shunt_resize_tap;

static inline double shunt_resize_place(const shunt_resize_attr *attr, int direction, int64_t size, int64_t places,
                                        int64_t p)
{
    const double given = (double)attr->factor[direction];
    const double numerator = given != 0 ? 1 : (double)size, denominator = given != 0 ? given : (double)places;
    if (attr->coordinates == SHUNT_RESIZE_CORNERS)
        return places > 1 ? (double)p * (double)(size - 1) / (double)(places - 1) : 0;
    if (attr->coordinates == SHUNT_RESIZE_ASYMMETRIC) return (double)p * numerator / denominator;
    return ((double)p + 0.5) * numerator / denominator - 0.5;
}

static inline shunt_resize_tap shunt_resize_tap_at(const shunt_resize_attr *attr, int direction, int64_t size,
                                                   int64_t places, int64_t p)
{
    const double at = shunt_resize_place(attr, direction, size, places, p), last = (double)(size - 1);
    const double x = at > 0 ? at < last ? at : last : 0;
    const int64_t low = (int64_t)x, high = low + 1 < size ? low + 1 : low;
    const double part = x - (double)low;
    const int32_t rounding = attr->rounding;
    shunt_resize_tap tap = {{low, high}, {1 - part, part}};
    if (attr->filter == SHUNT_RESIZE_BILINEAR) return tap;
    const int up = rounding == SHUNT_RESIZE_CEIL        ? part > 0
                   : rounding == SHUNT_RESIZE_HALF_DOWN ? part > 0.5
                   : rounding == SHUNT_RESIZE_HALF_UP   ? part >= 0.5
                                                        : 0;
    tap.index[0] = tap.index[1] = up ? high : low;
    tap.weight[0] = 1;
    tap.weight[1] = 0;
    return tap;
}

/* Whether TRIANGLE or CUBIC makes each element of dst from as many of src as the scale asks for. */
static inline int shunt_resize_is_antialiased(const shunt_resize_attr *attr)
{
    return attr->filter >= SHUNT_RESIZE_TRIANGLE;
}

/* The rows or columns of src that element p of dst is made of by TRIANGLE or CUBIC: `count` of them from `first` on. size: of src; places:
 * of dst. */
typedef struct shunt_resize_span {
    int64_t first, count;
} shunt_resize_span;

static inline shunt_resize_span shunt_resize_span_at(const shunt_resize_attr *attr, int64_t size, int64_t places,
                                                     int64_t p)
{
    const double ratio = (double)size / (double)places, width = ratio > 1 ? ratio : 1;
    const double at = ((double)p + 0.5) * ratio - 0.5, reach = attr->filter == SHUNT_RESIZE_CUBIC ? 2 * width : width;
    const int64_t first = at > reach ? (int64_t)(at - reach) : 0, last = (int64_t)(at + reach);
    const int64_t end = last < size ? last + 1 : size;
    const shunt_resize_span span = {first, end - first};
    return span;
}

/* The weight of element i of such a span, before it is divided by the sum of all. The distance is a quotient of whole numbers, so that it is
 * rounded once. */
static inline double shunt_resize_weight(const shunt_resize_attr *attr, int64_t size, int64_t places, int64_t p,
                                         int64_t i)
{
    const double apart = (double)(2 * i + 1) * (double)places - (double)(2 * p + 1) * (double)size;
    const double t = (apart < 0 ? -apart : apart) / (2 * (double)(size > places ? size : places));
    if (attr->filter == SHUNT_RESIZE_TRIANGLE) return t < 1 ? 1 - t : 0;
    if (t < 1) return (1 - t) * (1 + t - 1.5 * t * t);
    return t < 2 ? 0.5 * (1 - t) * (2 - t) * (2 - t) : 0;
}

#ifdef __cplusplus
}
#endif
#endif
