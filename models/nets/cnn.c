/* cnn.c - a network without blocks, to compare residual ones with: three stages of a 3x3 convolution, batch norm, ReLU and 2x2
 * max pooling. */
#include "models/nets/net.h"

#include <stdio.h>

shunt_value cnn_layers(const net_spec *net, shunt_graph *graph, shunt_value src, float epsilon)
{
    enum { STAGES = 3 };
    char conv[16], norm[16], relu[16], pool[16];
    for (int i = 0; i < STAGES; i++) {
        snprintf(conv, sizeof conv, "conv%d", i + 1);
        snprintf(norm, sizeof norm, "bn%d", i + 1);
        snprintf(relu, sizeof relu, "relu%d", i + 1);
        snprintf(pool, sizeof pool, "pool%d", i + 1);
        src = shunt_graph_conv(graph, conv, src, net->base << i, 3, 1, 1, 0);
        src = shunt_graph_relu(graph, relu, shunt_graph_batch_norm(graph, norm, src, epsilon));
        src = shunt_graph_max_pool(graph, pool, src, 2, 2, 0);
    }
    return src;
}
