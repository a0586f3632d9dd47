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

/* The op that makes `value` for one reader, or NULL. */
static graph_op *sole_producer(const pass *p, shunt_value value)
{
    int32_t producer = p->graph->values[value].producer;
    return producer >= 0 && p->uses[value] == 1 ? &p->graph->ops[producer] : NULL;
}

/* conv(...) + residual, or batch_norm(...). The residual has to exist when that op runs: its producer stands before. */
static void fuse_add(const pass *p, graph_op *add)
{
    const graph_value *values = p->graph->values;
    if (add->flags & SHUNT_FLAG_BROADCAST) return; /* a residual has the shape of dst */
    int later = values[add->inputs[1]].producer > values[add->inputs[0]].producer;
    shunt_value residual = add->inputs[!later];
    graph_op *before = sole_producer(p, add->inputs[later]);
    if (!before || !(op_kind_of(before->kind)->fuses & SHUNT_FLAG_RESIDUAL)) return;
    if (before->flags & (SHUNT_FLAG_RESIDUAL | SHUNT_FLAG_RELU)) return;
    graph_op fused = *before;
    fused.flags |= SHUNT_FLAG_RESIDUAL | (add->flags & SHUNT_FLAG_RELU);
    fused.inputs[fused.ninputs++] = residual;
    if (better(p, &fused, before)) replace(p, before, &fused, add);
}

static void fuse_relu(const pass *p, graph_op *relu)
{
    graph_op *before = sole_producer(p, relu->inputs[0]);
    if (!before || before->flags & SHUNT_FLAG_RELU || !(op_kind_of(before->kind)->fuses & SHUNT_FLAG_RELU)) return;
    graph_op fused = *before;
    fused.flags |= SHUNT_FLAG_RELU;
    if (better(p, &fused, before)) replace(p, before, &fused, relu);
}

/* A ReLU's gradient behind a convolution's: the mask is the ReLU's result, which was there long before. */
static void fuse_mask(const pass *p, graph_op *relu)
{
    graph_op *conv = sole_producer(p, relu->inputs[1]);
    if (!conv || conv->kind != SHUNT_OP_CONV_GRAD_SRC || conv->flags & SHUNT_FLAG_RELU) return;
    graph_op fused = *conv;
    fused.flags |= SHUNT_FLAG_RELU;
    fused.inputs[fused.ninputs++] = relu->inputs[0];
    if (better(p, &fused, conv)) replace(p, conv, &fused, relu);
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
