/* bind.c - where the operands of a stream's steps lie. Only inputs and results may move between runs: to where the caller's buffers
 * have them. */
#include "runtime/plan/plan.h"
#include "runtime/base/error.h"
#include "runtime/plan/buffer.h"

#include <stdlib.h>

shunt_arg plan_arg(const graph_plan *plan, uint32_t stream, int32_t value)
{
    const plan_value *own = &plan->values[value];
    const shunt_arg root = plan->streams[stream].roots[own->root];
    return (shunt_arg){root.buffer, root.offset + own->offset};
}

/* The plan's own memory for a root. */
static shunt_arg home(const graph_plan *plan, const plan_stream *stream, int32_t root)
{
    const plan_value *value = &plan->values[root];
    if (value->arg.buffer) return value->arg;
    return (shunt_arg){stream->chunks[value->device][value->chunk], value->arg.offset};
}

static bool is_fixed(const graph_plan *plan, int32_t value)
{
    return plan->values[value].parameter && !plan->values[value].state;
}

void plan_place_step(const graph_plan *plan, uint32_t stream, uint32_t number)
{
    const plan_step *step = &plan->steps[number];
    plan_args *args = &plan->streams[stream].args[number];
    for (uint32_t i = 0; i < step->desc.ninputs; i++)
        args->inputs[i] = is_fixed(plan, step->inputs[i]) || step->packed_inputs >> i & 1
                              ? step->parameters[i]
                              : plan_arg(plan, stream, step->inputs[i]);
    for (uint32_t i = 0; i < step->desc.noutputs; i++)
        args->outputs[i] = step->parted_outputs >> i & 1 ? step->parts[i] : plan_arg(plan, stream, step->outputs[i]);
}

shunt_status plan_place_stream(graph_plan *plan, uint32_t stream)
{
    plan_stream *own = &plan->streams[stream];
    own->roots = calloc(plan->nvalues + 1, sizeof *own->roots);
    own->args = calloc(plan->nsteps + 1, sizeof *own->args);
    if (!own->roots || !own->args) return error_memory();
    for (uint32_t v = 0; v < plan->nvalues; v++)
        if (plan->values[v].root == (int32_t)v && !is_fixed(plan, (int32_t)v))
            own->roots[v] = home(plan, own, (int32_t)v);
    for (uint32_t s = 0; s < plan->nsteps; s++) {
        const plan_step *step = &plan->steps[s];
        plan_place_step(plan, stream, s);
        if (step->info.workspace)
            own->args[s].workspace =
                (shunt_arg){own->chunks[step->device][step->workspace_chunk], step->workspace.offset};
    }
    return SHUNT_OK;
}

/* Only memory that is this result's alone, whole, and no input's may be the caller's. */
static bool is_direct(const graph_plan *plan, uint32_t output)
{
    const plan_value *value = &plan->values[plan->outputs[output]], *root = &plan->values[value->root];
    for (uint32_t o = 0; o < output; o++)
        if (plan->values[plan->outputs[o]].root == value->root) return false;
    return value->device == PLAN_MAIN && value->offset == 0 && !root->parameter && !root->flat && !root->input &&
           shunt_tensor_bytes(&root->desc) == shunt_tensor_bytes(&value->desc);
}

shunt_status plan_find_direct(graph_plan *plan)
{
    plan->direct = calloc(plan->graph->noutputs + 1, sizeof *plan->direct);
    if (!plan->direct) return error_memory();
    for (uint32_t o = 0; o < plan->graph->noutputs; o++) plan->direct[o] = is_direct(plan, o);
    return SHUNT_OK;
}

static bool uses_root(const graph_plan *plan, const plan_step *step, int32_t root)
{
    bool uses = false;
    for (uint32_t i = 0; i < step->desc.ninputs; i++) uses |= plan->values[step->inputs[i]].root == root;
    for (uint32_t i = 0; i < step->desc.noutputs; i++) uses |= plan->values[step->outputs[i]].root == root;
    return uses;
}

static void bind(graph_plan *plan, uint32_t stream, int32_t value, const shunt_tensor *tensor)
{
    plan_stream *own = &plan->streams[stream];
    const int32_t root = plan->values[value].root;
    shunt_arg wanted = home(plan, own, root);
    if (tensor->buffer) wanted = buffer_arg(tensor);
    if (own->roots[root].buffer == wanted.buffer && own->roots[root].offset == wanted.offset) return;
    own->roots[root] = wanted;
    for (uint32_t s = 0; s < plan->nsteps; s++)
        if (uses_root(plan, &plan->steps[s], root)) plan_place_step(plan, stream, s);
}

void plan_bind(graph_plan *plan, const plan_request *request)
{
    for (uint32_t i = 0; i < plan->graph->ninputs; i++)
        if (plan->values[plan->inputs[i]].device == PLAN_MAIN)
            bind(plan, request->stream, plan->inputs[i], &request->inputs[i]);
    for (uint32_t o = 0; o < plan->graph->noutputs; o++)
        if (plan->direct[o]) bind(plan, request->stream, plan->outputs[o], &request->outputs[o]);
}
