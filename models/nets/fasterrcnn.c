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

static const char *const class_layers[] = {"roi_heads.box_predictor.bbox_pred", NULL};
enum { LOOKS = sizeof looks / sizeof *looks };

const net_family net_fasterrcnn = {
    RCNN_FAMILY,
    .looks = looks,
    .nlooks = LOOKS,
    .class_layers = class_layers,
    .names = (const char *const[]){"fasterrcnn_resnet50_fpn", "fasterrcnn_resnet101_fpn", NULL},
    .parse = parse,
    .bare_files = (const char *const[]){"258fb6c6", NULL},
};

/* Its batch norms always have an epsilon. */
const net_family net_fasterrcnn_v2 = {
    RCNN_FAMILY,
    .looks = looks,
    .nlooks = LOOKS,
    .class_layers = class_layers,
    .names = (const char *const[]){"fasterrcnn_resnet50_fpn_v2", "fasterrcnn_resnet101_fpn_v2", NULL},
    .parse = parse_v2,
};
