/* object_loss.h - the loss of a network that finds objects at anchors: focal loss of the classes, L1 of the boxes' codes, as torchvision's
 * RetinaNet has them. */
#ifndef SHUNT_RUNTIME_TRAIN_OBJECT_LOSS_H
#define SHUNT_RUNTIME_TRAIN_OBJECT_LOSS_H

#include "runtime/graph/graph.h"

#include <stdbool.h>

/* The results of all maps side by side, in the order of shunt_anchors: A shapes at P places, of N pictures. */
typedef struct object_scores {
    shunt_value logits; /* (N*A, classes, P) */
    shunt_value codes;  /* (N*A, 4, P) */
} object_scores;

typedef struct object_losses {
    shunt_value losses;                  /* (N): they add up to the loss */
    shunt_value diff_logits, diff_codes; /* its gradients */
} object_losses;

/* Whether the network's results are, of each map, logits of classes and codes of boxes for each shape of anchor. */
bool object_loss_fits(const shunt_graph *network);
/* Shapes at a place, classes, and places of all maps, of a network that fits, for an input of its own size. */
typedef struct object_sizes {
    int64_t shapes, classes, places;
} object_sizes;
object_sizes object_loss_sizes(const shunt_graph *network);
object_scores object_loss_scores(shunt_graph *graph);
/* Four inputs, as runtime/data/targets.h describes them: "labels" (N*A, 1, P), "weights" like it, "codes" (N*A, 4, P), "code_weights" (N*A, 1, P). */
object_losses object_loss(shunt_graph *graph, const object_scores *scores, int64_t pictures);

#endif
