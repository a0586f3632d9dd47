/* products.h - the products that a convolution sums, for its gradients: these scatter term by term where backends gather. */
#ifndef SHUNT_VERIFY_PRODUCTS_H
#define SHUNT_VERIFY_PRODUCTS_H

#include "runtime/verify/dice.h"

/* The dims of a convolution, and what a gradient of it sums. */
typedef struct products {
    const shunt_conv_attr *attr;
    const int64_t *src, *weights, *dst;
    const double *const *in;
    double *const *out, *const *scale;
} products;

/* src[x] * weights[y] is a term of dst[z]. */
typedef void product(const products *all, int64_t x, int64_t y, int64_t z);

void each_product(const products *all, product *visit);

/* Draws the gradient by the weights of a convolution or a linear layer. */
void products_draw_grad_weights(dice *d, uint32_t kind, shunt_op_desc *op);

#endif
