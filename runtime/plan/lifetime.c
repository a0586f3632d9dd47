/* lifetime.c - between which steps each value stands, and which values share one memory. */
#include "runtime/plan/plan.h"

/* The root of a value may have got another root since. */
static void follow_root(graph_plan *plan, int32_t value)
{
    plan_value *values = plan->values;
    while (values[values[value].root].root != values[value].root) {
        values[value].offset += values[values[value].root].offset;
        values[value].root = values[values[value].root].root;
    }
}

void plan_share(graph_plan *plan, int32_t value, int32_t with)
{
    plan->values[value].root = plan->values[with].root;
    plan->values[value].offset = plan->values[with].offset;
}

/* A value's memory lives as long as the last value that shares it. Walked backwards, so that chains add up. */
static void extend_roots(graph_plan *plan)
{
    for (uint32_t v = plan->nvalues; v-- > 0;) {
        follow_root(plan, (int32_t)v);
        plan_value *value = &plan->values[v], *root = &plan->values[value->root];
        if (value->last > root->last) root->last = value->last;
        if (value->first < root->first) root->first = value->first;
    }
}

/* Values of one memory stand as long as the longest of them: none is overwritten in place while another is to be read. */
static void share_lifetimes(graph_plan *plan)
{
    extend_roots(plan);
    for (uint32_t v = 0; v < plan->nvalues; v++) {
        plan_value *value = &plan->values[v];
        if (!value->parameter) value->last = plan->values[value->root].last;
    }
}

/* Whether some of the flat value's memory is in none of its parts. */
static bool has_gaps(const graph_plan *plan, const plan_value *flat)
{
    uint64_t used = 0;
    for (uint32_t v = 0; v < plan->graph->nvalues; v++)
        if (plan->graph->values[v].flat == flat->source) used += shunt_tensor_bytes(&plan->graph->values[v].desc);
    return used < shunt_tensor_bytes(&flat->desc);
}

/* A flat value stands from the step that makes its first part on. What lies between parts has to stay zero: then all the time. */
static void begin_flat(const graph_plan *plan, plan_value *flat)
{
    const bool lasts = flat->state || has_gaps(plan, flat);
    flat->first = lasts ? -1 : (int32_t)plan->nsteps;
    if (lasts) flat->last = (int32_t)plan->nsteps;
}

/* The steps between which every value must stand. */
void plan_find_lifetimes(graph_plan *plan)
{
    for (uint32_t v = 0; v < plan->nvalues; v++) plan->values[v].first = plan->values[v].last = -1;
    for (uint32_t s = 0; s < plan->nsteps; s++) {
        const plan_step *step = &plan->steps[s];
        for (uint32_t i = 0; i < step->desc.ninputs; i++) plan->values[step->inputs[i]].last = (int32_t)s;
        for (uint32_t i = 0; i < step->desc.noutputs; i++)
            plan->values[step->outputs[i]].first = plan->values[step->outputs[i]].last = (int32_t)s;
    }
    for (uint32_t i = 0; i < plan->graph->noutputs; i++) plan->values[plan->outputs[i]].last = (int32_t)plan->nsteps;
    for (uint32_t v = 0; v < plan->nvalues; v++)
        if (plan->values[v].flat) begin_flat(plan, &plan->values[v]);
    share_lifetimes(plan);
}

/* dst takes over the memory of an input that dies here, where the op allows it. */
void plan_share_in_place(graph_plan *plan)
{
    for (uint32_t s = 0; s < plan->nsteps; s++) {
        const plan_step *step = &plan->steps[s];
        if (!plan_has_op(step) || step->desc.noutputs != 1) continue;
        plan_value *dst = &plan->values[step->outputs[0]];
        for (uint32_t i = 0; i < step->desc.ninputs; i++) follow_root(plan, step->inputs[i]);
        for (uint32_t i = 0; i < step->desc.ninputs && dst->root == step->outputs[0]; i++) {
            plan_value *src = &plan->values[step->inputs[i]];
            if (!(step->info.inplace_inputs >> i & 1) || src->parameter || src->last != (int32_t)s) continue;
            if (plan->values[src->root].input) continue;
            if (shunt_tensor_bytes(&src->desc) != shunt_tensor_bytes(&dst->desc)) continue;
            bool read_twice = false; /* as another input, which the op may read after writing dst */
            for (uint32_t j = 0; j < step->desc.ninputs; j++)
                if (j != i && plan->values[step->inputs[j]].root == src->root) read_twice = true;
            if (read_twice) continue;
            plan_share(plan, step->outputs[0], step->inputs[i]);
            plan->values[src->root].last = dst->last > (int32_t)s ? dst->last : (int32_t)s;
        }
    }
    extend_roots(plan);
}
