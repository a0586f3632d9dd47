/* detection.c - see detection.h. */
#include "models/nets/detection.h"

#include <stdio.h>
#include <string.h>

bool detection_parse(const char *name, const char *prefix, const char *ending, net_spec *net)
{
    const size_t length = strlen(name), cut = strlen(ending);
    char stem[sizeof net->name];
    if (length <= cut || length >= sizeof stem || strcmp(name + length - cut, ending)) return false;
    snprintf(stem, sizeof stem, "%.*s", (int)(length - cut), name);
    if (!net_table1(net_depth(stem, prefix), net)) return false;
    snprintf(net->name, sizeof net->name, "%s", name);
    net->residual = true;
    net->shortcut = 'B';
    return true;
}

shunt_value detection_layers(net_builder *b, shunt_value src)
{
    b->prefix = DETECTION_BACKBONE;
    return residual_layers(b, src);
}

/* A convolution of the pyramid, of its kind ("inner_blocks") and number. */
static shunt_value block(net_builder *b, const char *kind, int number, shunt_value src, net_window window)
{
    char name[NET_NAME_CHARS], norm[NET_NAME_CHARS];
    snprintf(name, sizeof name, "backbone.fpn.%s.%d.0", kind, number);
    snprintf(norm, sizeof norm, "backbone.fpn.%s.%d.1", kind, number);
    if (b->net->improved) return net_conv_norm(b, name, norm, src, window);
    return shunt_graph_conv(b->graph, name, src, window.channels, window.kernel, 1, (int)window.kernel / 2, 1);
}

/* As large as `like`: each element is repeated. */
static shunt_value enlarge(net_builder *b, shunt_value src, shunt_value like)
{
    const shunt_op_attr nearest = {.resize = {.filter = SHUNT_RESIZE_NEAREST,
                                              .coordinates = SHUNT_RESIZE_ASYMMETRIC,
                                              .rounding = SHUNT_RESIZE_FLOOR}};
    return shunt_graph_op(b->graph, "backbone.fpn.enlarge", SHUNT_OP_RESIZE, SHUNT_FLAG_LIKE, &nearest, 2,
                          (shunt_value[]){src, like});
}

void detection_pyramid(net_builder *b, const detection_stages *stages, shunt_value *maps)
{
    const int last = stages->count - 1;
    shunt_value inner = SHUNT_NO_VALUE;
    for (int i = last; i >= 0; i--) {
        const shunt_value lateral =
            block(b, "inner_blocks", i, b->stages[stages->first + i], (net_window){stages->channels, 1});
        inner =
            i == last ? lateral : shunt_graph_add(b->graph, "backbone.fpn.add", lateral, enlarge(b, inner, lateral));
        maps[i] = block(b, "layer_blocks", i, inner, (net_window){stages->channels, 3});
    }
}
