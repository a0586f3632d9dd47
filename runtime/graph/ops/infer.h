/* infer.h - what the rows share to check an op's inputs and to describe its outputs.
 * reason has SHUNT_REASON_CHARS characters; a function that returns false has filled it. */
#ifndef SHUNT_RUNTIME_INFER_H
#define SHUNT_RUNTIME_INFER_H

#include <shunt/backend.h>
#include <stdbool.h>

bool infer_refuse(char *reason, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool infer_check_rank(const shunt_op_desc *op, uint32_t input, uint32_t rank, const char *what, char *reason);
bool infer_check_vector(const shunt_op_desc *op, uint32_t input, int64_t length, const char *what, char *reason);
/* That what this flag adds, if it is set, is one number. */
bool infer_check_number(const shunt_op_desc *op, uint32_t flag, const char *what, char *reason);
/* For rates and shares: 0 .. 1. */
bool infer_check_fraction(float value, const char *what, char *reason);
/* That an input has the shape of input 0, but 1 along axis 1: a number for all channels of a place. */
bool infer_check_places(const shunt_op_desc *op, uint32_t input, const char *what, char *reason);
bool infer_same_dims(const shunt_tensor_desc *a, const shunt_tensor_desc *b);
/* Plain, of the first `rank` dims. */
shunt_tensor_desc infer_plain(uint32_t rank, int64_t n, int64_t c, int64_t h, int64_t w);
/* dst has the shape of input 0. Never refuses. */
bool infer_same(const shunt_op_desc *op, shunt_tensor_desc *dst, char *reason);

#endif
