/* cnn.c - a network without blocks, to compare residual ones with: three stages of a 3x3 convolution, batch norm, ReLU and 2x2
 * max pooling. */
#include "models/nets/net.h"

#include <stdio.h>
#include <string.h>

static bool parse(const char *name, bool cifar, net_spec *net)
{
    if (cifar || strcmp(name, "cnn")) return false;
    *net = (net_spec){.name = "cnn", .cifar = true, .base = 64};
    return true;
}

static shunt_value layers(net_builder *b, shunt_value src)
{
    enum { STAGES = 3 };
    char conv[16], norm[16], relu[16], pool[16];
    for (int i = 0; i < STAGES; i++) {
        snprintf(conv, sizeof conv, "conv%d", i + 1);
        snprintf(norm, sizeof norm, "bn%d", i + 1);
        snprintf(relu, sizeof relu, "relu%d", i + 1);
        snprintf(pool, sizeof pool, "pool%d", i + 1);
        src = net_conv_norm(b, conv, norm, src, (net_window){b->net->base << i, 3});
        src = shunt_graph_max_pool(b->graph, pool, shunt_graph_relu(b->graph, relu, src), 2, 2, 0);
    }
    return src;
}

const net_family net_cnn = {.names = (const char *const[]){"cnn", NULL}, .parse = parse, .layers = layers};
