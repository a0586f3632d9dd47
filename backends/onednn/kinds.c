/* kinds.c - which file does which kind of op. */
#include "onednn.h"

static const onednn_kind *const kinds[] = {
    [SHUNT_OP_CONV] = &onednn_conv,
    [SHUNT_OP_LINEAR] = &onednn_linear,
    [SHUNT_OP_BATCH_NORM] = &onednn_batch_norm,
    [SHUNT_OP_RELU] = &onednn_relu,
    [SHUNT_OP_ADD] = &onednn_add,
    [SHUNT_OP_MAX_POOL] = &onednn_max_pool,
    [SHUNT_OP_AVG_POOL] = &onednn_avg_pool,
    [SHUNT_OP_GLOBAL_POOL] = &onednn_global_pool,
    [SHUNT_OP_SOFTMAX] = &onednn_softmax,
    [SHUNT_OP_SHORTCUT] = &onednn_shortcut,
    [SHUNT_OP_REORDER] = &onednn_reorder,
};

const onednn_kind *onednn_find_kind(const shunt_op_desc *desc)
{
    if (desc->kind >= sizeof kinds / sizeof *kinds || !kinds[desc->kind]) {
        onednn_fail(SHUNT_E_UNSUPPORTED, "this kind of op is not done here");
        return NULL;
    }
    if (desc->flags & ~kinds[desc->kind]->flags) {
        onednn_fail(SHUNT_E_UNSUPPORTED, "its flags 0x%x are not all known here", desc->flags);
        return NULL;
    }
    uint32_t ninputs =
        kinds[desc->kind]->ninputs + !!(desc->flags & SHUNT_FLAG_BIAS) + !!(desc->flags & SHUNT_FLAG_RESIDUAL);
    if (desc->ninputs != ninputs || desc->noutputs != 1) {
        onednn_fail(SHUNT_E_INVALID, "%u inputs and %u outputs", desc->ninputs, desc->noutputs);
        return NULL;
    }
    return kinds[desc->kind];
}
