/* retinanet.c - Lin, Goyal, Girshick, He, Dollar: Focal Loss for Dense Object Detection (RetinaNet), 2017, as torchvision has it; and a smaller
 * one on the networks for CIFAR, whose layers have the same names.
 * Results, of each map from the largest on: the logits (N, anchors x classes, H, W) and the codes of the boxes (N, anchors x 4, H, W). */
#include "models/nets/detection.h"

#include <stdio.h>

enum { SCALES = 3, ANCHORS = SCALES * DETECTION_RATIOS };

/* The pyramid, two smaller maps behind it, and heads of so many layers before the last one. */
typedef struct retina {
    detection_stages stages;
    int depth;
} retina;
static const retina large = {{1, 3, DETECTION_CHANNELS}, 4}, small = {{2, 1, 64}, 2};

static bool parse(const char *name, bool cifar, net_spec *net)
{
    return !cifar && detection_parse(name, "retinanet_resnet", "_fpn", net);
}

static bool parse_small(const char *name, bool cifar, net_spec *net)
{
    if (cifar || !net_small(net_depth(name, "retinanet_resnet"), net)) return false;
    snprintf(net->name, sizeof net->name, "%s", name);
    net->residual = true;
    return true;
}

static void add_maps(net_builder *b, const detection_stages *stages, shunt_value *maps)
{
    shunt_graph *graph = b->graph;
    maps[0] = shunt_graph_conv(graph, "backbone.fpn.extra_blocks.p6", maps[-1], stages->channels, 3, 2, 1, 1);
    maps[1] = shunt_graph_conv(graph, "backbone.fpn.extra_blocks.p7",
                               shunt_graph_relu(graph, "backbone.fpn.extra_blocks.relu", maps[0]), stages->channels, 3,
                               2, 1, 1);
}

/* One of the two heads on one map; all maps share its weights. */
static void put_head(net_builder *b, const retina *is, const char *head, const char *last, int64_t channels,
                     shunt_value x)
{
    char name[NET_NAME_CHARS], relu[NET_NAME_CHARS];
    for (int i = 0; i < is->depth; i++) {
        snprintf(name, sizeof name, "head.%s.conv.%d.0", head, i);
        snprintf(relu, sizeof relu, "head.%s.conv.%d.1", head, i);
        x = shunt_graph_relu(b->graph, relu, shunt_graph_conv(b->graph, name, x, is->stages.channels, 3, 1, 1, 1));
    }
    snprintf(name, sizeof name, "head.%s.%s", head, last);
    shunt_graph_output(b->graph, last, shunt_graph_conv(b->graph, name, x, channels, 3, 1, 1, 1));
}

static void head(net_builder *b, shunt_value input, shunt_value features)
{
    const retina *is = b->net->cifar ? &small : &large;
    shunt_value maps[NET_MOST_LEVELS];
    (void)input, (void)features;
    detection_pyramid(b, &is->stages, maps);
    add_maps(b, &is->stages, maps + is->stages.count);
    for (int i = 0; i < b->net->family->anchors->levels; i++) {
        put_head(b, is, "classification_head", "cls_logits", ANCHORS * b->net->classes, maps[i]);
        put_head(b, is, "regression_head", "bbox_reg", ANCHORS * 4, maps[i]);
    }
}

/* Three to an octave, in whole pixels. */
static const net_anchors anchors = {
    .levels = 5,
    .nscales = SCALES,
    .scales = {{32, 40, 50}, {64, 80, 101}, {128, 161, 203}, {256, 322, 406}, {512, 645, 812}}};
static const net_anchors small_anchors = {
    .levels = 3, .nscales = SCALES, .scales = {{10, 13, 16}, {20, 25, 32}, {40, 51, 64}}};

const net_family net_retinanet = {
    .names = (const char *const[]){"retinanet_resnet50_fpn", "retinanet_resnet101_fpn", NULL},
    .parse = parse,
    .layers = detection_layers,
    .preset = "detection",
    .head = head,
    .task = SHUNT_TASK_DETECT,
    .classifier = "head.classification_head.cls_logits",
    .channels = ANCHORS,
    .backbone = DETECTION_BACKBONE,
    .classes = 91,
    .side = 800,
    .bare_files = (const char *const[]){"eeacb38b", NULL},
    .anchors = &anchors,
    .most = 300,
};

const net_family net_retinanet_small = {
    .names = (const char *const[]){"retinanet_resnet6n+2", NULL},
    .parse = parse_small,
    .layers = detection_layers,
    .preset = "segmentation-small",
    .head = head,
    .task = SHUNT_TASK_DETECT,
    .classifier = "head.classification_head.cls_logits",
    .channels = ANCHORS,
    .backbone = DETECTION_BACKBONE,
    .classes = 91,
    .side = 128,
    .anchors = &small_anchors,
    .most = 300,
};
