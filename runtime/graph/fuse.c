/* fuse.c - residual additions, ReLUs and their gradients become the end of the op before them.
 * The value that the fused-away op made keeps its number and its readers: its producer is now the op before. That op
 * moves its result to an earlier place in the order, never a later one, so the order stays right. */
#include "runtime/base/error.h"
#include "runtime/graph/graph.h"
#include "runtime/graph/ops/ops.h"

#include <stdlib.h>

typedef struct pass {
    shunt_graph *graph;
    const uint32_t *uses;
    fuse_accept_fn accept;
    void *context;
} pass;

static bool accepted(const pass *p, const graph_op *op)
{
    shunt_op_desc desc;
    graph_op_desc(p->graph, op, &desc);
    return !p->accept || p->accept(p->context, &desc);
}

/* What the device refuses either way runs elsewhere, where one op is better than two. */
static bool better(const pass *p, const graph_op *fused, const graph_op *unfused)
{
    return accepted(p, fused) || !accepted(p, unfused);
}

/* `fused` takes the place of the op that it was made from, and `gone` vanishes. */
static void replace(const pass *p, graph_op *op, const graph_op *fused, graph_op *gone)
{
    *op = *fused;
    op->outputs[0] = gone->outputs[0];
    p->graph->values[op->outputs[0]].producer = (int32_t)(op - p->graph->ops);
    gone->kind = 0;
}

/* The op that makes `value` for one reader, in the same runs, or NULL. */
static graph_op *sole_producer(const pass *p, shunt_value value, const graph_op *reader)
{
    int32_t producer = p->graph->values[value].producer;
    graph_op *op = producer >= 0 && p->uses[value] == 1 ? &p->graph->ops[producer] : NULL;
    return op && op->when == reader->when ? op : NULL;
}

/* conv(...) + residual, or batch_norm(...). The residual has to exist when that op runs: its producer stands before. */
static void fuse_add(const pass *p, graph_op *add)
{
    const graph_value *values = p->graph->values;
    if (add->flags & SHUNT_FLAG_BROADCAST) return; /* a residual has the shape of dst */
    int later = values[add->inputs[1]].producer > values[add->inputs[0]].producer;
    shunt_value residual = add->inputs[!later];
    graph_op *before = sole_producer(p, add->inputs[later], add);
    if (!before || !(op_kind_of(before->kind)->fuses & SHUNT_FLAG_RESIDUAL)) return;
    if (before->flags & (SHUNT_FLAG_RESIDUAL | SHUNT_FLAG_RELU)) return;
    graph_op fused = *before;
    fused.flags |= SHUNT_FLAG_RESIDUAL | (add->flags & SHUNT_FLAG_RELU);
    fused.inputs[fused.ninputs++] = residual;
    if (better(p, &fused, before)) replace(p, before, &fused, add);
}

static void fuse_relu(const pass *p, graph_op *relu)
{
    graph_op *before = sole_producer(p, relu->inputs[0], relu);
    if (!before || before->flags & SHUNT_FLAG_RELU || !(op_kind_of(before->kind)->fuses & SHUNT_FLAG_RELU)) return;
    graph_op fused = *before;
    fused.flags |= SHUNT_FLAG_RELU;
    if (better(p, &fused, before)) replace(p, before, &fused, relu);
}

/* A ReLU's gradient behind a convolution's: the mask is the ReLU's result, which was there long before. */
static void fuse_mask(const pass *p, graph_op *relu)
{
    graph_op *conv = sole_producer(p, relu->inputs[1], relu);
    if (!conv || conv->kind != SHUNT_OP_CONV_GRAD_SRC || conv->flags & SHUNT_FLAG_RELU) return;
    graph_op fused = *conv;
    fused.flags |= SHUNT_FLAG_RELU;
    fused.inputs[fused.ninputs++] = relu->inputs[0];
    if (better(p, &fused, conv)) replace(p, conv, &fused, relu);
}

/* Whether an op between the two reads what the first makes. */
static bool read_between(const graph_op *first, const graph_op *last)
{
    for (const graph_op *op = first + 1; op < last; op++)
        for (uint32_t i = 0; op->kind && i < op->ninputs; i++)
            for (uint32_t o = 0; o < first->noutputs; o++)
                if (op->inputs[i] == first->outputs[o]) return true;
    return false;
}

/* The statistics of a batch and the norm by them, where the device takes them as one op. All that is fused into the norm is in it. */
static void fuse_statistics(const pass *p, graph_op *norm)
{
    graph_value *values = p->graph->values;
    const int32_t producer = values[norm->inputs[3]].producer;
    graph_op *statistics = producer >= 0 ? &p->graph->ops[producer] : NULL;
    if (!statistics || statistics->kind != SHUNT_OP_BATCH_STATISTICS || statistics->inputs[0] != norm->inputs[0] ||
        statistics->outputs[0] != norm->inputs[3] || statistics->outputs[1] != norm->inputs[4] ||
        read_between(statistics, norm))
        return;
    graph_op fused = *norm;
    fused.kind = SHUNT_OP_BATCH_NORM_TRAIN;
    fused.ninputs = norm->ninputs - 2;
    fused.inputs[3] = norm->inputs[5];
    fused.noutputs = 3;
    for (int i = 0; i < 2; i++) fused.outputs[1 + i] = statistics->outputs[i];
    if (!accepted(p, &fused)) return;
    *norm = fused;
    for (int i = 1; i < 3; i++) values[norm->outputs[i]].producer = (int32_t)(norm - p->graph->ops);
    statistics->kind = 0;
}

/* One walk is enough: what a ReLU is fused into has by then taken its addition. */
shunt_status graph_fuse(shunt_graph *graph, fuse_accept_fn accept, void *context)
{
    uint32_t *uses = graph_count_uses(graph);
    if (!uses) return error_memory();
    pass p = {graph, uses, accept, context};
    for (uint32_t i = 0; i < graph->nops; i++) {
        if (graph->ops[i].kind == SHUNT_OP_ADD)
            fuse_add(&p, &graph->ops[i]);
        else if (graph->ops[i].kind == SHUNT_OP_RELU)
            fuse_relu(&p, &graph->ops[i]);
        else if (graph->ops[i].kind == SHUNT_OP_RELU_GRAD)
            fuse_mask(&p, &graph->ops[i]);
    }
    free(uses);
    graph_compact(graph);
    return SHUNT_OK;
}

void graph_fuse_statistics(shunt_graph *graph, fuse_accept_fn accept, void *context)
{
    const pass p = {.graph = graph, .accept = accept, .context = context};
    for (uint32_t i = 0; i < graph->nops; i++)
        if (graph->ops[i].kind == SHUNT_OP_BATCH_NORM) fuse_statistics(&p, &graph->ops[i]);
    graph_compact(graph);
}
