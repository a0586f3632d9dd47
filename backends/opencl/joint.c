/* joint.c - see joint.h. */
#include "joint.h"

#include <stdlib.h>
#include <string.h>

typedef struct joint_launch {
    ocl_step step;
    shunt_arg tensors[3]; /* the third is the list, its own */
} joint_launch;

typedef struct joint_launches {
    uint32_t count;
    joint_launch list[];
} joint_launches;

static shunt_status launch(shunt_bop *op, shunt_bqueue *queue, const shunt_arg *inputs, const shunt_arg *outputs,
                           shunt_arg workspace)
{
    joint_launches *self = op->own;
    shunt_status status = SHUNT_OK;
    (void)inputs, (void)outputs, (void)workspace;
    for (uint32_t i = 0; i < self->count && !status; i++)
        status = ocl_step_run(&self->list[i].step, queue, 3, self->list[i].tensors);
    return status;
}

static void destroy(shunt_bop *op)
{
    joint_launches *self = op->own;
    for (uint32_t i = 0; self && i < self->count; i++) {
        ocl_step_destroy(&self->list[i].step);
        ocl_buffer_free(&op->device->base, self->list[i].tensors[2].buffer);
    }
}

static const ocl_algorithm joint_algorithm = {.name = "joint", .launch = launch, .destroy = destroy};

/* An op of at most so many launches, none yet. After a failure destroy it. */
static shunt_status begin(ocl_device *device, const char *name, uint32_t most, shunt_bop **out)
{
    shunt_bop *op = calloc(1, sizeof *op);
    if (!op) return ocl_fail_memory();
    op->device = device;
    op->algorithm = &joint_algorithm;
    strncpy(op->info.algorithm, name, sizeof op->info.algorithm - 1);
    op->own = calloc(1, sizeof(joint_launches) + most * sizeof(joint_launch));
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

/* The joints of a launch, among those from the first on, as one list. */
typedef struct joint_list {
    void *entries;
    uint64_t groups; /* of work-items */
    cl_int count;
} joint_list;

static bool same_launch(const ocl_joining *joining, const shunt_joint *a, const shunt_joint *b)
{
    ocl_joint_kernel x = {0}, y = {0};
    if (a->src.buffer != b->src.buffer || a->dst.buffer != b->dst.buffer) return false;
    joining->choose(a, &x);
    joining->choose(b, &y);
    return x.source == y.source && x.data == y.data && !strcmp(x.name, y.name) && !strcmp(x.options, y.options);
}

static shunt_status collect(const ocl_joining *joining, const shunt_joint *first, const shunt_joint *end,
                            joint_list *out)
{
    uint64_t most = 0;
    for (const shunt_joint *joint = first; joint < end; joint++) most += joining->count(joint);
    out->entries = calloc(most, joining->entry_bytes);
    if (!out->entries) return ocl_fail_memory();
    for (const shunt_joint *joint = first; joint < end; joint++) {
        if (!same_launch(joining, first, joint)) continue;
        unsigned char *entries = (unsigned char *)out->entries + (size_t)out->count * joining->entry_bytes;
        out->groups += joining->list(joint, out->groups, entries);
        out->count += (cl_int)joining->count(joint);
    }
    return SHUNT_OK;
}

static shunt_status add_launch(shunt_bop *op, const ocl_joining *joining, const shunt_joint *first,
                               const shunt_joint *end)
{
    joint_launches *self = op->own;
    joint_launch *made = &self->list[self->count++];
    ocl_joint_kernel kernel = {0};
    joint_list list = {0};
    joining->choose(first, &kernel);
    made->step.data = kernel.data;
    made->tensors[0].buffer = first->src.buffer;
    made->tensors[1].buffer = first->dst.buffer;
    shunt_status status = collect(joining, first, end, &list);
    if (!status)
        status = write_list(op->device, list.entries, (uint64_t)list.count * joining->entry_bytes, &made->tensors[2]);
    free(list.entries);
    if (!status)
        status = ocl_step_create_flat(op->device, &made->step, kernel.source, kernel.options, kernel.name,
                                      list.groups * ocl_group(op->device));
    const ocl_constant constants[] = {{sizeof list.count, &list.count}};
    return status ? status : ocl_step_constants(&made->step, 6, 1, constants);
}

/* Whether none before it goes with it. */
static bool is_first(const ocl_joining *joining, const shunt_joint *all, const shunt_joint *joint)
{
    for (const shunt_joint *before = all; before < joint; before++)
        if (same_launch(joining, before, joint)) return false;
    return true;
}

/* Drivers finish a kernel when it first runs (warm.c). */
static shunt_status warm(shunt_bop *op)
{
    const joint_launches *self = op->own;
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

shunt_status ocl_joint_prepare(ocl_device *device, const ocl_joining *joining, const shunt_joint *joints,
                               uint32_t count, shunt_bop **out)
{
    const shunt_joint *end = joints + count;
    for (const shunt_joint *joint = joints; joint < end; joint++) {
        const char *reason = joining->refuse(joint);
        if (reason)
            return ocl_fail(SHUNT_E_INVALID, "%s: operand %u %s", joint->op->info.algorithm, joint->operand, reason);
    }
    shunt_bop *op = NULL;
    shunt_status status = begin(device, joining->name, count, &op);
    for (const shunt_joint *joint = joints; joint < end && !status; joint++)
        if (is_first(joining, joints, joint)) status = add_launch(op, joining, joint, end);
    if (!status) status = warm(op);
    if (status)
        ocl_op_destroy(op);
    else
        *out = op;
    return status;
}
