/* fasterrcnn.c - Ren, He, Girshick, Sun: Faster R-CNN: Towards Real-Time Object Detection with Region Proposal Networks, 2015, on a pyramid of
 * maps, as torchvision has it. */
#include "models/nets/rcnn.h"

static bool parse(const char *name, bool cifar, net_spec *net)
{
    return !cifar && detection_parse(name, "fasterrcnn_resnet", "_fpn", net);
}

static bool parse_v2(const char *name, bool cifar, net_spec *net)
{
    net->improved = true;
    return !cifar && detection_parse(name, "fasterrcnn_resnet", "_fpn_v2", net);
}

static const net_look looks[] = {{.boxes = "proposals", .most = RCNN_PROPOSALS, .results = 2, .build = rcnn_classify}};

/* What both versions are. */
#define FASTER_RCNN                                                                                                    \
    .layers = detection_layers, .preset = "detection", .head = rcnn_propose, .task = SHUNT_TASK_DETECT,                \
    .classifier = "roi_heads.box_predictor.cls_score",                                                                 \
    .class_layers = (const char *const[]){"roi_heads.box_predictor.bbox_pred", NULL}, .classes = 91, .side = 800,      \
    .anchors = &rcnn_anchors, .most = 100, .looks = looks, .nlooks = sizeof looks / sizeof *looks, .maps = RCNN_MAPS

const net_family net_fasterrcnn = {
    FASTER_RCNN,
    .names = (const char *const[]){"fasterrcnn_resnet50_fpn", "fasterrcnn_resnet101_fpn", NULL},
    .parse = parse,
    .bare_files = (const char *const[]){"258fb6c6", NULL},
};

/* Its batch norms always have an epsilon. */
const net_family net_fasterrcnn_v2 = {
    FASTER_RCNN,
    .names = (const char *const[]){"fasterrcnn_resnet50_fpn_v2", "fasterrcnn_resnet101_fpn_v2", NULL},
    .parse = parse_v2,
};
