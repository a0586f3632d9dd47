/* maskrcnn.c - He, Gkioxari, Dollar, Girshick: Mask R-CNN, 2017, as torchvision has it: Faster R-CNN, which then looks into the boxes of its
 * objects for their masks. */
#include "models/nets/rcnn.h"

static bool parse(const char *name, bool cifar, net_spec *net)
{
    return !cifar && detection_parse(name, "maskrcnn_resnet", "_fpn", net);
}

static bool parse_v2(const char *name, bool cifar, net_spec *net)
{
    net->improved = true;
    return !cifar && detection_parse(name, "maskrcnn_resnet", "_fpn_v2", net);
}

static const net_look looks[] = {
    {.boxes = "proposals", .most = RCNN_PROPOSALS, .results = 2, .build = rcnn_classify},
    {.boxes = "objects", .most = RCNN_OBJECTS, .results = 1, .build = rcnn_mask},
};

static const char *const class_layers[] = {"roi_heads.box_predictor.bbox_pred",
                                           "roi_heads.mask_predictor.mask_fcn_logits", NULL};
enum { LOOKS = sizeof looks / sizeof *looks };

const net_family net_maskrcnn = {
    RCNN_FAMILY,
    .looks = looks,
    .nlooks = LOOKS,
    .class_layers = class_layers,
    .names = (const char *const[]){"maskrcnn_resnet50_fpn", "maskrcnn_resnet101_fpn", NULL},
    .parse = parse,
    .bare_files = (const char *const[]){"bf2d0c1e", NULL},
};

/* Its batch norms always have an epsilon. */
const net_family net_maskrcnn_v2 = {
    RCNN_FAMILY,
    .looks = looks,
    .nlooks = LOOKS,
    .class_layers = class_layers,
    .names = (const char *const[]){"maskrcnn_resnet50_fpn_v2", "maskrcnn_resnet101_fpn_v2", NULL},
    .parse = parse_v2,
};
