/* targets.h - what a network that finds objects is to say at each of its anchors, as torchvision's RetinaNet has it. An anchor is of the object
 * that it covers best, if their intersection over union is 0.5 or more; and of it, too, if no anchor covers some object better. It is of no
 * object below 0.4; between, it counts for nothing. */
#ifndef SHUNT_RUNTIME_TARGETS_H
#define SHUNT_RUNTIME_TARGETS_H

#include "runtime/data/dataset.h"

#include <shunt/train.h>
#include <stdbool.h>

/* Of one picture. */
typedef struct anchor_targets {
    float *labels;  /* (shapes, places): the class of the anchor's object; -1: none */
    float *weights; /* (shapes, places): 1 / objects' anchors, of those that count; else 0 */
    float *
        codes; /* (shapes, 4, places): how far and how much the anchor moves and grows to be the object's box; 0 without */
    float *code_weights; /* (shapes, places): as weights, of objects' anchors */
} anchor_targets;

/* best: for each anchor the number of its object, TARGET_NONE or TARGET_BETWEEN. False: no memory. */
enum { TARGET_NONE = -1, TARGET_BETWEEN = -2 };
bool targets_match(const shunt_anchors *anchors, const boxed_object *objects, size_t count, int32_t *best);
/* As torchvision's BoxCoder encodes `box` from `anchor`. */
void targets_encode(const double anchor[4], const double box[4], double code[4]);
/* classes: the label of each class of the data, or NULL. share: what all weights are multiplied by. Returns the number of objects' anchors, or -1
 * without memory. */
int64_t targets_fill(const shunt_anchors *anchors, const boxed_object *objects, size_t count, const int64_t *classes,
                     double share, const anchor_targets *out);

#endif
