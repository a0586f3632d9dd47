/* fcn.c - Long, Shelhamer, Darrell: Fully Convolutional Networks for Semantic Segmentation, 2015, as torchvision has it on a dilated
 * ResNet. */
#include "models/nets/segmentation.h"

#include <stdio.h>

static bool parse(const char *name, bool cifar, net_spec *net)
{
    return !cifar && segmentation_parse(name, "fcn_resnet", net);
}

/* For small pictures: windows that skip more and more places, so that an object is seen as a whole (Yu, Koltun: Multi-Scale Context
 * Aggregation by Dilated Convolutions, 2016). */
static shunt_value context(net_builder *b, shunt_value features)
{
    static const int dilations[] = {2, 4};
    const int64_t channels = shunt_graph_desc(b->graph, features).dims[1];
    for (int i = 0; i < 2; i++) {
        char conv[NET_NAME_CHARS], norm[NET_NAME_CHARS];
        snprintf(conv, sizeof conv, "context.%d.0", i);
        snprintf(norm, sizeof norm, "context.%d.1", i);
        features = segmentation_conv(b, conv, norm, features, (net_window){channels, 3, .dilation = dilations[i]});
    }
    return features;
}

static void head(net_builder *b, shunt_value input, shunt_value features)
{
    if (b->net->cifar) features = context(b, features);
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
