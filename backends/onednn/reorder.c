/* reorder.c - the same values in another layout; lanes past the channels become zero. */
#include "onednn.h"

static shunt_status recipe(const shunt_op_desc *desc, bool free, onednn_recipe *out)
{
    (void)free;
    out->reorder = true;
    shunt_status status = onednn_bind(out, DNNL_ARG_FROM, desc, false, 0);
    return status ? status : onednn_bind(out, DNNL_ARG_TO, desc, true, 0);
}

const onednn_kind onednn_reorder = {.recipe = recipe};
