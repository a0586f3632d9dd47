/* joint.c - see joint.h. */
#include "joint.h"

#include <stdlib.h>
#include <string.h>

typedef struct joint_launch {
    ocl_step step;
    shunt_arg tensors[3]; /* the third is the list, its own */
} joint_launch;

typedef struct joints {
    uint32_t count;
    joint_launch list[];
} joints;

static shunt_status launch(shunt_bop *op, shunt_bqueue *queue, const shunt_arg *inputs, const shunt_arg *outputs,
                           shunt_arg workspace)
{
    joints *self = op->own;
    shunt_status status = SHUNT_OK;
    (void)inputs, (void)outputs, (void)workspace;
    for (uint32_t i = 0; i < self->count && !status; i++)
        status = ocl_step_run(&self->list[i].step, queue, 3, self->list[i].tensors);
    return status;
}

static void destroy(shunt_bop *op)
{
    joints *self = op->own;
    for (uint32_t i = 0; self && i < self->count; i++) {
        ocl_step_destroy(&self->list[i].step);
        ocl_buffer_free(&op->device->base, self->list[i].tensors[2].buffer);
    }
}

static const ocl_algorithm joint_algorithm = {.name = "joint", .launch = launch, .destroy = destroy};

shunt_status ocl_joint_begin(ocl_device *device, const char *name, uint32_t most, shunt_bop **out)
{
    shunt_bop *op = calloc(1, sizeof *op);
    if (!op) return ocl_fail_memory();
    op->device = device;
    op->algorithm = &joint_algorithm;
    strncpy(op->info.algorithm, name, sizeof op->info.algorithm - 1);
    op->own = calloc(1, sizeof(joints) + most * sizeof(joint_launch));
    *out = op;
    return op->own ? SHUNT_OK : ocl_fail_memory();
}

static shunt_status write_list(ocl_device *device, const void *list, uint64_t bytes, shunt_arg *out)
{
    shunt_bqueue *queue;
    shunt_status status = ocl_buffer_alloc(&device->base, bytes, SHUNT_USE_WEIGHTS, &out->buffer);
    if (status) return status;
    status = ocl_queue_create(&device->base, 0, &queue);
    if (status) return status;
    status = ocl_write(queue, *out, list, bytes, NULL);
    const shunt_status finished = ocl_queue_finish(queue);
    ocl_queue_destroy(&device->base, queue);
    return status ? status : finished;
}

shunt_status ocl_joint_add(shunt_bop *op, const ocl_joint *joint)
{
    joints *self = op->own;
    joint_launch *made = &self->list[self->count++];
    const ocl_constant constants[] = {{sizeof joint->count, &joint->count}};
    made->step.data = joint->data;
    made->tensors[0].buffer = joint->src;
    made->tensors[1].buffer = joint->dst;
    shunt_status status = write_list(op->device, joint->list, joint->bytes, &made->tensors[2]);
    if (!status)
        status = ocl_step_create_flat(op->device, &made->step, joint->source, joint->options, joint->kernel,
                                      joint->groups * ocl_group(op->device));
    return status ? status : ocl_step_constants(&made->step, 6, 1, constants);
}

/* Drivers finish a kernel when it first runs (warm.c). */
shunt_status ocl_joint_end(shunt_bop *op)
{
    const joints *self = op->own;
    shunt_bqueue *queue;
    bool fresh = false;
    for (uint32_t i = 0; i < self->count; i++) fresh = fresh || self->list[i].step.fresh;
    if (!fresh) return SHUNT_OK;
    shunt_status status = ocl_queue_create(&op->device->base, 0, &queue);
    if (status) return status;
    status = launch(op, queue, NULL, NULL, (shunt_arg){0});
    const shunt_status finished = ocl_queue_finish(queue);
    ocl_queue_destroy(&op->device->base, queue);
    ocl_programs_save(op->device);
    return status ? status : finished;
}
