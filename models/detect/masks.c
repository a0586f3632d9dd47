/* masks.c - masks of objects in pictures: torchvision's paste_masks_in_image. */
#include "models/detect/detect.h"
#include "runtime/base/error.h"

#include <math.h>
#include <shunt/resize.h>
#include <stdlib.h>

/* The mask gets a border of zeros, and the box grows with it: so it ends softly. */
enum { BORDER = 1, PADDED = DETECT_MASK + 2 * BORDER };

/* The pixels of a side of a box that has grown: from `first` on, `count` of them, which may lie outside of the picture. */
typedef struct extent {
    int64_t first, count;
} extent;

static extent extent_of(double low, double high)
{
    const double half = (high - low) * 0.5 * PADDED / DETECT_MASK, middle = (high + low) * 0.5;
    const int64_t first = (int64_t)(middle - half), last = (int64_t)(middle + half);
    return (extent){first, last - first + 1 > 1 ? last - first + 1 : 1};
}

/* 0 in the border. */
static double element(const float *mask, int64_t y, int64_t x)
{
    y -= BORDER, x -= BORDER;
    return y >= 0 && y < DETECT_MASK && x >= 0 && x < DETECT_MASK ? (double)mask[y * DETECT_MASK + x] : 0;
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

void detect_paste(const float mask[DETECT_MASK * DETECT_MASK], const detect_box *box, const int64_t picture[2],
                  float *dst)
{
    const shunt_resize_attr bilinear = {.filter = SHUNT_RESIZE_BILINEAR, .coordinates = SHUNT_RESIZE_HALF_PIXEL};
    const extent rows = extent_of(box->top, box->bottom), columns = extent_of(box->left, box->right);
    for (int64_t i = 0; i < picture[0] * picture[1]; i++) dst[i] = 0;
    for (int64_t y = larger(rows.first, 0); y < smaller(rows.first + rows.count, picture[0]); y++) {
        const shunt_resize_tap row = shunt_resize_tap_at(&bilinear, 0, PADDED, rows.count, y - rows.first);
        for (int64_t x = larger(columns.first, 0); x < smaller(columns.first + columns.count, picture[1]); x++) {
            const shunt_resize_tap column = shunt_resize_tap_at(&bilinear, 1, PADDED, columns.count, x - columns.first);
            double sum = 0;
            for (int i = 0; i < 2; i++)
                for (int k = 0; k < 2; k++)
                    sum += row.weight[i] * column.weight[k] * element(mask, row.index[i], column.index[k]);
            dst[y * picture[1] + x] = (float)sum;
        }
    }
}
