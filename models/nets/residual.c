/* residual.c - the layers of residual and plain networks: the paper's Table 1 and the block that it repeats, with what later
 * networks changed in it. He, Zhang, Ren, Sun: Deep Residual Learning for Image Recognition, 2015. Parameters have
 * torchvision's names; those of timm's variants have timm's. */
#include "models/nets/net.h"

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

static const float usual_epsilon = 1e-5f; /* of batch norms, as torch has it: weights were trained with it */

bool net_table1(int depth, net_spec *net)
{
    for (size_t i = 0; i < sizeof table1 / sizeof *table1; i++) {
        if (table1[i].depth != depth) continue;
        net->bottleneck = table1[i].bottleneck;
        memcpy(net->blocks, table1[i].blocks, sizeof net->blocks);
        return true;
    }
    return false;
}

bool net_small(int depth, net_spec *net)
{
    net_spec other = {0};
    if (depth < 8 || depth % 6 != 2 || net_table1(depth, &other)) return false;
    for (int i = 0; i < 3; i++) net->blocks[i] = (depth - 2) / 6;
    net->cifar = true;
    net->base = 16;
    net->shortcut = 'A';
    return true;
}

const char *net_named(const net_builder *b, char text[NET_NAME_CHARS], const char *part)
{
    snprintf(text, NET_NAME_CHARS, "%s.%s", b->block, part);
    return text;
}

/* builder->prefix + part: of a layer outside of the blocks. */
static const char *prefixed(const net_builder *b, char text[NET_NAME_CHARS], const char *part)
{
    snprintf(text, NET_NAME_CHARS, "%s%s", b->prefix, part);
    return text;
}

static int or_one(int given)
{
    return given ? given : 1;
}

shunt_value net_conv(shunt_graph *graph, const char *name, shunt_value src, net_window w)
{
    char weight[NET_NAME_CHARS + 8];
    const int dilation = or_one(w.dilation), groups = or_one(w.groups), padding = dilation * ((int)w.kernel / 2);
    const int64_t C = shunt_graph_desc(graph, src).dims[1];
    const shunt_op_attr attr = {.conv = {.stride = {or_one(w.stride), or_one(w.stride)},
                                         .dilation = {dilation, dilation},
                                         .pad_before = {padding, padding},
                                         .pad_after = {padding, padding},
                                         .groups = groups}};
    snprintf(weight, sizeof weight, "%s.weight", name);
    const int64_t dims[] = {w.channels, C / groups, w.kernel, w.kernel};
    const shunt_value inputs[] = {src, shunt_graph_parameter(graph, weight, SHUNT_ROLE_WEIGHT, 4, dims)};
    return shunt_graph_op(graph, name, SHUNT_OP_CONV, 0, &attr, 2, inputs);
}

shunt_value net_conv_norm(net_builder *b, const char *conv, const char *norm, shunt_value src, net_window window)
{
    const float epsilon = b->net->bare_norms ? 0 : usual_epsilon;
    return shunt_graph_batch_norm(b->graph, norm, net_conv(b->graph, conv, src, window), epsilon);
}

/* Within a block: "conv1" stands for "layer1.0.conv1". */
static shunt_value conv_norm(net_builder *b, const char *conv, const char *norm, shunt_value src, net_window window)
{
    char c[NET_NAME_CHARS], n[NET_NAME_CHARS];
    return net_conv_norm(b, net_named(b, c, conv), net_named(b, n, norm), src, window);
}

static shunt_value relu(net_builder *b, const char *name, shunt_value src)
{
    char text[NET_NAME_CHARS];
    return shunt_graph_relu(b->graph, net_named(b, text, name), src);
}

static shunt_value average(shunt_graph *graph, const char *name, shunt_value src, int stride, int pad_after)
{
    const shunt_op_attr attr = {
        .pool = {.window = {2, 2}, .stride = {stride, stride}, .pad_after = {pad_after, pad_after}}};
    return shunt_graph_op(graph, name, SHUNT_OP_AVG_POOL, 0, &attr, 1, &src);
}

/* Half the map, smoothed. The blur (Zhang 2019) is [1 2 1]/4 along both axes over a map that is mirrored at its edges: two
 * averages of 2x2, one after the other, the second with the stride. */
static shunt_value smooth_halving(net_builder *b, const char *name, shunt_value src)
{
    if (b->net->antialias == 'a') return average(b->graph, name, src, 2, 0);
    const shunt_op_attr attr = {.pad = {.mode = SHUNT_PAD_REFLECT, .before = {0, 0, 1, 1}, .after = {0, 0, 1, 1}}};
    src = shunt_graph_op(b->graph, name, SHUNT_OP_PAD, 0, &attr, 1, &src);
    return average(b->graph, name, average(b->graph, name, src, 1, 0), 2, 0);
}

/* A stride behind the activation, where the net is antialiased. */
static shunt_value antialias(net_builder *b, shunt_value src, int stride)
{
    char text[NET_NAME_CHARS];
    return b->net->antialias && stride == 2 ? smooth_halving(b, net_named(b, text, "aa"), src) : src;
}

/* torch's ceil_mode: of an odd side, the last place averages what there is. One row of padding gives that; an even side
 * never reaches it. */
static shunt_value average_downsample(net_builder *b, shunt_value src, int64_t channels, int stride)
{
    char text[NET_NAME_CHARS];
    if (stride == 2) src = average(b->graph, net_named(b, text, "downsample.0"), src, 2, 1);
    return conv_norm(b, "downsample.1", "downsample.2", src, (net_window){channels, 1});
}

/* Sections 3.3 and 4.1: A pads with zeros, B projects where the shape changes, C everywhere. */
static shunt_value shortcut(net_builder *b, shunt_value src, int64_t channels, int stride)
{
    char text[NET_NAME_CHARS];
    bool same = stride == 1 && shunt_graph_desc(b->graph, src).dims[1] == channels;
    if (same && b->net->shortcut != 'C') return src;
    if (b->net->shortcut == 'A')
        return shunt_graph_shortcut(b->graph, net_named(b, text, "shortcut"), src, channels, stride);
    if (b->net->average_downsample) return average_downsample(b, src, channels, stride);
    return conv_norm(b, "downsample.0", "downsample.1", src, (net_window){channels, 1, .stride = stride});
}

static bool left_out(const net_builder *b)
{
    const char *name = b->block + strlen(b->prefix); /* shunt_model_block gives names without it */
    for (size_t i = 0; b->lesion && i < b->lesion->count; i++)
        if (!strcmp(b->lesion->blocks[i], name)) return true;
    return false;
}

static shunt_value basic(net_builder *b, shunt_value x, int64_t width, int stride)
{
    const int first = b->net->antialias ? 1 : stride;
    x = relu(b, "relu1", conv_norm(b, "conv1", "bn1", x, (net_window){width, 3, .stride = first}));
    return conv_norm(b, "conv2", "bn2", antialias(b, x, stride), (net_window){width, 3});
}

static shunt_value bottleneck(net_builder *b, shunt_value x, int64_t width, int stride)
{
    const net_spec *net = b->net;
    const int64_t groups = net->groups ? net->groups : 1;
    const int64_t inner = net->groups ? width / net->base * net->group_width * groups : width;
    const net_window second = {inner, 3, .stride = net->v1 || net->antialias ? 1 : stride, .dilation = b->dilation,
                               .groups = (int)groups};
    x = conv_norm(b, "conv1", "bn1", x, (net_window){inner, 1, .stride = net->v1 ? stride : 1});
    x = relu(b, "relu2", conv_norm(b, "conv2", "bn2", relu(b, "relu1", x), second));
    return conv_norm(b, "conv3", "bn3", antialias(b, x, stride), (net_window){4 * width, 1});
}

/* Squeeze and excitation (Hu et al. 2018): each channel of each image is scaled by a number that all its means together give.
 * Between them are a sixteenth of the channels, in whole eights, as timm rounds. */
static shunt_value gated(net_builder *b, shunt_value x)
{
    const shunt_op_attr pixel = {.reshape = {.rank = 4, .dims = {0, 0, 1, 1}}};
    const int64_t channels = shunt_graph_desc(b->graph, x).dims[1], rounded = (channels / 16 + 4) / 8 * 8;
    char text[NET_NAME_CHARS];
    shunt_value gate = shunt_graph_global_pool(b->graph, net_named(b, text, "se.pool"), x);
    gate = shunt_graph_op(b->graph, text, SHUNT_OP_RESHAPE, 0, &pixel, 1, &gate);
    gate = shunt_graph_conv(b->graph, net_named(b, text, "se.fc1"), gate, rounded > 8 ? rounded : 8, 1, 1, 0, 1);
    gate = shunt_graph_conv(b->graph, net_named(b, text, "se.fc2"), relu(b, "se.relu", gate), channels, 1, 1, 0, 1);
    gate = shunt_graph_op(b->graph, net_named(b, text, "se.gate"), SHUNT_OP_SIGMOID, 0, NULL, 1, &gate);
    return shunt_graph_op(b->graph, net_named(b, text, "se"), SHUNT_OP_MUL, SHUNT_FLAG_BROADCAST, NULL, 2,
                          (shunt_value[]){x, gate});
}

/* What a block adds to its shortcut. */
static shunt_value branch(net_builder *b, shunt_value src, int64_t width, int stride)
{
    const net_spec *net = b->net;
    const shunt_value x = net->bottleneck ? bottleneck(b, src, width, stride) : basic(b, src, width, stride);
    return net->gates ? gated(b, x) : x;
}

static shunt_value add_relu(net_builder *b, shunt_value x, shunt_value other)
{
    char text[NET_NAME_CHARS];
    return relu(b, "relu", shunt_graph_add(b->graph, net_named(b, text, "add"), x, other));
}

/* Of the pictures that need it; all others stay as they are. */
static shunt_value chosen_block(net_builder *b, shunt_value x, int64_t width)
{
    for (int64_t group = 0; group < ghost_groups(b); group++) {
        const shunt_value src = ghost_take(b, x, group);
        x = ghost_put(b, x, add_relu(b, branch(b, src, width, 1), src), group);
    }
    b->block_number++;
    return x;
}

/* Fig. 5. The shortcut is built first, so that the last convolution can add it to its own result. */
static shunt_value block(net_builder *b, shunt_value src, int64_t width, int stride)
{
    const net_spec *net = b->net;
    int64_t channels = net->bottleneck ? 4 * width : width;
    shunt_value other = net->residual ? shortcut(b, src, channels, stride) : SHUNT_NO_VALUE;
    if (left_out(b)) {
        b->block_number += other == src;
        return !net->residual || other == src ? src : relu(b, "relu", other);
    }
    if (b->pictures && other == src) return chosen_block(b, src, width);
    shunt_value x = branch(b, src, width, stride);
    if (net->ghost && other == src)
        x = ghost_mask(b, x);
    else
        b->block_number += other == src;
    return net->residual ? add_relu(b, x, other) : relu(b, "relu", x);
}

/* Three convolutions instead of one. */
static shunt_value deep_stem(net_builder *b, shunt_value x)
{
    const int64_t half = b->net->base / 2;
    shunt_graph *graph = b->graph;
    x = net_conv_norm(b, "conv1.0", "conv1.1", x, (net_window){half, 3, .stride = 2});
    x = net_conv_norm(b, "conv1.3", "conv1.4", shunt_graph_relu(graph, "conv1.2", x), (net_window){half, 3});
    return net_conv_norm(b, "conv1.6", "bn1", shunt_graph_relu(graph, "conv1.5", x), (net_window){b->net->base, 3});
}

/* From the picture to the first stage. */
static shunt_value stem(net_builder *b, shunt_value x)
{
    const net_spec *net = b->net;
    const net_window first = {net->base, net->cifar ? 3 : 7, .stride = net->cifar ? 1 : 2};
    char text[NET_NAME_CHARS], norm[NET_NAME_CHARS];
    shunt_graph *graph = b->graph;
    x = net->deep_stem ? deep_stem(b, x)
                       : net_conv_norm(b, prefixed(b, text, "conv1"), prefixed(b, norm, "bn1"), x, first);
    x = shunt_graph_relu(graph, prefixed(b, text, "relu"), x);
    if (net->cifar && !net->max_pool) return x;
    if (net->antialias == 'a') return smooth_halving(b, "maxpool", x);
    if (!net->antialias) return shunt_graph_max_pool(graph, prefixed(b, text, "maxpool"), x, 3, 2, 1);
    return smooth_halving(b, "maxpool.1", shunt_graph_max_pool(graph, "maxpool.0", x, 3, 1, 1));
}

/* A stage whose map would be halved, but is dilated, doubles what its convolutions skip; its first block still looks as the stage before. */
static shunt_value stage_layers(net_builder *b, shunt_value x, int stage)
{
    const bool dilates = b->net->dilated && stage >= 2;
    const int before = b->dilation, stride = stage > 0 && !dilates ? 2 : 1;
    for (int i = 0; i < b->net->blocks[stage]; i++) {
        snprintf(b->block, sizeof b->block, "%slayer%d.%d", b->prefix, stage + 1, i);
        b->dilation = dilates && i > 0 ? 2 * before : before;
        x = block(b, x, b->net->base << stage, i == 0 ? stride : 1);
    }
    if (dilates) b->dilation = 2 * before;
    return x;
}

shunt_value residual_layers(net_builder *b, shunt_value src)
{
    if (b->net->ghost && !b->pictures) ghost_begin(b, src);
    shunt_value x = stem(b, src);
    b->dilation = 1;
    for (int stage = 0; stage < NET_STAGES; stage++) b->stages[stage] = x = stage_layers(b, x, stage);
    return x;
}
