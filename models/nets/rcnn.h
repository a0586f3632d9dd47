/* rcnn.h - what networks share that first propose boxes and then look into each of them: the proposals, and the classes of boxes. */
#ifndef SHUNT_MODELS_NETS_RCNN_H
#define SHUNT_MODELS_NETS_RCNN_H

#include "models/nets/detection.h"

/* RCNN_LEVELS maps propose, of which looks see RCNN_MAPS. */
enum { RCNN_LEVELS = 5, RCNN_MAPS = 4, RCNN_FINEST = 2, RCNN_SAMPLING = 2, RCNN_PROPOSALS = 1000, RCNN_OBJECTS = 100 };

/* What all families of them are. */
#define RCNN_FAMILY                                                                                                    \
    .layers = detection_layers, .preset = "detection", .head = rcnn_propose, .task = SHUNT_TASK_DETECT,                \
    .classifier = "roi_heads.box_predictor.cls_score", .classes = 91, .side = 800, .anchors = &rcnn_anchors,           \
    .most = RCNN_OBJECTS, .maps = RCNN_MAPS

extern const net_anchors rcnn_anchors;

/* The pyramid, and on each of its maps the results of the proposals: whether an anchor has an object (N, anchors, H, W) and the codes
 * of the boxes (N, anchors x 4, H, W). Sets builder->maps. */
void rcnn_propose(net_builder *builder, shunt_value input, shunt_value features);
/* Results: the logits of each box (R, classes), the background first, and the codes of a box for each class (R, classes x 4). */
void rcnn_classify(net_builder *builder, shunt_value rois);
/* Result: the logits of each box's mask for each class (R, classes, 28, 28). */
void rcnn_mask(net_builder *builder, shunt_value rois);

#endif
