/* fcn.c - Long, Shelhamer, Darrell: Fully Convolutional Networks for Semantic Segmentation, 2015, as torchvision has it on a dilated
 * ResNet. */
#include "models/nets/segmentation.h"

static bool parse(const char *name, bool cifar, net_spec *net)
{
    return !cifar && segmentation_parse(name, "fcn_resnet", net);
}

static void head(net_builder *b, shunt_value input, shunt_value features)
{
    const int64_t channels = shunt_graph_desc(b->graph, features).dims[1] / 4;
    features = segmentation_conv(b, "classifier.0", "classifier.1", features, (net_window){channels, 3});
    segmentation_output(b, "classifier.4", features, input);
}

const net_family net_fcn = {
    .names = (const char *const[]){"fcn_resnet50", "fcn_resnet101", NULL},
    .parse = parse,
    .layers = segmentation_layers,
    .preset = "segmentation",
    .head = head,
    .task = SHUNT_TASK_SEGMENT,
    .classifier = "classifier.4",
    .spare = SEGMENTATION_SPARE,
    .classes = 21,
    .side = 520,
};
