/* prune.h - what the penalty on blocks has made of a network's weights. */
#ifndef SHUNT_RUNTIME_TRAIN_PRUNE_H
#define SHUNT_RUNTIME_TRAIN_PRUNE_H

#include "runtime/graph/graph.h"

#include <shunt/weights.h>

/* Whether the branch adds exactly nothing: its scale and shift are all 0. */
bool prune_is_zero(const shunt_graph *graph, const graph_branch *branch, const shunt_weights *weights);

#endif
