/* prune.c - see prune.h; and the blocks that a training run penalises. */
#include "runtime/train/prune.h"

#include "runtime/train/trainer.h"

static bool all_zero(const shunt_graph *graph, shunt_value parameter, const shunt_weights *weights)
{
    const shunt_tensor_view *view = shunt_weights_find(weights, graph->values[parameter].name);
    if (!view || view->desc.dtype != SHUNT_F32) return false;
    const float *data = view->data;
    for (uint64_t i = 0; i < shunt_tensor_count(&view->desc); i++)
        if (data[i] != 0) return false;
    return true;
}

bool prune_is_zero(const shunt_graph *graph, const graph_branch *branch, const shunt_weights *weights)
{
    return all_zero(graph, branch->scale, weights) && all_zero(graph, branch->shift, weights);
}

shunt_status train_find_branches(shunt_trainer *self)
{
    return self->recipe.prune > 0 ? graph_find_skippable(self->graph, &self->branches, &self->nbranches) : SHUNT_OK;
}

int64_t train_blocks_left(const shunt_trainer *self)
{
    int64_t left = 0;
    for (size_t i = 0; i < self->nbranches; i++) left += !prune_is_zero(self->graph, &self->branches[i], self->state);
    return left;
}

size_t shunt_trainer_blocks(const shunt_trainer *self)
{
    return self ? self->nbranches : 0;
}
