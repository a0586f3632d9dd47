/* segmentation.c - see segmentation.h. */
#include "models/nets/segmentation.h"

#include <stdio.h>
#include <string.h>

static bool large(int depth, net_spec *net)
{
    if (!net_table1(depth, net) || !net->bottleneck) return false;
    net->dilated = true;
    net->shortcut = 'B';
    return true;
}

bool segmentation_parse(const char *name, const char *prefix, net_spec *net)
{
    const int depth = net_depth(name, prefix);
    /* the smaller networks' last stages do halve the map: it has a quarter of the picture's height and width */
    if (!net_small(depth, net) && !large(depth, net)) return false;
    snprintf(net->name, sizeof net->name, "%s", name);
    net->residual = true;
    return true;
}

shunt_value segmentation_layers(net_builder *b, shunt_value src)
{
    b->prefix = "backbone.";
    return residual_layers(b, src);
}

shunt_value segmentation_conv(net_builder *b, const char *conv, const char *norm, shunt_value src, net_window window)
{
    char text[NET_NAME_CHARS + 8];
    snprintf(text, sizeof text, "%s.relu", norm);
    return shunt_graph_relu(b->graph, text, net_conv_norm(b, conv, norm, src, window));
}

shunt_value segmentation_resize(net_builder *b, const char *name, shunt_value src, shunt_value like)
{
    const shunt_op_attr bilinear = {
        .resize = {.filter = SHUNT_RESIZE_BILINEAR, .coordinates = SHUNT_RESIZE_HALF_PIXEL}};
    return shunt_graph_op(b->graph, name, SHUNT_OP_RESIZE, SHUNT_FLAG_LIKE, &bilinear, 2, (shunt_value[]){src, like});
}

void segmentation_output(net_builder *b, const char *conv, const char *result, shunt_value src, shunt_value input)
{
    src = shunt_graph_conv(b->graph, conv, src, b->net->classes, 1, 1, 0, 1);
    shunt_graph_output(b->graph, result, segmentation_resize(b, result, src, input));
}

void segmentation_fcn_head(net_builder *b, const char *name, const char *result, shunt_value src, shunt_value input)
{
    const int64_t channels = shunt_graph_desc(b->graph, src).dims[1] / (b->net->cifar ? 1 : 4);
    char conv[NET_NAME_CHARS], norm[NET_NAME_CHARS];
    snprintf(conv, sizeof conv, "%s.0", name);
    snprintf(norm, sizeof norm, "%s.1", name);
    src = segmentation_conv(b, conv, norm, src, (net_window){channels, 3});
    snprintf(conv, sizeof conv, "%s.4", name);
    segmentation_output(b, conv, result, src, input);
}

void segmentation_second_head(net_builder *b, shunt_value input)
{
    const int last = b->net->cifar ? 2 : 3; /* stage */
    if (b->net->auxiliary) segmentation_fcn_head(b, "aux_classifier", "aux", b->stages[last - 1], input);
}
