/* window.h - windows that slide over an image: convolutions and pools. */
#ifndef SHUNT_RUNTIME_WINDOW_H
#define SHUNT_RUNTIME_WINDOW_H

#include <shunt/backend.h>
#include <stdbool.h>

/* The number of places of a window along one axis: (size + padding - extent) / stride + 1. */
bool window_places(int64_t size, int64_t window, int32_t dilation, int32_t stride, int32_t before, int32_t after,
                   int64_t *places, char *reason);

/* The shape of a pool's result. */
bool window_infer_pool(const shunt_op_desc *op, shunt_tensor_desc *dst, char *reason);
/* Elements of a pool's window. */
uint64_t window_size(const shunt_op_desc *op);
/* One operation per element of each window. */
uint64_t window_pool_flops(const shunt_op_desc *op);

#endif
