/* resnet.c - residual and plain networks: the paper's Table 1 and the block that it repeats.
 * He, Zhang, Ren, Sun: Deep Residual Learning for Image Recognition, 2015. Parameters have torchvision's names. */
#include "models/nets/net.h"
#include "runtime/base/error.h"

#include <stdio.h>
#include <string.h>

static const struct row {
    int depth;
    bool bottleneck;
    int blocks[NET_STAGES]; /* conv2_x .. conv5_x, of 64, 128, 256, 512 channels (bottlenecks: four times that) */
} table1[] = {
    {18, false, {2, 2, 2, 2}},  {34, false, {3, 4, 6, 3}},  {50, true, {3, 4, 6, 3}},
    {101, true, {3, 4, 23, 3}}, {152, true, {3, 8, 36, 3}},
};

static const float epsilon = 1e-5f; /* of batch norms, as torch has it: weights were trained with it */

bool net_blocks(int depth, bool cifar, net_spec *net)
{
    if (cifar) { /* section 4.2: 6n + 2 layers in three stages of 16, 32, 64 channels */
        if (depth < 8 || depth > NET_MOST_DEPTH || depth % 6 != 2) return false;
        for (int i = 0; i < 3; i++) net->blocks[i] = (depth - 2) / 6;
        return true;
    }
    for (size_t i = 0; i < sizeof table1 / sizeof *table1; i++) {
        if (table1[i].depth != depth) continue;
        net->bottleneck = table1[i].bottleneck;
        memcpy(net->blocks, table1[i].blocks, sizeof net->blocks);
        return true;
    }
    return false;
}

typedef struct builder {
    const net_spec *net;
    const net_lesion *lesion; /* or NULL */
    shunt_graph *graph;
    char block[24]; /* "layer1.0", the prefix of names */
} builder;

/* "layer1.0" + "." + "conv2", in text. */
static const char *named(const builder *b, char text[64], const char *part)
{
    snprintf(text, 64, "%s.%s", b->block, part);
    return text;
}

static shunt_value conv_norm(builder *b, const char *conv, const char *norm, shunt_value src, int64_t channels,
                             int kernel, int stride)
{
    char text[64];
    shunt_value x = shunt_graph_conv(b->graph, named(b, text, conv), src, channels, kernel, stride, kernel / 2, 0);
    return shunt_graph_batch_norm(b->graph, named(b, text, norm), x, epsilon);
}

static shunt_value relu(builder *b, const char *name, shunt_value src)
{
    char text[64];
    return shunt_graph_relu(b->graph, named(b, text, name), src);
}

/* Sections 3.3 and 4.1: A pads with zeros, B projects where the shape changes, C everywhere. */
static shunt_value shortcut(builder *b, shunt_value src, int64_t channels, int stride)
{
    char text[64];
    bool same = stride == 1 && shunt_graph_desc(b->graph, src).dims[1] == channels;
    if (same && b->net->shortcut != 'C') return src;
    if (b->net->shortcut == 'A')
        return shunt_graph_shortcut(b->graph, named(b, text, "shortcut"), src, channels, stride);
    return conv_norm(b, "downsample.0", "downsample.1", src, channels, 1, stride);
}

static bool left_out(const builder *b)
{
    for (size_t i = 0; b->lesion && i < b->lesion->count; i++)
        if (!strcmp(b->lesion->blocks[i], b->block)) return true;
    return false;
}

/* Fig. 5. The shortcut is built first, so that the last convolution can add it to its own result. */
static shunt_value block(builder *b, shunt_value src, int64_t width, int stride)
{
    const net_spec *net = b->net;
    int64_t channels = net->bottleneck ? 4 * width : width;
    shunt_value other = net->residual ? shortcut(b, src, channels, stride) : SHUNT_NO_VALUE;
    shunt_value x;
    if (left_out(b)) return !net->residual || other == src ? src : relu(b, "relu", other);
    if (net->bottleneck) {
        x = relu(b, "relu1", conv_norm(b, "conv1", "bn1", src, width, 1, net->v1 ? stride : 1));
        x = relu(b, "relu2", conv_norm(b, "conv2", "bn2", x, width, 3, net->v1 ? 1 : stride));
        x = conv_norm(b, "conv3", "bn3", x, channels, 1, 1);
    } else {
        x = relu(b, "relu1", conv_norm(b, "conv1", "bn1", src, width, 3, stride));
        x = conv_norm(b, "conv2", "bn2", x, width, 3, 1);
    }
    char text[64];
    if (net->residual) x = shunt_graph_add(b->graph, named(b, text, "add"), x, other);
    return relu(b, "relu", x);
}

static shunt_value stages(builder *b, shunt_value x)
{
    const net_spec *net = b->net;
    shunt_graph *graph = b->graph;
    if (net->cifar)
        x = shunt_graph_conv(graph, "conv1", x, net->base, 3, 1, 1, 0);
    else
        x = shunt_graph_conv(graph, "conv1", x, net->base, 7, 2, 3, 0);
    x = shunt_graph_relu(graph, "relu", shunt_graph_batch_norm(graph, "bn1", x, epsilon));
    if (!net->cifar) x = shunt_graph_max_pool(graph, "maxpool", x, 3, 2, 1);
    for (int stage = 0; stage < NET_STAGES; stage++)
        for (int i = 0; i < net->blocks[stage]; i++) {
            snprintf(b->block, sizeof b->block, "layer%d.%d", stage + 1, i);
            x = block(b, x, net->base << stage, stage > 0 && i == 0 ? 2 : 1);
        }
    return x;
}

static void network(builder *b)
{
    const net_spec *net = b->net;
    shunt_graph *graph = b->graph;
    shunt_value x = shunt_graph_input(graph, "input", 4, (int64_t[]){1, 3, net->height, net->width});
    x = net->pooled ? cnn_layers(net, graph, x, epsilon) : stages(b, x);
    x = shunt_graph_global_pool(graph, "avgpool", x);
    shunt_graph_output(graph, "logits", shunt_graph_linear(graph, "fc", x, net->classes));
}

shunt_status net_build(const net_spec *net, const net_lesion *lesion, shunt_graph **out)
{
    builder b = {.net = net, .lesion = lesion, .graph = shunt_graph_create()};
    if (!b.graph) return shunt_fail_memory();
    network(&b);
    shunt_status status = shunt_graph_check(b.graph);
    if (status) {
        shunt_graph_destroy(b.graph);
        return shunt_fail_context(status, "%s", net->name);
    }
    *out = b.graph;
    return SHUNT_OK;
}
