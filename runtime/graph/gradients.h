/* gradients.h - the walk back through a graph, and what the rows of kinds (ops/) build gradients with.
 *
 * diffs[v] is the sum, so far, of the gradients by v that its readers have; all readers stand behind the op that makes v, so
 * at that op the sum is complete. */
#ifndef SHUNT_RUNTIME_GRADIENTS_H
#define SHUNT_RUNTIME_GRADIENTS_H

#include "runtime/graph/graph.h"

typedef struct gradient_pass {
    shunt_graph *graph;
    const shunt_frozen *frozen;
    shunt_value *diffs;  /* of the values that there were before */
    shunt_value *now;    /* what stands for each of them: itself, or what it was recomputed as */
    bool *needed;        /* whether a parameter that learns has a part in the value */
    uint32_t nops;       /* that there were before */
    uint32_t *stretches; /* of each of those ops; NULL: nothing is recomputed */
    uint32_t nstretches;
} gradient_pass;

/* Adds diff to the gradient by `value`, if that is needed. */
void gradient_add(gradient_pass *pass, shunt_value value, shunt_value diff);
/* An op of `kind` with op's attributes and these inputs. */
graph_op gradient_op(const graph_op *op, uint32_t kind, uint32_t flags, uint32_t ninputs, const shunt_value *inputs);
/* diff where op's result is above 0; and only if op has a fused ReLU. */
shunt_value gradient_mask(gradient_pass *pass, const graph_op *op, shunt_value diff);
shunt_value gradient_through_relu(gradient_pass *pass, const graph_op *op, shunt_value diff);
/* The gradient by input 0, of a kind that reads diff_dst alone, or src as well. */
shunt_status gradient_by_src(gradient_pass *pass, const graph_op *op, uint32_t kind, bool reads_src, shunt_value diff);
/* "it has no gradient" */
shunt_status gradient_refuse(const graph_op *op);

/* recompute.c */

/* Cuts the first nops ops into stretches, numbered from 0: stretch_of has an entry per op. */
shunt_status graph_find_stretches(const shunt_graph *graph, uint32_t nops, uint32_t *stretch_of, uint32_t *nstretches);
/* Appends the ops of a stretch once more, but the last; now[v] becomes the value that stands for v from here on. */
shunt_status graph_recompute(shunt_graph *graph, const uint32_t *stretch_of, uint32_t stretch, uint32_t nops,
                             shunt_value *now);

#endif
