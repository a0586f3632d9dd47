/* retinanet.c - Lin, Goyal, Girshick, He, Dollar: Focal Loss for Dense Object Detection (RetinaNet), 2017, as torchvision has it.
 * Results, of each map from the largest on: the logits (N, anchors x classes, H, W) and the codes of the boxes (N, anchors x 4, H, W). */
#include "models/nets/detection.h"

#include <stdio.h>

enum { LEVELS = 5, FIRST_STAGE = 1, SCALES = 3, ANCHORS = SCALES * DETECTION_RATIOS, DEPTH = 4 };

static bool parse(const char *name, bool cifar, net_spec *net)
{
    return !cifar && detection_parse(name, "retinanet_resnet", "_fpn", net);
}

/* Two smaller maps behind the pyramid. */
static void add_maps(net_builder *b, shunt_value *maps)
{
    shunt_graph *graph = b->graph;
    maps[3] = shunt_graph_conv(graph, "backbone.fpn.extra_blocks.p6", maps[2], DETECTION_CHANNELS, 3, 2, 1, 1);
    maps[4] = shunt_graph_conv(graph, "backbone.fpn.extra_blocks.p7",
                               shunt_graph_relu(graph, "backbone.fpn.extra_blocks.relu", maps[3]), DETECTION_CHANNELS,
                               3, 2, 1, 1);
}

/* One of the two heads on one map; all maps share its weights. */
static void put_head(net_builder *b, const char *head, const char *last, int64_t channels, shunt_value x)
{
    char name[NET_NAME_CHARS], relu[NET_NAME_CHARS];
    for (int i = 0; i < DEPTH; i++) {
        snprintf(name, sizeof name, "head.%s.conv.%d.0", head, i);
        snprintf(relu, sizeof relu, "head.%s.conv.%d.1", head, i);
        x = shunt_graph_relu(b->graph, relu, shunt_graph_conv(b->graph, name, x, DETECTION_CHANNELS, 3, 1, 1, 1));
    }
    snprintf(name, sizeof name, "head.%s.%s", head, last);
    shunt_graph_output(b->graph, last, shunt_graph_conv(b->graph, name, x, channels, 3, 1, 1, 1));
}

static void head(net_builder *b, shunt_value input, shunt_value features)
{
    shunt_value maps[LEVELS];
    (void)input, (void)features;
    detection_pyramid(b, FIRST_STAGE, maps);
    add_maps(b, maps);
    for (int i = 0; i < LEVELS; i++) {
        put_head(b, "classification_head", "cls_logits", ANCHORS * b->net->classes, maps[i]);
        put_head(b, "regression_head", "bbox_reg", ANCHORS * 4, maps[i]);
    }
}

/* Three to an octave, in whole pixels. */
static const net_anchors anchors = {
    .levels = LEVELS,
    .nscales = SCALES,
    .scales = {{32, 40, 50}, {64, 80, 101}, {128, 161, 203}, {256, 322, 406}, {512, 645, 812}}};

const net_family net_retinanet = {
    .names = (const char *const[]){"retinanet_resnet50_fpn", "retinanet_resnet101_fpn", NULL},
    .parse = parse,
    .layers = detection_layers,
    .preset = "detection",
    .head = head,
    .task = SHUNT_TASK_DETECT,
    .classifier = "head.classification_head.cls_logits",
    .channels = ANCHORS,
    .classes = 91,
    .side = 800,
    .bare_files = (const char *const[]){"eeacb38b", NULL},
    .anchors = &anchors,
    .most = 300,
};
