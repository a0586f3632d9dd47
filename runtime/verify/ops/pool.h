/* pool.h - what max and average pools and their gradients share. */
#ifndef SHUNT_VERIFY_POOL_H
#define SHUNT_VERIFY_POOL_H

#include "runtime/verify/dice.h"

#include <stdbool.h>

/* counts_padding: half of them count it. */
void pool_draw(dice *d, shunt_op_desc *op, bool counts_padding);
/* Elements of a window. */
double pool_terms(const shunt_op_desc *op);

/* The window of element i of dst. */
typedef struct pool_window {
    double most, sum, size; /* size: of absolute values */
    int64_t inside;         /* elements that are not padding */
    bool nan;
} pool_window;
pool_window pool_at(const shunt_op_desc *op, const double *src, int64_t i);

enum { POOL_MOST = 64 }; /* elements of a window that is drawn */
/* Of a gradient: the places in src that the window of diff_dst[i] covers, row by row. Returns how many. */
int64_t pool_places(const shunt_op_desc *op, const shunt_tensor_desc *diff_dst, int64_t i, int64_t places[POOL_MOST]);

#endif
