/* ghost.c - networks that choose their blocks: a small policy network sees the picture first, and has one number for each block whose
 * shortcut is the identity. Where its sigmoid, the gate, is above a threshold, the block runs (BlockDrop: Wu et al. 2018).
 *
 * One network has three graphs. The whole one computes every block and multiplies its branch by the gate, 0 or 1: it is what is trained, and
 * what any program can run. The policy's gives the gates. The chosen one is for one number of pictures: each block gathers those
 * that need it, group by group, and puts its results in their places; a group without pictures is not launched. All groups have one size, so
 * that a picture is computed in the same way whichever group it is in. */
#include "models/nets/net.h"
#include "runtime/base/error.h"
#include "runtime/graph/graph.h"

#include <stdio.h>
#include <string.h>

enum { SMALL_SIDE = 64, WIDTH = 16 };

/* ---- The policy ------------------------------------------------------------------------------------------------------ */

static shunt_value layer(net_builder *b, shunt_value x, int number, int stride)
{
    char conv[NET_NAME_CHARS], norm[NET_NAME_CHARS], act[NET_NAME_CHARS];
    snprintf(conv, sizeof conv, "policy.conv%d", number);
    snprintf(norm, sizeof norm, "policy.bn%d", number);
    snprintf(act, sizeof act, "policy.relu%d", number);
    const net_window window = {WIDTH << (number - 1), 3, .stride = stride};
    return shunt_graph_relu(b->graph, act, net_conv_norm(b, conv, norm, x, window));
}

/* The gates (N, blocks), each in 0 .. 1. The picture is seen at half its size, a large one at an eighth. */
static shunt_value gates_of(net_builder *b, shunt_value input)
{
    const int64_t height = shunt_graph_desc(b->graph, input).dims[2];
    const int side = height <= SMALL_SIDE ? 2 : 8;
    const shunt_op_attr attr = {.pool = {.window = {side, side}, .stride = {side, side}}};
    shunt_value x = shunt_graph_op(b->graph, "policy.pool", SHUNT_OP_AVG_POOL, 0, &attr, 1, &input);
    for (int i = 1; i <= 3; i++) x = layer(b, x, i, i > 1 ? 2 : 1);
    x = shunt_graph_linear(b->graph, "policy.fc", shunt_graph_global_pool(b->graph, "policy.avgpool", x),
                           b->net->ghost);
    return shunt_graph_op(b->graph, "policy.gates", SHUNT_OP_SIGMOID, 0, NULL, 1, &x);
}

/* ---- The whole graph ------------------------------------------------------------------------------------------------- */

void ghost_begin(net_builder *b, shunt_value input)
{
    const shunt_value gates = gates_of(b, input);
    b->gates = shunt_graph_op(b->graph, "policy.step", SHUNT_OP_STEP, 0, NULL, 1, &gates);
}

/* Column `block` of the decisions, as a tensor of one number for each picture. */
static shunt_value column(net_builder *b, int block)
{
    const shunt_op_attr cut = {.pad = {.before = {0, -block}, .after = {0, block + 1 - b->net->ghost}}};
    const shunt_op_attr pixel = {.reshape = {.rank = 4, .dims = {0, 1, 1, 1}}};
    char text[NET_NAME_CHARS];
    const shunt_value one = shunt_graph_op(b->graph, net_named(b, text, "gate"), SHUNT_OP_PAD, 0, &cut, 1, &b->gates);
    return shunt_graph_op(b->graph, text, SHUNT_OP_RESHAPE, 0, &pixel, 1, &one);
}

shunt_value ghost_mask(net_builder *b, shunt_value branch)
{
    char text[NET_NAME_CHARS];
    const shunt_value pair[] = {branch, column(b, b->block_number++)};
    return shunt_graph_op(b->graph, net_named(b, text, "masked"), SHUNT_OP_MUL, SHUNT_FLAG_BROADCAST, NULL, 2, pair);
}

/* ---- The chosen graph ------------------------------------------------------------------------------------------------ */

/* Where in the numbers the group of the block under way begins. */
static int64_t place_of(const net_builder *b, int64_t group)
{
    return (int64_t)b->block_number * ghost_places(b->pictures, b->group) + group * b->group;
}

int64_t ghost_places(int64_t pictures, int64_t group)
{
    return (pictures + group - 1) / group * group;
}

int64_t ghost_groups(const net_builder *b)
{
    return ghost_places(b->pictures, b->group) / b->group;
}

shunt_value ghost_take(net_builder *b, shunt_value x, int64_t group)
{
    const shunt_op_attr attr = {.rows = {(int32_t)place_of(b, group), (int32_t)b->group}};
    char text[NET_NAME_CHARS];
    graph_begin_condition(b->graph, b->chosen, (uint32_t)attr.rows.first);
    return shunt_graph_op(b->graph, net_named(b, text, "take"), SHUNT_OP_GATHER, 0, &attr, 2,
                          (shunt_value[]){x, b->chosen});
}

shunt_value ghost_put(net_builder *b, shunt_value x, shunt_value made, int64_t group)
{
    const shunt_op_attr attr = {.rows = {.first = (int32_t)place_of(b, group)}};
    char text[NET_NAME_CHARS];
    x = shunt_graph_op(b->graph, net_named(b, text, "put"), SHUNT_OP_SCATTER, 0, &attr, 3,
                       (shunt_value[]){x, made, b->chosen});
    graph_end_condition(b->graph);
    return x;
}

/* ---- Networks -------------------------------------------------------------------------------------------------------- */

shunt_status ghost_describe(net_spec *net)
{
    const char prefix[] = "ghost-";
    char name[sizeof net->name + sizeof prefix];
    shunt_graph *graph;
    net->ghost = 0;
    if (net->family->layers != residual_layers || net->family->head)
        return error_fail(SHUNT_E_UNSUPPORTED, "%s: only residual networks that classify can choose their blocks",
                          net->name);
    shunt_status status = net_build_counting(net, &graph, &net->ghost);
    if (status) return status;
    shunt_graph_destroy(graph);
    if (!net->ghost)
        return error_fail(SHUNT_E_UNSUPPORTED,
                          "%s has no block whose shortcut is the identity, and so none that a policy could leave out",
                          net->name);
    snprintf(name, sizeof name, "%s%s", prefix, net->name);
    if (strlen(name) >= sizeof net->name) return error_fail(SHUNT_E_INVALID, "%s: the name is too long", name);
    memcpy(net->name, name, strlen(name) + 1);
    return SHUNT_OK;
}

shunt_status ghost_build_policy(const net_spec *net, shunt_graph **out)
{
    net_builder builder = {.net = net, .graph = shunt_graph_create(), .prefix = ""};
    if (!builder.graph) return error_memory();
    const shunt_value input = shunt_graph_input(builder.graph, "input", 4, (int64_t[]){1, 3, net->height, net->width});
    shunt_graph_output(builder.graph, "gates", gates_of(&builder, input));
    return net_finish(&builder, out);
}

shunt_status ghost_build_chosen(const net_spec *net, int64_t pictures, int64_t group, shunt_graph **out)
{
    net_builder builder = {
        .net = net, .graph = shunt_graph_create(), .prefix = "", .pictures = pictures, .group = group};
    if (!builder.graph) return error_memory();
    const int64_t dims[] = {pictures, 3, net->height, net->width}, numbers = ghost_places(pictures, group) * net->ghost;
    const shunt_value input = shunt_graph_input(builder.graph, "input", 4, dims);
    builder.chosen = shunt_graph_input(builder.graph, "chosen", 1, &numbers);
    net_classify(&builder, residual_layers(&builder, input));
    return net_finish(&builder, out);
}
