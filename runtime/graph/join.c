/* join.c - updates that do the same become one op: SGD on all parameters of one weight decay, the moving averages of one factor.
 *
 * Operands that the updates walk element by element (op_kind.joins) are laid one behind the other: each operand of the joined op
 * is a value of its own, VALUE_FLAT. The operands of the single ops become its parts, at the same place in each. Readers and writers
 * of the parts stay as they are. The gaps between the parts, up to the device's alignment, hold zeros; the updates leave them zeros.
 * Single ops that count the non-finite elements of each part, and add the counts up, become one count over the whole flat value.
 * The joined op stands where the last of them stood. Nothing reads what an update made, so it may come late. */
#include "runtime/base/error.h"
#include "runtime/graph/graph.h"
#include "runtime/graph/ops/ops.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Ops that become one. */
typedef struct join_group {
    uint32_t first, last, count; /* of the ops */
    uint64_t bytes, most_bytes;  /* of the parts of each flat operand */
} join_group;

typedef struct join_pass {
    shunt_graph *graph;
    const graph_flat_limits *limits;
    const uint32_t *uses;
    uint32_t
        least; /* ops that become a joined one; also a single one, where ranks share out, or runs add up, what is flat */
    int32_t *group_of; /* of each op; -1: none */
    bool *taken;       /* of each value: it is a part already */
    join_group *groups;
    uint32_t ngroups;
} join_pass;

static uint64_t room_of(const join_pass *p, shunt_value value)
{
    const uint64_t align = p->limits->alignment;
    return (shunt_tensor_bytes(&p->graph->values[value].desc) + align - 1) / align * align;
}

/* A flat value is so long that its pieces, one for each rank, begin where a part may begin. */
static uint64_t whole_room(const join_pass *p, uint64_t bytes)
{
    const uint64_t unit = p->limits->alignment * p->limits->pieces;
    return (bytes + unit - 1) / unit * unit;
}

static bool joins(const graph_op *op, uint32_t input)
{
    return op_kind_of(op->kind)->joins >> input & 1;
}

/* A parameter that the op replaces, or a result that has memory of its own; and no part of anything yet. */
static bool can_be_part(const join_pass *p, const graph_op *op, uint32_t input)
{
    const graph_value *value = &p->graph->values[op->inputs[input]];
    if (p->taken[op->inputs[input]]) return false;
    if (input < op_replaced(op->kind)) return value->state;
    return value->source == VALUE_COMPUTED && !graph_is_alias(p->graph, &p->graph->ops[value->producer]);
}

static bool can_join(const join_pass *p, const graph_op *op)
{
    if (!op_kind_of(op->kind)->joins || op_replaced(op->kind) < op->noutputs) return false;
    for (uint32_t i = 0; i < op->noutputs; i++)
        if (p->uses[op->outputs[i]]) return false;
    for (uint32_t i = 0; i < op->ninputs; i++)
        if (joins(op, i) && !can_be_part(p, op, i)) return false;
    return true;
}

/* Whether they differ in nothing but what they walk. */
static bool same(const join_pass *p, const graph_op *a, const graph_op *b)
{
    const graph_value *values = p->graph->values;
    if (a->kind != b->kind || a->flags != b->flags || memcmp(&a->attr, &b->attr, sizeof a->attr)) return false;
    if (values[a->inputs[0]].desc.dtype != values[b->inputs[0]].desc.dtype) return false;
    for (uint32_t i = 0; i < a->ninputs; i++)
        if (!joins(a, i) && a->inputs[i] != b->inputs[i]) return false;
    return true;
}

/* The group that op `index` goes to: the newest of ops like it, or a new one when that is full. What is too large stays alone. */
static void add_to_group(join_pass *p, uint32_t index)
{
    const graph_op *op = &p->graph->ops[index];
    const uint64_t bytes = room_of(p, op->inputs[0]);
    uint32_t g = p->ngroups;
    while (g > 0 && !same(p, op, &p->graph->ops[p->groups[g - 1].first])) g--;
    if (g == 0 || whole_room(p, p->groups[g - 1].bytes + bytes) > p->groups[g - 1].most_bytes) {
        p->groups[p->ngroups++] =
            (join_group){.first = index, .most_bytes = g ? p->limits->most_bytes : p->limits->first_bytes};
        g = p->ngroups;
    }
    join_group *group = &p->groups[g - 1];
    group->last = index;
    group->count++;
    group->bytes += bytes;
    p->group_of[index] = (int32_t)g - 1;
    for (uint32_t i = 0; i < op->ninputs; i++)
        if (joins(op, i)) p->taken[op->inputs[i]] = true;
}

/* To be freed; NULL without memory. */
static char *name_of_all(const char *first, uint32_t count)
{
    char *name;
    if (count == 1) return strdup(first);
    return asprintf(&name, "%s and %u more", first, count - 1) < 0 ? NULL : name;
}

/* The value that operand `input` of the group's ops becomes parts of. */
static shunt_value make_flat(join_pass *p, const join_group *group, uint32_t input)
{
    shunt_graph *graph = p->graph;
    const graph_value *first = &graph->values[graph->ops[group->first].inputs[input]];
    const uint8_t dtype = first->desc.dtype;
    const bool state = first->state;
    const int64_t count = (int64_t)(whole_room(p, group->bytes) / shunt_dtype_bytes(dtype));
    const shunt_tensor_desc desc = shunt_tensor_make(dtype, 1, &count);
    char *name = name_of_all(first->name, group->count);
    if (!name) return SHUNT_NO_VALUE;
    const shunt_value flat = graph_new_value(graph, name, &desc, VALUE_FLAT);
    free(name);
    if (flat == SHUNT_NO_VALUE) return flat;
    graph->values[flat].state = state;
    uint64_t at = 0;
    for (uint32_t i = group->first; i <= group->last; i++) {
        if (p->group_of[i] != (int32_t)(group - p->groups)) continue;
        graph_value *part = &graph->values[graph->ops[i].inputs[input]];
        part->flat = flat;
        part->flat_at = at;
        at += room_of(p, graph->ops[i].inputs[input]);
    }
    return flat;
}

/* Changes the ops only once all memory is there. */
static bool join_group_ops(join_pass *p, const join_group *group)
{
    shunt_graph *graph = p->graph;
    graph_op joined = graph->ops[group->first];
    for (uint32_t i = 0; i < joined.ninputs; i++)
        if (joins(&joined, i) && (joined.inputs[i] = make_flat(p, group, i)) == SHUNT_NO_VALUE) return false;
    for (uint32_t i = 0; i < joined.noutputs; i++) {
        const shunt_tensor_desc desc = graph->values[joined.inputs[i]].desc;
        joined.outputs[i] = graph_new_value(graph, joined.name, &desc, VALUE_COMPUTED);
        if (joined.outputs[i] == SHUNT_NO_VALUE) return false;
    }
    if (!(joined.name = name_of_all(joined.name, group->count))) return false;
    for (uint32_t i = group->first; i < group->last; i++)
        if (p->group_of[i] == (int32_t)(group - p->groups)) graph->ops[i].kind = 0;
    free(graph->ops[group->last].name);
    graph->ops[group->last] = joined;
    return true;
}

/* The next count of the chain that reads the flat value from its start on: op `index`, if it takes up where `last` ended. */
static bool continues(const join_pass *p, shunt_value flat, uint64_t at, int32_t last, uint32_t index)
{
    const graph_op *op = &p->graph->ops[index];
    if (op->kind != SHUNT_OP_COUNT_NONFINITE) return false;
    const graph_value *part = &p->graph->values[op->inputs[0]];
    if (part->flat != flat || part->flat_at != at) return false;
    if (last < 0) return true;
    const shunt_value before = p->graph->ops[last].outputs[0];
    return op->flags & SHUNT_FLAG_RESIDUAL && op->inputs[1] == before && p->uses[before] == 1;
}

static bool join_counts(join_pass *p, shunt_value flat)
{
    shunt_graph *graph = p->graph;
    int32_t first = -1, last = -1;
    uint32_t count = 0;
    uint64_t at = 0;
    for (uint32_t i = 0; i < graph->nops; i++) {
        if (!continues(p, flat, at, last, i)) continue;
        at += room_of(p, graph->ops[i].inputs[0]);
        last = (int32_t)i;
        if (count++ == 0) first = last;
    }
    if (count < p->least || whole_room(p, at) != shunt_tensor_bytes(&graph->values[flat].desc)) return true;
    graph_op joined = graph->ops[first]; /* with its residual, if it has one */
    if (!(joined.name = name_of_all(joined.name, count))) return false;
    joined.inputs[0] = flat;
    joined.outputs[0] = graph->ops[last].outputs[0];
    for (int32_t i = first; i < last; i++)
        if (graph->ops[i].kind == SHUNT_OP_COUNT_NONFINITE && graph->values[graph->ops[i].inputs[0]].flat == flat)
            graph->ops[i].kind = 0;
    free(graph->ops[last].name);
    graph->ops[last] = joined;
    return true;
}

/* What adds up over the pieces of ranks reads flat values as a whole: of one part, which is all that LARS joins, it can. */
static void widen_squares(join_pass *p)
{
    for (uint32_t o = 0; o < p->graph->nops; o++) {
        graph_op *op = &p->graph->ops[o];
        for (uint32_t i = 0; op->kind == SHUNT_OP_SUM_SQUARES && i < op->ninputs; i++) {
            const shunt_value flat = p->graph->values[op->inputs[i]].flat;
            if (flat != SHUNT_NO_VALUE) op->inputs[i] = flat;
        }
    }
}

shunt_status graph_join(shunt_graph *graph, const graph_flat_limits *limits)
{
    uint32_t *uses = graph_count_uses(graph);
    join_pass p = {.graph = graph,
                   .limits = limits,
                   .uses = uses,
                   .least = limits->pieces > 1 || graph->factors ? 1 : 2,
                   .group_of = malloc((graph->nops + (size_t)1) * sizeof *p.group_of),
                   .taken = calloc(graph->nvalues + (size_t)1, sizeof *p.taken),
                   .groups = calloc(graph->nops + (size_t)1, sizeof *p.groups)};
    bool enough = uses && p.group_of && p.taken && p.groups;
    for (uint32_t i = 0; enough && i < graph->nops; i++) {
        p.group_of[i] = -1;
        if (can_join(&p, &graph->ops[i])) add_to_group(&p, i);
    }
    for (uint32_t g = 0; enough && g < p.ngroups; g++)
        if (p.groups[g].count >= p.least) enough = join_group_ops(&p, &p.groups[g]);
    for (uint32_t v = 0; enough && v < graph->nvalues; v++)
        if (graph->values[v].source == VALUE_FLAT) enough = join_counts(&p, (shunt_value)v);
    if (enough) widen_squares(&p);
    free(uses);
    free(p.group_of);
    free(p.taken);
    free(p.groups);
    graph_compact(graph);
    return enough ? SHUNT_OK : error_memory();
}
