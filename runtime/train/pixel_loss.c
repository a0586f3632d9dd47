/* pixel_loss.c - see pixel_loss.h. Ops that there are compute it: the scores of each pixel become a row, as CROSS_ENTROPY takes them, and
 * the gradients take the way back. */
#include "runtime/train/pixel_loss.h"

#include <stdio.h>

enum { MOST_NAME = 48 };

static int64_t rows_of(const shunt_graph *graph, shunt_value logits)
{
    const int64_t *dims = shunt_graph_desc(graph, logits).dims;
    return dims[0] * dims[2] * dims[3];
}

shunt_value pixel_weights_input(shunt_graph *graph, const char *name, shunt_value logits)
{
    return shunt_graph_input(graph, name, 2, (int64_t[]){rows_of(graph, logits), 1});
}

pixel_truth pixel_truth_inputs(shunt_graph *graph, shunt_value logits)
{
    pixel_truth made = {.labels = shunt_graph_input(graph, "labels", 1, (int64_t[]){rows_of(graph, logits)})};
    made.weights = pixel_weights_input(graph, "weights", logits);
    return made;
}

/* An op of the loss. */
static shunt_value put(shunt_graph *graph, const char *name, const char *what, uint32_t kind, uint32_t flags,
                       const shunt_op_attr *attr, uint32_t count, const shunt_value *inputs)
{
    char text[MOST_NAME];
    snprintf(text, sizeof text, "%s.%s", name, what);
    return shunt_graph_op(graph, text, kind, flags, attr, count, inputs);
}

static shunt_value transpose(shunt_graph *graph, const char *name, const char *what, shunt_value src, int a, int b,
                             int c)
{
    const shunt_op_attr attr = {.transpose = {.axes = {0, a, b, c}}};
    return put(graph, name, what, SHUNT_OP_TRANSPOSE, 0, &attr, 1, &src);
}

/* dims: `rank` of them. */
static shunt_value reshape(shunt_graph *graph, const char *name, const char *what, shunt_value src, int rank,
                           const int64_t *dims)
{
    shunt_op_attr attr = {.reshape = {.rank = rank}};
    for (int i = 0; i < rank; i++) attr.reshape.dims[i] = (int32_t)dims[i];
    return put(graph, name, what, SHUNT_OP_RESHAPE, 0, &attr, 1, &src);
}

static shunt_value multiply(shunt_graph *graph, const char *name, const char *what, shunt_value a, shunt_value b)
{
    return put(graph, name, what, SHUNT_OP_MUL, SHUNT_FLAG_BROADCAST, NULL, 2, (shunt_value[]){a, b});
}

/* losses: (rows). */
static shunt_value sum_pictures(shunt_graph *graph, const char *name, shunt_value losses, shunt_value weights,
                                const int64_t *dims, int64_t rows)
{
    const shunt_op_attr pixels = {.reduce = {.axes = 2}};
    losses = reshape(graph, name, "column", losses, 2, (int64_t[]){rows, 1});
    losses = multiply(graph, name, "weighted", losses, weights);
    losses = reshape(graph, name, "pictures", losses, 2, (int64_t[]){dims[0], rows / dims[0]});
    losses = put(graph, name, "sum", SHUNT_OP_REDUCE_SUM, 0, &pixels, 1, &losses);
    return reshape(graph, name, "sums", losses, 1, dims);
}

shunt_value pixel_loss(shunt_graph *graph, const char *name, shunt_value logits, const pixel_truth *truth,
                       float smoothing, shunt_value *diff)
{
    const shunt_tensor_desc desc = shunt_graph_desc(graph, logits);
    const int64_t *dims = desc.dims, rows = rows_of(graph, logits);
    shunt_value scores = transpose(graph, name, "last", logits, 2, 3, 1);
    scores = reshape(graph, name, "rows", scores, 2, (int64_t[]){rows, dims[1]});
    const shunt_value losses = shunt_graph_cross_entropy(graph, name, scores, truth->labels, smoothing, diff);
    *diff = multiply(graph, name, "diff_weighted", *diff, truth->weights);
    *diff = reshape(graph, name, "diff_last", *diff, 4, (int64_t[]){dims[0], dims[2], dims[3], dims[1]});
    *diff = transpose(graph, name, "diff_logits", *diff, 3, 1, 2);
    return sum_pictures(graph, name, losses, truth->weights, dims, rows);
}
