/* build.c - graphs of networks: whole, and in the parts that networks with looks run in. */
#include "models/nets/detection.h"
#include "runtime/base/error.h"

void net_classify(net_builder *b, shunt_value features)
{
    const shunt_value x = shunt_graph_global_pool(b->graph, "avgpool", features);
    shunt_graph_output(b->graph, "logits", shunt_graph_linear(b->graph, "fc", x, b->net->classes));
}

/* From the picture to the results, or to the maps that looks see. */
static void build_first(net_builder *b)
{
    const net_spec *net = b->net;
    const shunt_value input = shunt_graph_input(b->graph, "input", 4, (int64_t[]){1, 3, net->height, net->width});
    const shunt_value features = net->family->layers(b, input);
    if (net->family->head)
        net->family->head(b, input, features);
    else
        net_classify(b, features);
}

static void build_look(net_builder *b, const net_look *look)
{
    look->build(b, shunt_graph_input(b->graph, look->boxes, 2, (int64_t[]){look->most, 5}));
}

static void put_maps(net_builder *b)
{
    for (int i = 0; i < b->net->family->maps; i++) shunt_graph_output(b->graph, "map", b->maps[i]);
}

/* Of any sizes: a plan is made for those that there are. */
static void take_maps(net_builder *b)
{
    for (int i = 0; i < b->net->family->maps; i++)
        b->maps[i] = shunt_graph_input(b->graph, "map", 4, (int64_t[]){1, DETECTION_CHANNELS, 1, 1});
}

shunt_status net_finish(net_builder *b, shunt_graph **out)
{
    shunt_status status = shunt_graph_check(b->graph);
    if (status) {
        shunt_graph_destroy(b->graph);
        return error_context(status, "%s", b->net->name);
    }
    *out = b->graph;
    return SHUNT_OK;
}

shunt_status net_build(const net_spec *net, const net_lesion *lesion, shunt_graph **out)
{
    net_builder builder = {.net = net, .lesion = lesion, .graph = shunt_graph_create(), .prefix = ""};
    if (!builder.graph) return error_memory();
    build_first(&builder);
    for (size_t i = 0; i < net->family->nlooks; i++) build_look(&builder, &net->family->looks[i]);
    return net_finish(&builder, out);
}

shunt_status net_build_counting(const net_spec *net, shunt_graph **out, int *blocks)
{
    net_builder builder = {.net = net, .graph = shunt_graph_create(), .prefix = ""};
    if (!builder.graph) return error_memory();
    build_first(&builder);
    *blocks = builder.block_number;
    return net_finish(&builder, out);
}

shunt_status net_build_part(const net_spec *net, size_t part, shunt_graph **out)
{
    net_builder builder = {.net = net, .graph = shunt_graph_create(), .prefix = ""};
    if (!builder.graph) return error_memory();
    if (part == 0) {
        build_first(&builder);
        put_maps(&builder);
    } else {
        take_maps(&builder);
        build_look(&builder, &net->family->looks[part - 1]);
    }
    return net_finish(&builder, out);
}
