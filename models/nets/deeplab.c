/* deeplab.c - Chen, Papandreou, Schroff, Adam: Rethinking Atrous Convolution for Semantic Image Segmentation (DeepLabV3), 2017, as
 * torchvision has it on a dilated ResNet. */
#include "models/nets/segmentation.h"

#include <stdio.h>

enum { CHANNELS = 256, BRANCHES = 5 };
static const int dilations[] = {12, 24, 36};

static bool parse(const char *name, bool cifar, net_spec *net)
{
    return !cifar && segmentation_parse(name, "deeplabv3_resnet", net);
}

/* One way to look at the features: a window that skips this much; 0: a window of one pixel. */
static shunt_value branch(net_builder *b, int index, shunt_value features, int dilation)
{
    char conv[NET_NAME_CHARS], norm[NET_NAME_CHARS];
    snprintf(conv, sizeof conv, "classifier.0.convs.%d.0", index);
    snprintf(norm, sizeof norm, "classifier.0.convs.%d.1", index);
    return segmentation_conv(b, conv, norm, features, (net_window){CHANNELS, dilation ? 3 : 1, .dilation = dilation});
}

/* The picture as a whole, the same at each place. */
static shunt_value whole(net_builder *b, shunt_value features)
{
    const shunt_op_attr pixel = {.reshape = {.rank = 4, .dims = {0, 0, 1, 1}}};
    shunt_value x = shunt_graph_global_pool(b->graph, "classifier.0.convs.4.0", features);
    x = shunt_graph_op(b->graph, "classifier.0.convs.4.0", SHUNT_OP_RESHAPE, 0, &pixel, 1, &x);
    x = segmentation_conv(b, "classifier.0.convs.4.1", "classifier.0.convs.4.2", x, (net_window){CHANNELS, 1});
    return segmentation_resize(b, "classifier.0.convs.4", x, features);
}

/* Atrous spatial pyramid pooling: all branches side by side, then mixed. */
static shunt_value pyramid(net_builder *b, shunt_value features)
{
    const shunt_op_attr channels = {.concat = {.axis = 1}};
    shunt_value all[BRANCHES] = {branch(b, 0, features, 0)};
    for (int i = 0; i < 3; i++) all[1 + i] = branch(b, 1 + i, features, dilations[i]);
    all[4] = whole(b, features);
    for (int i = 1; i < BRANCHES; i++)
        all[0] = shunt_graph_op(b->graph, "classifier.0.concat", SHUNT_OP_CONCAT, 0, &channels, 2,
                                (shunt_value[]){all[0], all[i]});
    return segmentation_conv(b, "classifier.0.project.0", "classifier.0.project.1", all[0], (net_window){CHANNELS, 1});
}

static void head(net_builder *b, shunt_value input, shunt_value features)
{
    features = segmentation_conv(b, "classifier.1", "classifier.2", pyramid(b, features), (net_window){CHANNELS, 3});
    segmentation_output(b, "classifier.4", "out", features, input);
    segmentation_second_head(b, input);
}

const net_family net_deeplab = {
    .names = (const char *const[]){"deeplabv3_resnet50", "deeplabv3_resnet101", "deeplabv3_resnet6n+2", NULL},
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
