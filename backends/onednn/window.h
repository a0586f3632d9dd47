/* window.h - what a convolution and its gradients say to oneDNN alike: strides, padding, filters. */
#ifndef SHUNT_ONEDNN_WINDOW_H
#define SHUNT_ONEDNN_WINDOW_H

#include "onednn.h"

typedef struct onednn_window {
    dnnl_dims_t strides, dilates, before, after;
} onednn_window;

/* From desc->attr.conv and the filters (K,C/groups,R,S). Refuses windows that lie wholly in the padding. */
shunt_status onednn_read_window(const shunt_op_desc *desc, const shunt_tensor_desc *filters, onednn_window *out);
/* Appends the filters to the recipe; *open is their descriptor with the layout left to oneDNN. */
shunt_status onednn_bind_filters(onednn_recipe *recipe, int arg, const shunt_op_desc *desc,
                                 const shunt_tensor_desc *filters, bool output, uint32_t index,
                                 dnnl_memory_desc_t *open);

#endif
