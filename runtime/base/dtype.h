/* dtype.h - element types of weight files: their names, and floating-point ones from and to float32. */
#ifndef SHUNT_RUNTIME_DTYPE_H
#define SHUNT_RUNTIME_DTYPE_H

#include <shunt/shunt.h>
#include <stdbool.h>

bool dtype_is_float(uint8_t dtype);

/* Both for floating-point types only. A number that the target cannot hold becomes infinite, as IEEE 754 has it; one between
 * two neighbours goes to the nearer, or to the even one. The src of dtype_to_f32 may lie at any address; all else is aligned. */
void dtype_to_f32(uint8_t dtype, const void *src, size_t count, float *dst);
void dtype_from_f32(uint8_t dtype, const float *src, size_t count, void *dst);

#endif
