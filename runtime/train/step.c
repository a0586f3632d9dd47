/* step.c - the graph of a training step: a network, its loss, gradients and update, by a recipe. */
#include <shunt/train.h>

#include <stdbool.h>
#include <string.h>

#include "runtime/error.h"
#include "runtime/graph/graph.h"

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
        if (!found) return shunt_fail(SHUNT_E_INVALID, "freeze: no parameter's name starts with '%.60s'", prefix);
    }
    return SHUNT_OK;
}

/* Appends to the network, which has the shapes of a batch, what makes each of its runs a step. */
static shunt_status append_training(shunt_graph *graph, const shunt_recipe *recipe, const shunt_frozen *frozen,
                                    int recompute)
{
    shunt_gradient_options gradients = {.frozen = frozen, .recompute = recompute};
    shunt_sgd_options sgd = {.momentum = (float)recipe->momentum,
                             .weight_decay = (float)recipe->weight_decay,
                             .nesterov = recipe->nesterov != 0,
                             .decay_all = recipe->decay_all != 0};
    shunt_value logits = graph->outputs[0].value, diff_logits = SHUNT_NO_VALUE;
    shunt_value labels = shunt_graph_input(graph, "labels", 1, &recipe->batch);
    shunt_value rate = shunt_graph_input(graph, "rate", 1, (int64_t[]){1});
    shunt_status status = shunt_graph_train_batch_norms(graph, (float)recipe->norm_momentum, frozen);
    if (status) return status;
    shunt_value losses =
        shunt_graph_cross_entropy(graph, "loss", logits, labels, (float)recipe->smoothing, &diff_logits);
    status = shunt_graph_gradients(graph, logits, diff_logits, &gradients);
    if (!status) status = shunt_graph_sgd(graph, rate, &sgd);
    if (status) return status;
    shunt_graph_output(graph, "losses", losses);
    return shunt_graph_check(graph);
}

shunt_status shunt_graph_training_step(const shunt_graph *network, const shunt_recipe *recipe,
                                       const shunt_tensor_desc *pictures, int recompute, shunt_graph **out)
{
    char text[sizeof recipe->freeze];
    const char *prefixes[MOST_FROZEN];
    memcpy(text, recipe->freeze, sizeof text);
    shunt_frozen frozen = {prefixes, split_list(text, prefixes)};
    *out = NULL;
    shunt_status status = check_frozen(network, &frozen);
    if (!status) status = shunt_graph_copy(network, out);
    if (!status) status = shunt_graph_reshape(*out, pictures, 1);
    if (!status) status = append_training(*out, recipe, &frozen, recompute);
    if (status) {
        shunt_graph_destroy(*out);
        *out = NULL;
    }
    return status;
}
