/* fcn.c - Long, Shelhamer, Darrell: Fully Convolutional Networks for Semantic Segmentation, 2015, as torchvision has it on a dilated
 * ResNet. */
#include "models/nets/segmentation.h"

static bool parse(const char *name, bool cifar, net_spec *net)
{
    return !cifar && segmentation_parse(name, "fcn_resnet", net);
}

static void head(net_builder *b, shunt_value input, shunt_value features)
{
    segmentation_fcn_head(b, "classifier", "out", features, input);
    segmentation_second_head(b, input);
}

const net_family net_fcn = {
    .names = (const char *const[]){"fcn_resnet50", "fcn_resnet101", "fcn_resnet6n+2", NULL},
    .parse = parse,
    .layers = segmentation_layers,
    .preset = "segmentation",
    .small_preset = "segmentation-small",
    .small_side = 128,
    .head = head,
    .task = SHUNT_TASK_SEGMENT,
    .classifier = "classifier.4",
    .spare = SEGMENTATION_SPARE,
    .backbone = "backbone.",
    .class_layers = (const char *const[]){SEGMENTATION_SPARE_LAYER, NULL},
    .classes = 21,
    .side = 520,
};
