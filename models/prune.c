/* prune.c - a trained network without the blocks that compute exactly their shortcut: an ordinary, smaller one. */
#include "models/model.h"
#include "runtime/base/error.h"
#include "runtime/train/prune.h"

#include <shunt/look.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The blocks of a stage, in order. */
typedef struct stage_blocks {
    int *kept; /* their numbers in the network; NULL without memory */
    int count;
} stage_blocks;

/* A block's place within a parameter's name: "layer2.7." of "backbone.layer2.7.conv1.weight". */
typedef struct block_place {
    int stage, block; /* both from 0 */
    const char *begin, *end;
} block_place;

static bool find_place(const char *parameter, block_place *out)
{
    int length = 0;
    out->begin = strstr(parameter, "layer");
    if (!out->begin || sscanf(out->begin, "layer%2d.%5d.%n", &out->stage, &out->block, &length) != 2 || !length)
        return false;
    out->end = out->begin + length;
    return out->stage-- >= 1 && out->stage < NET_STAGES;
}

static bool is_dropped(const shunt_model *model, const graph_branch *branches, size_t count, int stage, int block)
{
    block_place at;
    for (size_t i = 0; i < count; i++) {
        const char *name = model->graph->values[branches[i].scale].name;
        if (find_place(name, &at) && at.stage == stage && at.block == block)
            return prune_is_zero(model->graph, &branches[i], model->weights);
    }
    return false;
}

static shunt_status choose(const shunt_model *model, stage_blocks stages[NET_STAGES], size_t *dropped)
{
    graph_branch *branches;
    size_t count;
    shunt_status status = graph_find_skippable(model->graph, &branches, &count);
    *dropped = 0;
    if (!status && model->net.ghost)
        status = error_fail(SHUNT_E_UNSUPPORTED,
                            "%s chooses blocks by number: leave blocks out first, and train the policy of what is left",
                            model->net.name);
    if (!status && (!count || !model->net.residual))
        status = error_fail(SHUNT_E_UNSUPPORTED,
                            "%s has no block whose shortcut is the identity, and so none that could be left out",
                            model->net.name);
    for (int s = 0; !status && s < NET_STAGES; s++) {
        stages[s].kept = calloc((size_t)model->net.blocks[s] + 1, sizeof *stages[s].kept);
        if (!stages[s].kept) status = error_memory();
        for (int b = 0; !status && b < model->net.blocks[s]; b++)
            if (is_dropped(model, branches, count, s, b))
                ++*dropped;
            else
                stages[s].kept[stages[s].count++] = b;
    }
    free(branches);
    return status;
}

/* With the model's preprocessing and labels, but no weights yet. */
static shunt_status make_smaller(const shunt_model *model, const stage_blocks stages[NET_STAGES], shunt_model **out)
{
    const net_spec *net = &model->net;
    const shunt_model_options options = {
        .classes = net->classes, .height = net->height, .width = net->width, .shortcut = net->shortcut, .v1 = net->v1};
    char name[sizeof net->name];
    int blocks[NET_STAGES];
    for (int s = 0; s < NET_STAGES; s++) blocks[s] = stages[s].count;
    net_name_blocks(net, blocks, name);
    shunt_status status = shunt_model_create(name, &options, out);
    if (status) return status;
    (*out)->head = model->head;
    shunt_model_set_preprocess(*out, &model->preprocess);
    return model->labels ? shunt_model_set_labels(*out, (const char *const *)model->labels) : SHUNT_OK;
}

/* The tensor of `from` that is this parameter of the smaller network. */
static const shunt_tensor_view *find_tensor(const shunt_weights *from, const char *parameter,
                                            const stage_blocks stages[NET_STAGES])
{
    char name[2 * NET_NAME_CHARS];
    block_place at;
    if (!find_place(parameter, &at)) return shunt_weights_find(from, parameter);
    snprintf(name, sizeof name, "%.*slayer%d.%d.%s", (int)(at.begin - parameter), parameter, at.stage + 1,
             stages[at.stage].kept[at.block], at.end);
    return shunt_weights_find(from, name);
}

static shunt_status copy_tensors(const shunt_model *model, const shunt_graph *smaller,
                                 const stage_blocks stages[NET_STAGES], shunt_weights *to)
{
    shunt_status status = SHUNT_OK;
    for (uint32_t v = 0; !status && v < smaller->nvalues; v++) {
        const graph_value *value = &smaller->values[v];
        if (value->source != VALUE_PARAMETER) continue;
        const shunt_tensor_view *view = find_tensor(model->weights, value->name, stages);
        status = shunt_weights_set(to, value->name, &view->desc, view->data);
    }
    for (const char *key = NULL; !status && (key = shunt_weights_metadata_next(model->weights, key));)
        status = shunt_weights_set_metadata(to, key, shunt_weights_metadata(model->weights, key));
    return status;
}

shunt_status shunt_model_drop_zero_blocks(const shunt_model *model, shunt_weights **out, size_t *dropped)
{
    if (!model || !out || !dropped) return error_null(__func__, "model, out, dropped");
    stage_blocks stages[NET_STAGES] = {{0}};
    shunt_model *smaller = NULL;
    shunt_weights *weights = NULL;
    *out = NULL;
    shunt_status status = model_need_weights(model);
    if (!status) status = choose(model, stages, dropped);
    if (!status) status = make_smaller(model, stages, &smaller);
    if (!status) status = shunt_weights_create(&weights);
    if (!status) status = copy_tensors(model, smaller->graph, stages, weights);
    if (!status) status = metadata_write(smaller, weights);
    for (int s = 0; s < NET_STAGES; s++) free(stages[s].kept);
    shunt_model_destroy(smaller);
    if (status)
        shunt_weights_destroy(weights);
    else
        *out = weights;
    return status;
}
