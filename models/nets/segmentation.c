/* segmentation.c - see segmentation.h. */
#include "models/nets/segmentation.h"

#include <stdio.h>
#include <string.h>

bool segmentation_parse(const char *name, const char *prefix, net_spec *net)
{
    if (!net_table1(net_depth(name, prefix), net) || !net->bottleneck) return false;
    snprintf(net->name, sizeof net->name, "%s", name);
    net->residual = net->dilated = true;
    net->shortcut = 'B';
    return true;
}

shunt_value segmentation_layers(net_builder *b, shunt_value src)
{
    b->prefix = "backbone.";
    return residual_layers(b, src);
}

shunt_value segmentation_conv(net_builder *b, const char *conv, const char *norm, shunt_value src, net_window window)
{
    char text[NET_NAME_CHARS];
    snprintf(text, sizeof text, "%s.relu", norm);
    return shunt_graph_relu(b->graph, text, net_conv_norm(b, conv, norm, src, window));
}

shunt_value segmentation_resize(net_builder *b, const char *name, shunt_value src, shunt_value like)
{
    const shunt_op_attr bilinear = {
        .resize = {.filter = SHUNT_RESIZE_BILINEAR, .coordinates = SHUNT_RESIZE_HALF_PIXEL}};
    return shunt_graph_op(b->graph, name, SHUNT_OP_RESIZE, SHUNT_FLAG_LIKE, &bilinear, 2, (shunt_value[]){src, like});
}

void segmentation_output(net_builder *b, const char *conv, shunt_value src, shunt_value input)
{
    src = shunt_graph_conv(b->graph, conv, src, b->net->classes, 1, 1, 0, 1);
    shunt_graph_output(b->graph, "out", segmentation_resize(b, "out", src, input));
}
