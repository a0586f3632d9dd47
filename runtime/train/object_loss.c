/* object_loss.c - see object_loss.h. */
#include "runtime/train/object_loss.h"

#include <string.h>

bool object_loss_fits(const shunt_graph *network)
{
    return network->ninputs == 1 && network->noutputs > 1 && network->noutputs % 2 == 0 &&
           !strcmp(network->outputs[1].name, "bbox_reg");
}

object_sizes object_loss_sizes(const shunt_graph *network)
{
    object_sizes made = {.shapes = shunt_graph_desc(network, network->outputs[1].value).dims[1] / 4};
    made.classes = shunt_graph_desc(network, network->outputs[0].value).dims[1] / made.shapes;
    for (uint32_t i = 0; i < network->noutputs; i += 2) {
        const shunt_tensor_desc map = shunt_graph_desc(network, network->outputs[i].value);
        made.places += map.dims[2] * map.dims[3];
    }
    return made;
}

static shunt_value reshape(shunt_graph *graph, const char *name, shunt_value src, int rank, const int64_t *dims)
{
    shunt_op_attr attr = {.reshape = {.rank = rank}};
    for (int i = 0; i < rank; i++) attr.reshape.dims[i] = (int32_t)dims[i];
    return shunt_graph_op(graph, name, SHUNT_OP_RESHAPE, 0, &attr, 1, &src);
}

/* The maps (N, A x channels, H, W) of outputs first, first + 2 ... as (N*A, channels, P). */
static shunt_value join(shunt_graph *graph, const char *name, uint32_t first, int64_t channels)
{
    const shunt_op_attr along = {.concat = {.axis = 2}};
    shunt_value joined = SHUNT_NO_VALUE;
    for (uint32_t i = first; i < graph->noutputs; i += 2) {
        const shunt_value map = graph->outputs[i].value;
        const int64_t *dims = shunt_graph_desc(graph, map).dims;
        const int64_t rows[] = {dims[0] * dims[1] / channels, channels, dims[2] * dims[3]};
        const shunt_value part = reshape(graph, name, map, 3, rows);
        joined = i == first ? part
                            : shunt_graph_op(graph, name, SHUNT_OP_CONCAT, 0, &along, 2, (shunt_value[]){joined, part});
    }
    return joined;
}

object_scores object_loss_scores(shunt_graph *graph)
{
    const object_sizes sizes = object_loss_sizes(graph);
    return (object_scores){.logits = join(graph, "loss.logits", 0, sizes.classes),
                           .codes = join(graph, "loss.codes", 1, 4)};
}

/* losses: (N*A, 1, P). Of each picture the sum. */
static shunt_value sum_pictures(shunt_graph *graph, const char *name, shunt_value losses, int64_t pictures)
{
    const shunt_tensor_desc desc = shunt_graph_desc(graph, losses);
    const shunt_op_attr all = {.reduce = {.axes = 2}};
    losses = reshape(graph, name, losses, 2, (int64_t[]){pictures, desc.dims[0] * desc.dims[2] / pictures});
    losses = shunt_graph_op(graph, name, SHUNT_OP_REDUCE_SUM, 0, &all, 1, &losses);
    return reshape(graph, name, losses, 1, &pictures);
}

/* A loss of each place, and its gradient. */
static shunt_value put_loss(shunt_graph *graph, const char *what, graph_op op, const shunt_value *inputs,
                            shunt_value *diff)
{
    shunt_value made[SHUNT_MAX_OUTPUTS] = {SHUNT_NO_VALUE, SHUNT_NO_VALUE};
    op.ninputs = 3;
    for (uint32_t i = 0; i < op.ninputs; i++) op.inputs[i] = inputs[i];
    graph_append_named(graph, "loss", what, &op, 0, NULL, made);
    *diff = made[1];
    return made[0];
}

object_losses object_loss(shunt_graph *graph, const object_scores *scores, int64_t pictures)
{
    const graph_op focal = {.kind = SHUNT_OP_FOCAL_LOSS, .attr = {.focal_loss = {.alpha = 0.25f, .gamma = 2}}};
    const graph_op l1 = {.kind = SHUNT_OP_SMOOTH_L1};
    const shunt_tensor_desc codes = shunt_graph_desc(graph, scores->codes);
    const int64_t each[] = {codes.dims[0], 1, codes.dims[2]};
    const shunt_value classes[] = {scores->logits, shunt_graph_input(graph, "labels", 3, each),
                                   shunt_graph_input(graph, "weights", 3, each)};
    const shunt_value boxes[] = {scores->codes, shunt_graph_input(graph, "codes", 3, codes.dims),
                                 shunt_graph_input(graph, "code_weights", 3, each)};
    object_losses made;
    shunt_value of_classes = put_loss(graph, "classes", focal, classes, &made.diff_logits);
    shunt_value of_boxes = put_loss(graph, "boxes", l1, boxes, &made.diff_codes);
    of_classes = sum_pictures(graph, "loss.classes.sum", of_classes, pictures);
    of_boxes = sum_pictures(graph, "loss.boxes.sum", of_boxes, pictures);
    made.losses = shunt_graph_add(graph, "losses", of_classes, of_boxes);
    return made;
}
