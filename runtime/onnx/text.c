/* text.c - constants that are texts: from and to numbers. */
#include "runtime/onnx/tensor.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/decimal.h"

wire_bytes onnx_text(const onnx_tensor *tensor, uint64_t index)
{
    wire_bytes text;
    memcpy(&text, tensor->data + (tensor->splat ? 0 : index) * sizeof text, sizeof text);
    return text;
}

/* Longer ones say no number that anyone would write. */
enum { MOST = 400 };

static bool terminate(wire_bytes text, char copy[MOST + 1])
{
    if (!text.size || text.size > MOST || memchr(text.data, 0, text.size)) return false;
    memcpy(copy, text.data, text.size);
    copy[text.size] = '\0';
    return true;
}

bool onnx_text_real(wire_bytes text, double *out)
{
    char copy[MOST + 1], *rest;
    if (!terminate(text, copy)) return false;
    *out = decimal_read(copy, &rest);
    return !*rest && rest != copy;
}

bool onnx_text_integer(wire_bytes text, uint8_t type, int64_t *out)
{
    char copy[MOST + 1], *rest;
    if (!terminate(text, copy)) return false;
    errno = 0;
    *out = type == ONNX_UINT64 ? (int64_t)strtoull(copy, &rest, 10) : strtoll(copy, &rest, 10);
    return !*rest && rest != copy && !errno;
}

/* Infinities and NaN as ONNX's Cast reads them. Other numbers without an exponent, as far as six digits go (single) or fifteen. */
static void print_real(double number, bool single, char text[ONNX_NUMBER_CHARS])
{
    if (isnan(number))
        snprintf(text, ONNX_NUMBER_CHARS, "NaN");
    else if (isinf(number))
        snprintf(text, ONNX_NUMBER_CHARS, number < 0 ? "-INF" : "INF");
    else
        decimal_print(number, single, single ? 6 : 15, text, ONNX_NUMBER_CHARS);
}

void onnx_print_number(const onnx_tensor *tensor, uint64_t index, char text[ONNX_NUMBER_CHARS])
{
    if (onnx_type_is_float(tensor->type))
        print_real(onnx_number(tensor, index), tensor->type != ONNX_DOUBLE, text);
    else if (tensor->type == ONNX_UINT64)
        snprintf(text, ONNX_NUMBER_CHARS, "%" PRIu64, (uint64_t)onnx_integer(tensor, index));
    else
        snprintf(text, ONNX_NUMBER_CHARS, "%" PRId64, onnx_integer(tensor, index));
}
