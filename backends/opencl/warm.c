/* warm.c - runs a newly compiled op once on memory of its own, while it is being prepared.
 *
 * Drivers finish a kernel only when it first runs (PoCL compiles it for the work-group size and grid then): that belongs
 * to preparing, and a binary taken afterwards holds the result, so that the next process does without. */
#include "opencl.h"

typedef struct scratch {
    shunt_bqueue *queue;
    shunt_arg inputs[SHUNT_MAX_INPUTS], plain, outputs[SHUNT_MAX_OUTPUTS], workspace;
} scratch;

static shunt_status allocate(shunt_bop *op, scratch *s)
{
    shunt_bdevice *device = &op->device->base;
    shunt_status status = ocl_queue_create(device, 0, &s->queue);
    for (uint32_t i = 0; i < op->desc.ninputs && !status; i++) {
        uint64_t packed = op->info.packed_bytes[i], plain = shunt_tensor_bytes(&op->desc.inputs[i]);
        if (packed > 0) status = ocl_buffer_alloc(device, plain, SHUNT_USE_SCRATCH, &s->plain.buffer);
        if (!status)
            status = ocl_buffer_alloc(device, packed > 0 ? packed : plain, SHUNT_USE_SCRATCH, &s->inputs[i].buffer);
    }
    for (uint32_t i = 0; i < op->desc.noutputs && !status; i++) {
        const uint64_t parts = op->info.parts_bytes[i];
        uint64_t bytes = parts > 0 ? parts : shunt_tensor_bytes(&op->desc.outputs[i]);
        status = ocl_buffer_alloc(device, bytes, SHUNT_USE_SCRATCH, &s->outputs[i].buffer);
    }
    if (!status && op->info.workspace > 0)
        status = ocl_buffer_alloc(device, op->info.workspace, SHUNT_USE_SCRATCH, &s->workspace.buffer);
    return status;
}

static shunt_status run(shunt_bop *op, scratch *s)
{
    shunt_status status = SHUNT_OK;
    for (uint32_t i = 0; i < op->desc.ninputs && !status; i++)
        if (op->info.packed_bytes[i] > 0 && !op->packings)
            status = ocl_op_pack(op, s->queue, i, s->plain, s->inputs[i]);
    if (!status) status = ocl_op_launch(op, s->queue, s->inputs, s->outputs, s->workspace, NULL);
    return status ? status : ocl_queue_finish(s->queue);
}

shunt_status ocl_op_warm(shunt_bop *op)
{
    shunt_bdevice *device = &op->device->base;
    scratch s = {0};
    shunt_status status = allocate(op, &s);
    if (!status) status = run(op, &s);
    if (status == SHUNT_E_MEMORY) {
        ocl_log(SHUNT_LOG_DEBUG, "opencl: no memory to run %s ahead", op->info.algorithm);
        status = SHUNT_OK;
    }
    ocl_queue_destroy(device, s.queue); /* waits */
    for (uint32_t i = 0; i < SHUNT_MAX_INPUTS; i++) ocl_buffer_free(device, s.inputs[i].buffer);
    ocl_buffer_free(device, s.plain.buffer);
    for (uint32_t i = 0; i < SHUNT_MAX_OUTPUTS; i++) ocl_buffer_free(device, s.outputs[i].buffer);
    ocl_buffer_free(device, s.workspace.buffer);
    return status;
}
