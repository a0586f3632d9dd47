/* plan.c - makes a plan by running the stages in order, and frees it. */
#include "runtime/plan/exchange.h"
#include "runtime/base/error.h"
#include "runtime/shared/os.h"

#include <stdlib.h>

/* The op before it takes on a residual and a ReLU. */
static shunt_op_desc unfused(const shunt_op_desc *desc)
{
    shunt_op_desc bare = *desc;
    if (desc->flags & SHUNT_FLAG_RESIDUAL) bare.inputs[--bare.ninputs] = (shunt_tensor_desc){0};
    bare.flags &= ~(uint32_t)(SHUNT_FLAG_RESIDUAL | SHUNT_FLAG_RELU);
    return bare;
}

/* Where the device takes the op, but not the fused one, on data of the plan's type, the type is worth more. */
static bool accept_fused(void *context, const shunt_op_desc *desc)
{
    graph_plan *plan = context;
    if (plan_takes(plan, desc, plan->dtype)) return true;
    const shunt_op_desc bare = unfused(desc);
    return plan->dtype != SHUNT_F32 && !plan_takes(plan, &bare, plan->dtype) && plan_takes(plan, desc, SHUNT_F32);
}

/* A device takes both in one, on data of the plan's type, or as they are. Statistics of all ranks come between the two. */
static bool accept_statistics(void *context, const shunt_op_desc *desc)
{
    graph_plan *plan = context;
    return !plan->executor->sync_statistics && plan_takes(plan, desc, plan->dtype);
}

shunt_status plan_outline(shunt_executor *executor, const shunt_tensor_desc *inputs, size_t ninputs, uint8_t dtype,
                          graph_plan **out)
{
    graph_plan *plan = calloc(1, sizeof *plan);
    if (!plan) return error_memory();
    plan->executor = executor;
    plan->dtype = dtype;
    shunt_status status = shunt_graph_copy(executor->graph, &plan->graph);
    if (status == SHUNT_OK) status = graph_reshape(plan->graph, inputs, ninputs);
    if (status == SHUNT_OK) graph_settle_sizes(plan->graph);
    if (status == SHUNT_OK) status = graph_fuse(plan->graph, accept_fused, plan);
    if (status == SHUNT_OK) graph_fuse_statistics(plan->graph, accept_statistics, plan);
    if (status == SHUNT_OK && plan->unasked) status = error_memory();
    if (status == SHUNT_OK) status = plan_lower(plan);
    if (status == SHUNT_OK && plan->unasked) status = error_memory();
    if (status != SHUNT_OK) {
        plan_destroy(plan);
        return status;
    }
    *out = plan;
    return SHUNT_OK;
}

shunt_status plan_create(shunt_executor *executor, const shunt_tensor_desc *inputs, size_t ninputs, uint8_t dtype,
                         graph_plan **out)
{
    graph_plan *plan = NULL;
    shunt_status status = plan_outline(executor, inputs, ninputs, dtype, &plan);
    if (status != SHUNT_OK) return status;
    status = share_weigh(plan);
    if (status == SHUNT_OK) status = plan_prepare(plan);
    if (status == SHUNT_OK && plan->unasked) status = error_memory();
    plan_forget_answers(plan);
    os_trim_heap(); /* folding and packing leave holes of tens of MiB, which nobody asks for again */
    if (status == SHUNT_OK) status = plan_allocate(plan);
    if (status == SHUNT_OK) status = plan_make_joints(plan);
    if (status != SHUNT_OK) {
        plan_destroy(plan);
        return status;
    }
    *out = plan;
    return SHUNT_OK;
}

static void free_stream(const graph_plan *plan, plan_stream *stream)
{
    for (int d = 0; d < PLAN_DEVICES; d++) {
        const shunt_device *device = plan->executor->devices[d];
        for (uint32_t c = 0; c < stream->nchunks[d]; c++)
            device->ops->buffer_free(device->handle, stream->chunks[d][c]);
        free(stream->chunks[d]);
    }
    free(stream->roots);
    free(stream->args);
}

void plan_destroy(graph_plan *plan)
{
    if (!plan) return;
    for (uint32_t s = 0; s < plan->nsteps; s++) {
        const plan_step *step = &plan->steps[s];
        for (int j = 0; j < PLAN_JOININGS; j++)
            if (step->joined[j]) plan->executor->devices[PLAN_MAIN]->ops->op_destroy(step->joined[j]);
    }
    for (uint32_t s = 0; s < plan->nsteps; s++) {
        const plan_step *step = &plan->steps[s];
        if (step->op) plan->executor->devices[step->device]->ops->op_destroy(step->op);
    }
    for (uint32_t stream = 0; plan->streams && stream < plan->nstreams; stream++)
        free_stream(plan, &plan->streams[stream]);
    for (int d = 0; d < PLAN_DEVICES; d++) free(plan->arenas[d].chunk_bytes);
    plan_forget_answers(plan);
    exchange_free(plan);
    shunt_graph_destroy(plan->graph);
    free(plan->values);
    free(plan->steps);
    for (int j = 0; j < PLAN_JOININGS; j++) free(plan->joints[j].list);
    free(plan->inputs);
    free(plan->outputs);
    free(plan->direct);
    free(plan->streams);
    free(plan);
}
