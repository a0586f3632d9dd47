/* blocks.c - the blocks that a network is made of, and the network without some of them. */
#include "models/model.h"
#include "runtime/base/error.h"

#include <shunt/look.h>
#include <stdio.h>
#include <string.h>

int shunt_model_block(const shunt_model *model, size_t index, shunt_block *out)
{
    if (!model || !out) return 0;
    const net_spec *net = &model->net;
    int stage = 0;
    while (stage < NET_STAGES && index >= (size_t)net->blocks[stage]) index -= (size_t)net->blocks[stage++];
    if (stage == NET_STAGES) return 0;
    *out = (shunt_block){.reshapes = index == 0 && (stage > 0 || net->bottleneck)};
    out->needed = out->reshapes && !net->residual;
    snprintf(out->name, sizeof out->name, "layer%d.%zu", stage + 1, index);
    return 1;
}

static shunt_status check_block(const shunt_model *model, const char *name)
{
    shunt_block block, last = {0};
    const char *net = model->net.name;
    for (size_t i = 0; shunt_model_block(model, i, &block); i++) {
        last = block;
        if (strcmp(block.name, name)) continue;
        if (!block.needed) return SHUNT_OK;
        return error_fail(SHUNT_E_INVALID,
                          "%s: %s cannot be left out: it changes the shape, and a plain net has no shortcut that would "
                          "do so in its place",
                          net, name);
    }
    if (!last.name[0])
        return error_fail(SHUNT_E_UNSUPPORTED, "%s has no blocks that are known and could be left out", net);
    return error_fail(SHUNT_E_NOT_FOUND, "%s has no block '%.40s'; they are layer1.0 to %s", net, name, last.name);
}

shunt_status shunt_model_without(const shunt_model *model, const char *const *blocks, size_t nblocks, shunt_graph **out)
{
    if (!model || (!blocks && nblocks) || !out) return error_null(__func__, "model, blocks, out");
    shunt_status status = SHUNT_OK;
    *out = NULL;
    for (size_t i = 0; !status && i < nblocks; i++)
        status = blocks[i] ? check_block(model, blocks[i]) : error_null(__func__, "one of blocks");
    return status ? status : net_build(&model->net, &(net_lesion){blocks, nblocks}, out);
}
