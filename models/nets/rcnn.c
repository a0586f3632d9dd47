/* rcnn.c - see rcnn.h. */
#include "models/nets/rcnn.h"

#include <stdio.h>

enum { ANCHORS = DETECTION_RATIOS, CELLS = 7, MASK_CELLS = 14, HIDDEN = 1024 };

const net_anchors rcnn_anchors = {.levels = RCNN_LEVELS, .nscales = 1, .scales = {{32}, {64}, {128}, {256}, {512}}};

static void propose_on(net_builder *b, shunt_value x)
{
    shunt_graph *graph = b->graph;
    char conv[NET_NAME_CHARS], relu[NET_NAME_CHARS];
    for (int i = 0; i < (b->net->improved ? 2 : 1); i++) {
        snprintf(conv, sizeof conv, "rpn.head.conv.%d.0", i);
        snprintf(relu, sizeof relu, "rpn.head.conv.%d.1", i);
        x = shunt_graph_relu(graph, relu, shunt_graph_conv(graph, conv, x, DETECTION_CHANNELS, 3, 1, 1, 1));
    }
    shunt_graph_output(graph, "cls_logits", shunt_graph_conv(graph, "rpn.head.cls_logits", x, ANCHORS, 1, 1, 0, 1));
    shunt_graph_output(graph, "bbox_pred", shunt_graph_conv(graph, "rpn.head.bbox_pred", x, ANCHORS * 4, 1, 1, 0, 1));
}

/* The smallest map is every second element of the one before. */
void rcnn_propose(net_builder *b, shunt_value input, shunt_value features)
{
    (void)input, (void)features;
    detection_pyramid(b, &(detection_stages){0, NET_STAGES, DETECTION_CHANNELS}, b->maps);
    b->maps[RCNN_MAPS] = shunt_graph_max_pool(b->graph, "backbone.fpn.extra_blocks", b->maps[RCNN_MAPS - 1], 1, 2, 0);
    for (int i = 0; i < RCNN_LEVELS; i++) propose_on(b, b->maps[i]);
}

/* Four convolutions; in torchvision's second version with batch norms. */
static shunt_value convolve(net_builder *b, const char *head, shunt_value x)
{
    enum { DEPTH = 4 };
    char conv[NET_NAME_CHARS], norm[NET_NAME_CHARS], relu[NET_NAME_CHARS];
    for (int i = 0; i < DEPTH; i++) {
        snprintf(conv, sizeof conv, "%s.%d.0", head, i);
        snprintf(norm, sizeof norm, "%s.%d.1", head, i);
        snprintf(relu, sizeof relu, "%s.%d.relu", head, i);
        x = b->net->improved ? net_conv_norm(b, conv, norm, x, (net_window){DETECTION_CHANNELS, 3})
                             : shunt_graph_conv(b->graph, conv, x, DETECTION_CHANNELS, 3, 1, 1, 1);
        x = shunt_graph_relu(b->graph, relu, x);
    }
    return x;
}

static shunt_value hidden(net_builder *b, const char *layer, const char *relu, shunt_value x)
{
    return shunt_graph_relu(b->graph, relu, shunt_graph_linear(b->graph, layer, x, HIDDEN));
}

void rcnn_classify(net_builder *b, shunt_value rois)
{
    const shunt_op_attr flat = {.reshape = {.rank = 2, .dims = {0, -1}}};
    shunt_graph *graph = b->graph;
    shunt_value x = shunt_graph_roi_align(graph, "roi_heads.box_roi_pool", RCNN_MAPS, b->maps, RCNN_FINEST, rois, CELLS,
                                          RCNN_SAMPLING);
    if (b->net->improved) x = convolve(b, "roi_heads.box_head", x);
    x = shunt_graph_op(graph, "roi_heads.box_head.flatten", SHUNT_OP_RESHAPE, 0, &flat, 1, &x);
    if (b->net->improved) {
        x = hidden(b, "roi_heads.box_head.5", "roi_heads.box_head.6", x);
    } else {
        x = hidden(b, "roi_heads.box_head.fc6", "roi_heads.box_head.relu6", x);
        x = hidden(b, "roi_heads.box_head.fc7", "roi_heads.box_head.relu7", x);
    }
    const int64_t classes = b->net->classes;
    shunt_graph_output(graph, "cls_score", shunt_graph_linear(graph, "roi_heads.box_predictor.cls_score", x, classes));
    shunt_graph_output(graph, "bbox_pred",
                       shunt_graph_linear(graph, "roi_heads.box_predictor.bbox_pred", x, 4 * classes));
}

void rcnn_mask(net_builder *b, shunt_value rois)
{
    shunt_graph *graph = b->graph;
    shunt_value x = shunt_graph_roi_align(graph, "roi_heads.mask_roi_pool", RCNN_MAPS, b->maps, RCNN_FINEST, rois,
                                          MASK_CELLS, RCNN_SAMPLING);
    x = convolve(b, "roi_heads.mask_head", x);
    x = shunt_graph_conv_transpose(graph, "roi_heads.mask_predictor.conv5_mask", x, DETECTION_CHANNELS, 2, 2, 0, 1);
    x = shunt_graph_relu(graph, "roi_heads.mask_predictor.relu", x);
    x = shunt_graph_conv(graph, "roi_heads.mask_predictor.mask_fcn_logits", x, b->net->classes, 1, 1, 0, 1);
    shunt_graph_output(graph, "mask_fcn_logits", x);
}
