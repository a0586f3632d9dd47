/* pixel_loss.h - the loss of a network that labels pixels: cross-entropy at each pixel. */
#ifndef SHUNT_RUNTIME_TRAIN_PIXEL_LOSS_H
#define SHUNT_RUNTIME_TRAIN_PIXEL_LOSS_H

#include "runtime/graph/graph.h"

/* The pixels of all pictures are one row each: N * H * W of them. */
typedef struct pixel_truth {
    shunt_value labels;  /* (rows) */
    shunt_value weights; /* (rows, 1): what each counts, on average 1 */
} pixel_truth;

/* Of logits (N, C, H, W). Two inputs: "labels", "weights". */
pixel_truth pixel_truth_inputs(shunt_graph *graph, shunt_value logits);
/* One more input like the weights, for a second head: its weight in the loss, too. */
shunt_value pixel_weights_input(shunt_graph *graph, const char *name, shunt_value logits);
/* Of each picture the sum over its pixels of weight * cross-entropy, (N). *diff: the gradient of the mean over all rows by the logits, in their
 * shape. name: of the ops. */
shunt_value pixel_loss(shunt_graph *graph, const char *name, shunt_value logits, const pixel_truth *truth,
                       float smoothing, shunt_value *diff);

#endif
