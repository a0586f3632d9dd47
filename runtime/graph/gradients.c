/* gradients.c - reverse-mode differentiation of a graph: walks the ops backwards and appends what each owes its inputs.
 *
 * diffs[v] is the sum, so far, of what v's readers owe it; all of them stand behind the op that makes v, so at that op it
 * is complete. Batch norm's gradient goes through its statistics as well, so those two ops are one here. */
#include "runtime/graph/gradients.h"
#include "runtime/error.h"

#include <stdlib.h>

typedef struct pass {
    shunt_graph *graph;
    const shunt_frozen *frozen;
    shunt_value *diffs;  /* of the values that there were before */
    shunt_value *now;    /* what stands for each of them: itself, or what it was recomputed as */
    bool *needed;        /* whether a parameter that learns has a part in the value */
    uint32_t nops;       /* that there were before */
    uint32_t *stretches; /* of each of those ops; NULL: nothing is recomputed */
    uint32_t nstretches;
} pass;

static bool learns(const pass *p, shunt_value value)
{
    const graph_value *v = &p->graph->values[value];
    return v->source == VALUE_PARAMETER && v->role <= SHUNT_ROLE_SHIFT && !graph_is_frozen(p->frozen, v->name);
}

static void find_needed(pass *p, uint32_t nvalues)
{
    for (uint32_t v = 0; v < nvalues; v++) p->needed[v] = learns(p, (shunt_value)v);
    for (uint32_t i = 0; i < p->nops; i++) {
        const graph_op *op = &p->graph->ops[i];
        for (uint32_t k = 0; k < op->ninputs; k++)
            for (uint32_t o = 0; p->needed[op->inputs[k]] && o < op->noutputs; o++) p->needed[op->outputs[o]] = true;
    }
}

/* One more reader owes `value` this much. */
static void owe(pass *p, shunt_value value, shunt_value diff)
{
    if (!p->needed[value]) return;
    if (p->diffs[value] == SHUNT_NO_VALUE) {
        p->diffs[value] = diff;
        return;
    }
    graph_op sum = {.kind = SHUNT_OP_ADD, .ninputs = 2, .inputs = {p->diffs[value], diff}};
    p->diffs[value] = graph_append_named(p->graph, p->graph->values[value].name, "diff", &sum, 0, NULL, NULL);
}

/* An op of `kind` with op's attributes and these inputs. */
static graph_op gradient_op(const graph_op *op, uint32_t kind, uint32_t flags, uint32_t ninputs,
                            const shunt_value *inputs)
{
    graph_op made = {.kind = kind, .flags = flags, .ninputs = ninputs, .attr = op->attr};
    for (uint32_t i = 0; i < ninputs; i++) made.inputs[i] = inputs[i];
    return made;
}

/* What reaches the op's arithmetic: diff, where its ReLU lets it through. */
static shunt_value through_relu(pass *p, const graph_op *op, shunt_value diff)
{
    graph_op mask = {.kind = SHUNT_OP_RELU_GRAD, .ninputs = 2, .inputs = {p->now[op->outputs[0]], diff}};
    if (!(op->flags & SHUNT_FLAG_RELU) && op->kind != SHUNT_OP_RELU) return diff;
    return graph_append_named(p->graph, op->name, "diff_relu", &mask, 0, NULL, NULL);
}

/* The gradient by input 0 from diff alone, or from that input as well. */
static void simple(pass *p, const graph_op *op, uint32_t kind, bool reads_src, shunt_value diff)
{
    const shunt_value inputs[] = {reads_src ? p->now[op->inputs[0]] : diff, diff};
    graph_op made = gradient_op(op, kind, 0, reads_src ? 2 : 1, inputs);
    shunt_tensor_desc src = p->graph->values[op->inputs[0]].desc;
    owe(p, op->inputs[0], graph_append_named(p->graph, op->name, "diff_src", &made, 1, &src, NULL));
}

/* Convolution and linear layer; of the latter no gradient adds to a sum. */
static void weighted(pass *p, const graph_op *op, uint32_t grad_src, uint32_t grad_weights, shunt_value diff)
{
    shunt_graph *graph = p->graph;
    shunt_value src = op->inputs[0], weights = op->inputs[1], made[SHUNT_MAX_OUTPUTS];
    uint32_t bias = op->flags & SHUNT_FLAG_BIAS;
    shunt_tensor_desc hints[] = {graph->values[weights].desc, graph->values[src].desc};
    if (p->needed[weights] || (bias && p->needed[op->inputs[2]])) {
        graph_op gradient = gradient_op(op, grad_weights, bias, 2, (shunt_value[]){p->now[src], diff});
        graph_append_named(graph, op->name, "diff_weights", &gradient, 1, &hints[0], made);
        if (graph->status) return;
        owe(p, weights, made[0]);
        if (bias) owe(p, op->inputs[2], made[1]);
    }
    if (!p->needed[src]) return;
    shunt_value so_far = p->diffs[src];
    bool adds = so_far != SHUNT_NO_VALUE && grad_src == SHUNT_OP_CONV_GRAD_SRC;
    graph_op gradient =
        gradient_op(op, grad_src, adds ? SHUNT_FLAG_RESIDUAL : 0, adds ? 3 : 2, (shunt_value[]){weights, diff, so_far});
    shunt_value sum = graph_append_named(graph, op->name, "diff_src", &gradient, 1, &hints[1], NULL);
    if (adds)
        p->diffs[src] = sum;
    else
        owe(p, src, sum);
}

static shunt_status batch_norm(pass *p, const graph_op *op, shunt_value diff)
{
    const graph_value *mean = &p->graph->values[op->inputs[3]];
    if (mean->producer < 0 || p->graph->ops[mean->producer].kind != SHUNT_OP_BATCH_STATISTICS)
        return shunt_fail(SHUNT_E_UNSUPPORTED,
                          "%s is frozen, but layers before it learn; freeze all from the first one on", op->name);
    const shunt_value *in = op->inputs;
    shunt_value made[SHUNT_MAX_OUTPUTS];
    uint32_t relu = op->flags & SHUNT_FLAG_RELU;
    if (op->flags & SHUNT_FLAG_RESIDUAL) { /* of which src alone does not tell what the ReLU let through */
        diff = through_relu(p, op, diff);
        owe(p, in[5], diff);
        relu = 0;
    }
    graph_op gradient = gradient_op(op, SHUNT_OP_BATCH_NORM_GRAD, relu, 6,
                                    (shunt_value[]){p->now[in[0]], in[1], in[2], in[3], in[4], diff});
    graph_append_named(p->graph, op->name, "diff_src", &gradient, 0, NULL, made);
    if (p->graph->status) return SHUNT_OK;
    for (uint32_t i = 0; i < 3; i++) owe(p, in[i], made[i]);
    return SHUNT_OK;
}

static shunt_status refuse(const graph_op *op)
{
    char label[64];
    return shunt_fail(SHUNT_E_UNSUPPORTED, "%s: %s has no gradient here", op->name,
                      shunt_op_label(op->kind, op->flags, label, sizeof label));
}

static shunt_status differentiate(pass *p, const graph_op *op)
{
    if (op->kind == SHUNT_OP_BATCH_STATISTICS || !p->needed[op->outputs[0]]) return SHUNT_OK;
    shunt_value diff = p->diffs[op->outputs[0]];
    if (diff == SHUNT_NO_VALUE) return SHUNT_OK;
    if (op->kind == SHUNT_OP_BATCH_NORM) return batch_norm(p, op, diff);
    if (op->flags & (SHUNT_FLAG_BROADCAST | SHUNT_FLAG_DILATED)) return refuse(op);
    diff = through_relu(p, op, diff);
    switch (op->kind) {
    case SHUNT_OP_CONV:
        weighted(p, op, SHUNT_OP_CONV_GRAD_SRC, SHUNT_OP_CONV_GRAD_WEIGHTS, diff);
        if (op->flags & SHUNT_FLAG_RESIDUAL) owe(p, op->inputs[op->ninputs - 1], diff);
        return SHUNT_OK;
    case SHUNT_OP_LINEAR:
        weighted(p, op, SHUNT_OP_LINEAR_GRAD_SRC, SHUNT_OP_LINEAR_GRAD_WEIGHTS, diff);
        return SHUNT_OK;
    case SHUNT_OP_ADD:
        owe(p, op->inputs[0], diff);
        owe(p, op->inputs[1], diff);
        return SHUNT_OK;
    case SHUNT_OP_RELU:
        owe(p, op->inputs[0], diff);
        return SHUNT_OK;
    case SHUNT_OP_MAX_POOL:
        simple(p, op, SHUNT_OP_MAX_POOL_GRAD, true, diff);
        return SHUNT_OK;
    case SHUNT_OP_AVG_POOL:
        simple(p, op, SHUNT_OP_AVG_POOL_GRAD, false, diff);
        return SHUNT_OK;
    case SHUNT_OP_GLOBAL_POOL:
        simple(p, op, SHUNT_OP_GLOBAL_POOL_GRAD, false, diff);
        return SHUNT_OK;
    case SHUNT_OP_SHORTCUT:
        simple(p, op, SHUNT_OP_SHORTCUT_GRAD, false, diff);
        return SHUNT_OK;
    default:
        return refuse(op);
    }
}

static shunt_status walk_back(pass *p)
{
    shunt_status status = SHUNT_OK;
    uint32_t stretch = p->nstretches - 1;
    for (uint32_t i = p->nops; i-- > 0 && status == SHUNT_OK;) {
        const graph_op op = p->graph->ops[i]; /* the array may move */
        if (p->stretches && p->stretches[i] != stretch) {
            stretch = p->stretches[i];
            status = graph_recompute(p->graph, p->stretches, stretch, p->nops, p->now);
        }
        if (status == SHUNT_OK) status = differentiate(p, &op);
        if (status == SHUNT_OK) status = shunt_graph_check(p->graph);
    }
    return status;
}

static shunt_status run(pass *p, shunt_value value, shunt_value diff, uint32_t nvalues)
{
    for (uint32_t v = 0; v < nvalues; v++) {
        p->diffs[v] = SHUNT_NO_VALUE;
        p->now[v] = (shunt_value)v;
    }
    p->diffs[value] = diff;
    find_needed(p, nvalues);
    shunt_status status = SHUNT_OK;
    if (p->stretches) status = graph_find_stretches(p->graph, p->nops, p->stretches, &p->nstretches);
    if (status == SHUNT_OK) status = walk_back(p);
    for (uint32_t v = 0; status == SHUNT_OK && v < nvalues; v++)
        if (learns(p, (shunt_value)v)) p->graph->values[v].diff = p->diffs[v];
    return status;
}

shunt_status shunt_graph_gradients(shunt_graph *graph, shunt_value value, shunt_value diff,
                                   const shunt_gradient_options *options)
{
    shunt_status status = shunt_graph_check(graph);
    if (status != SHUNT_OK) return status;
    if (value < 0 || diff < 0 || (uint32_t)value >= graph->nvalues || (uint32_t)diff >= graph->nvalues)
        return shunt_fail(SHUNT_E_INVALID, "gradients: there is no value %d or %d", value, diff);
    status = shunt_graph_fuse(graph, NULL, NULL); /* then a batch norm's gradient does its ReLU's as well */
    if (status != SHUNT_OK) return status;
    uint32_t nvalues = graph->nvalues;
    bool recompute = options && options->recompute;
    pass p = {.graph = graph,
              .frozen = options ? options->frozen : NULL,
              .diffs = malloc(nvalues * sizeof *p.diffs),
              .now = malloc(nvalues * sizeof *p.now),
              .needed = calloc(nvalues, sizeof *p.needed),
              .nops = graph->nops,
              .stretches = recompute ? calloc(graph->nops + (size_t)1, sizeof *p.stretches) : NULL,
              .nstretches = 1};
    bool enough = p.diffs && p.now && p.needed && (p.stretches || !recompute);
    status = enough ? run(&p, value, diff, nvalues) : shunt_fail_memory();
    free(p.diffs);
    free(p.now);
    free(p.needed);
    free(p.stretches);
    return status;
}
