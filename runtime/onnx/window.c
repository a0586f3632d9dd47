/* window.c - the attributes that convolutions and pools share: where windows lie, in each direction. */
#include "runtime/onnx/importer.h"

#include <inttypes.h>

#include "runtime/base/error.h"

/* One number a direction; `count` numbers a direction for pads. Each lies in [least, INT32_MAX]. */
static shunt_status read_list(const onnx_node *node, const char *name, uint32_t count, int64_t least, onnx_ints *out)
{
    shunt_status status = onnx_attribute_ints(node, name, out);
    if (status || !out->there) return status;
    if (out->count != count)
        return error_fail(SHUNT_E_INVALID, "attribute '%s' has %u numbers, not %u", name, out->count, count);
    for (uint32_t i = 0; i < count; i++)
        if (out->at[i] < least || out->at[i] > INT32_MAX)
            return error_fail(SHUNT_E_INVALID, "attribute '%s' has a %" PRId64, name, out->at[i]);
    return SHUNT_OK;
}

shunt_status onnx_window_lists(const onnx_node *node, onnx_window *w)
{
    onnx_ints window, stride, dilation, pads;
    shunt_status status = read_list(node, "kernel_shape", w->directions, 1, &window);
    if (!status) status = read_list(node, "strides", w->directions, 1, &stride);
    if (!status) status = read_list(node, "dilations", w->directions, 1, &dilation);
    if (!status) status = read_list(node, "pads", 2 * w->directions, 0, &pads);
    for (uint32_t i = 0; !status && i < w->directions; i++) {
        if (window.there && w->window[i] && w->window[i] != window.at[i])
            return error_fail(SHUNT_E_INVALID, "its kernel_shape is not that of its weights");
        if (window.there) w->window[i] = window.at[i];
        if (!w->window[i]) return error_fail(SHUNT_E_INVALID, "its kernel_shape is missing");
        w->stride[i] = stride.there ? stride.at[i] : 1;
        w->dilation[i] = dilation.there ? dilation.at[i] : 1;
        w->before[i] = pads.there ? pads.at[i] : 0;
        w->after[i] = pads.there ? pads.at[w->directions + i] : 0;
    }
    return status;
}

/* Pads so that stride 1 keeps the size; an odd one goes to the end (upper) or the start. */
static void pad_same(onnx_window *w, bool upper)
{
    for (uint32_t i = 0; i < w->directions; i++) {
        int64_t places = (w->size[i] + w->stride[i] - 1) / w->stride[i];
        int64_t total = (places - 1) * w->stride[i] + w->dilation[i] * (w->window[i] - 1) + 1 - w->size[i];
        if (total < 0) total = 0;
        w->before[i] = upper ? total / 2 : total - total / 2;
        w->after[i] = total - w->before[i];
    }
}

static shunt_status count_places(onnx_window *w, bool ceil)
{
    for (uint32_t i = 0; i < w->directions; i++) {
        int64_t extent = w->dilation[i] * (w->window[i] - 1) + 1, stride = w->stride[i];
        int64_t padded = w->size[i] + w->before[i] + w->after[i];
        if (extent > padded)
            return error_fail(SHUNT_E_INVALID,
                              "a window of %" PRId64 " does not fit into %" PRId64 " elements with their padding",
                              extent, padded);
        w->places[i] = (padded - extent + (ceil ? stride - 1 : 0)) / stride + 1;
        /* none starts behind the elements and their padding in front */
        if (ceil && (w->places[i] - 1) * stride >= w->size[i] + w->before[i]) w->places[i]--;
        int64_t reach = (w->places[i] - 1) * stride + extent;
        w->extra[i] = reach > padded ? reach - padded : 0;
        if (w->before[i] > INT32_MAX || w->after[i] + w->extra[i] > INT32_MAX)
            return error_fail(SHUNT_E_INVALID, "its padding is too large");
    }
    return SHUNT_OK;
}

shunt_status onnx_window_read(const onnx_node *node, onnx_window *w)
{
    wire_bytes pad = {(const uint8_t *)"NOTSET", 6};
    int64_t ceil = 0;
    shunt_status status = onnx_window_lists(node, w);
    if (!status) status = onnx_attribute_text(node, "auto_pad", &pad);
    if (!status) status = onnx_attribute_int(node, "ceil_mode", &ceil);
    if (status) return status;
    if (wire_is(pad, "SAME_UPPER") || wire_is(pad, "SAME_LOWER"))
        pad_same(w, wire_is(pad, "SAME_UPPER"));
    else if (wire_is(pad, "VALID"))
        for (uint32_t i = 0; i < w->directions; i++) w->before[i] = w->after[i] = 0;
    else if (pad.size && !wire_is(pad, "NOTSET"))
        return error_fail(SHUNT_E_INVALID, "its auto_pad is '%.*s'", pad.size < 40 ? (int)pad.size : 40,
                          (const char *)pad.data);
    return count_places(w, ceil != 0);
}
