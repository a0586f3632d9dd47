/* step.c - see step.h: a network, its loss, gradients and update, by a recipe. */
#include "runtime/train/step.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/base/error.h"
#include "runtime/graph/graph.h"
#include "runtime/train/gradient_norms.h"
#include "runtime/train/object_loss.h"
#include "runtime/train/recipe.h"

enum { MOST_FROZEN = 64 };

/* "conv1,layer1" into prefixes, in place. Returns how many. */
static size_t split_list(char *text, const char *parts[MOST_FROZEN])
{
    size_t count = 0;
    char *rest, *part = strtok_r(text, ",", &rest);
    for (; part && count < MOST_FROZEN; part = strtok_r(NULL, ",", &rest)) parts[count++] = part;
    return count;
}

/* A prefix that no parameter has is a mistake in typing. */
static shunt_status check_frozen(const shunt_graph *graph, const shunt_frozen *frozen)
{
    for (size_t k = 0; k < frozen->count; k++) {
        const char *prefix = frozen->prefixes[k];
        bool found = false;
        for (uint32_t i = 0; i < graph->nvalues; i++)
            found |=
                graph->values[i].source == VALUE_PARAMETER && !strncmp(graph->values[i].name, prefix, strlen(prefix));
        if (!found) return error_fail(SHUNT_E_INVALID, "freeze: no parameter's name starts with '%.60s'", prefix);
    }
    return SHUNT_OK;
}

static shunt_status check_prune(const shunt_recipe *recipe)
{
    const double *ramp = recipe->prune_ramp;
    if (recipe->prune > 0 && !(ramp[0] <= ramp[1]))
        return error_fail(SHUNT_E_INVALID, "prune_ramp '%g,%g': it ends before it begins", ramp[0], ramp[1]);
    if (recipe->prune > 0 && recipe->momentum >= 1)
        return error_fail(SHUNT_E_INVALID, "prune needs a momentum below 1, not %g", recipe->momentum);
    return SHUNT_OK;
}

static shunt_status check_ghost(const shunt_graph *network, const shunt_recipe *recipe)
{
    const double *ramp = recipe->ghost_ramp;
    if (recipe->ghost <= 0) return SHUNT_OK;
    if (train_find_decisions(network) == SHUNT_NO_VALUE)
        return error_fail(SHUNT_E_UNSUPPORTED,
                          "ghost: the network has no policy that chooses blocks; networks that have one are called "
                          "ghost-...");
    if (!(ramp[0] <= ramp[1]))
        return error_fail(SHUNT_E_INVALID, "ghost_ramp '%g,%g': it ends before it begins", ramp[0], ramp[1]);
    if (recipe->prune > 0)
        return error_fail(SHUNT_E_UNSUPPORTED, "ghost and prune: blocks are chosen or pruned, one after the other");
    if (recipe->accumulate > 1)
        return error_fail(SHUNT_E_UNSUPPORTED, "ghost and accumulate: the share of blocks is that of a whole batch");
    return SHUNT_OK;
}

static shunt_status check_heads(const shunt_graph *network, const shunt_recipe *recipe)
{
    const bool pixels = shunt_graph_desc(network, network->outputs[0].value).rank == 4;
    if (object_loss_fits(network) && recipe->auxiliary <= 0) return SHUNT_OK;
    if (network->noutputs == (recipe->auxiliary > 0 ? 2 : 1) && (pixels || network->noutputs == 1)) return SHUNT_OK;
    return error_fail(SHUNT_E_INVALID,
                      "auxiliary %g: it is the weight of a second head, and the network has %u results; a network that "
                      "labels pixels has two if it is made with a second head",
                      recipe->auxiliary, network->noutputs);
}

/* Behind the update of each batch norm that ends a skippable block: what shrinks it. Frozen ones stay as they are. */
static shunt_status append_shrinking(shunt_graph *graph, const shunt_graph *network)
{
    size_t count, shrunk = 0;
    graph_branch *branches;
    const shunt_value threshold = shunt_graph_input(graph, "threshold", 1, (int64_t[]){1});
    shunt_status status = graph_find_skippable(network, &branches, &count);
    for (size_t i = 0; !status && i < count; i++) {
        const char *names[] = {network->values[branches[i].scale].name, network->values[branches[i].shift].name};
        graph_op op = {.kind = SHUNT_OP_SHRINK, .ninputs = 3, .inputs = {[2] = threshold}};
        for (int k = 0; k < 2; k++) op.inputs[k] = graph_find_parameter(graph, names[k]);
        if (graph->values[op.inputs[0]].diff == SHUNT_NO_VALUE) continue;
        graph_append_named(graph, names[0], "shrink", &op, 0, NULL, NULL);
        status = shunt_graph_check(graph);
        shrunk++;
    }
    free(branches);
    if (status || shrunk) return status;
    return error_fail(SHUNT_E_UNSUPPORTED,
                      count ? "prune: all blocks that could be left out are frozen"
                            : "prune: the network has no block whose shortcut is the identity and that could be left "
                              "out");
}

/* Each run is a part of a step. */
static shunt_status append_parts(shunt_graph *graph)
{
    const shunt_value last = shunt_graph_input(graph, "last_part", 1, (int64_t[]){1});
    return graph_begin_accumulating(graph, last, shunt_graph_input(graph, "part_factors", 1, (int64_t[]){2}));
}

/* Appends to the network with its gradients what makes each of its runs a step. */
static shunt_status append_update(shunt_graph *graph, const shunt_graph *network, const shunt_recipe *recipe,
                                  bool scaled)
{
    shunt_sgd_options sgd = {.size = sizeof sgd,
                             .momentum = (float)recipe->momentum,
                             .weight_decay = (float)recipe->weight_decay,
                             .nesterov = recipe->nesterov != 0,
                             .decay_all = recipe->decay_all != 0,
                             .lars = (float)recipe->lars};
    shunt_value rate = shunt_graph_input(graph, "rate", 1, (int64_t[]){1});
    shunt_status status = shunt_graph_sgd(graph, rate, &sgd);
    if (!status && recipe->prune > 0) status = append_shrinking(graph, network);
    if (!status && scaled) {
        shunt_value nonfinite, inverse = shunt_graph_input(graph, "gradient_scale", 1, (int64_t[]){1});
        status = graph_guard_updates(graph, inverse, &nonfinite);
        if (!status) shunt_graph_output(graph, "nonfinite", nonfinite);
    }
    if (!status && recipe->accumulate > 1) status = append_parts(graph);
    return status ? status : shunt_graph_check(graph);
}

shunt_status train_step_graph(const shunt_graph *network, const shunt_recipe *recipe, const train_step_options *options,
                              shunt_graph **out)
{
    static const char *const used[] = {
        "momentum", "nesterov",   "weight_decay", "decay_all",    "freeze",     "smoothing", "norm_momentum", "lars",
        "prune",    "prune_ramp", "ghost",        "ghost_weight", "ghost_ramp", "auxiliary", "accumulate",    NULL};
    char text[sizeof recipe->freeze];
    const char *prefixes[MOST_FROZEN];
    *out = NULL;
    shunt_status status = recipe_check(recipe, used);
    if (!status) status = check_prune(recipe);
    if (!status) status = check_ghost(network, recipe);
    if (!status) status = check_heads(network, recipe);
    if (status) return status;
    memcpy(text, recipe->freeze, sizeof text);
    shunt_frozen frozen = {prefixes, split_list(text, prefixes)};
    train_loss loss = {.pictures = options->pictures,
                       .norm_momentum = (float)recipe->norm_momentum,
                       .smoothing = (float)recipe->smoothing,
                       .gradients = {.frozen = &frozen, .recompute = options->recompute},
                       .scaled = options->scaled,
                       .ghost = recipe->ghost > 0,
                       .auxiliary = recipe->auxiliary > 0};
    status = check_frozen(network, &frozen);
    if (!status) status = train_loss_graph(network, &loss, out);
    if (!status) status = append_update(*out, network, recipe, options->scaled);
    if (status) {
        shunt_graph_destroy(*out);
        *out = NULL;
    }
    return status;
}

shunt_status shunt_graph_training_step(const shunt_graph *network, const shunt_recipe *recipe,
                                       const shunt_tensor_desc *pictures, int recompute, shunt_graph **out)
{
    if (!network || !recipe || !pictures || !out) return error_null(__func__, "network, recipe, pictures, out");
    return train_step_graph(network, recipe, &(train_step_options){.pictures = pictures, .recompute = recompute}, out);
}
