/* packs.c - see packs.h. */
#include "packs.h"

#include <stdlib.h>
#include <string.h>

/* One launch: a kernel's packings from one buffer into another. */
typedef struct pack_launch {
    ocl_step step;
    shunt_arg tensors[3]; /* the third is the list, its own */
} pack_launch;

typedef struct packs {
    uint32_t count;
    pack_launch list[];
} packs;

ocl_packings *ocl_packings_make(shunt_bop *op, const ocl_source *source, const char *kernel, uint32_t most)
{
    ocl_packings *made = calloc(1, sizeof *made + most * sizeof *made->list);
    if (!made) return NULL;
    made->source = source;
    made->kernel = kernel;
    return op->packings = made;
}

static bool same_launch(const shunt_pack *a, const shunt_pack *b)
{
    const ocl_packings *x = a->op->packings, *y = b->op->packings;
    return a->src.buffer == b->src.buffer && a->dst.buffer == b->dst.buffer && x->source == y->source &&
           !strcmp(x->kernel, y->kernel) && !strcmp(x->options, y->options) &&
           shunt_op_data_type(&a->op->desc) == shunt_op_data_type(&b->op->desc);
}

/* Of those from the first on that go with it: all packings, placed in the buffers. Returns how many; *groups: their work-groups. */
static cl_int collect(const shunt_pack *first, const shunt_pack *end, size_t local, ocl_packing *list, uint64_t *groups)
{
    cl_int count = 0;
    *groups = 0;
    for (const shunt_pack *pack = first; pack < end; pack++) {
        const ocl_packings *own = pack->op->packings;
        const uint64_t bytes = shunt_dtype_bytes(shunt_op_data_type(&pack->op->desc));
        if (!same_launch(first, pack)) continue;
        for (uint32_t i = 0; i < own->count; i++) {
            ocl_packing *p = &list[count++];
            *p = own->list[i];
            p->src = pack->src.offset / sizeof(float);
            p->dst += pack->dst.offset / bytes;
            p->first = *groups;
            *groups += (p->count + local - 1) / local;
        }
    }
    return count;
}

static shunt_status write_list(ocl_device *device, const ocl_packing *list, cl_int count, shunt_arg *out)
{
    const uint64_t bytes = (uint64_t)count * sizeof *list;
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

/* What goes with the first of them. */
static shunt_status make_launch(ocl_device *device, const shunt_pack *first, const shunt_pack *end, pack_launch *out)
{
    const ocl_packings *own = first->op->packings;
    const size_t local = ocl_group(device);
    uint64_t groups, most = 0;
    for (const shunt_pack *pack = first; pack < end; pack++) most += pack->op->packings->count;
    ocl_packing *list = calloc(most, sizeof *list);
    if (!list) return ocl_fail_memory();
    const cl_int count = collect(first, end, local, list, &groups);
    const ocl_constant constants[] = {{sizeof count, &count}};
    out->step.data = shunt_op_data_type(&first->op->desc);
    out->tensors[0].buffer = first->src.buffer;
    out->tensors[1].buffer = first->dst.buffer;
    shunt_status status = write_list(device, list, count, &out->tensors[2]);
    if (!status)
        status = ocl_step_create_flat(device, &out->step, own->source, own->options, own->kernel, groups * local);
    if (!status) status = ocl_step_constants(&out->step, 6, 1, constants);
    free(list);
    return status;
}

static shunt_status launch(shunt_bop *op, shunt_bqueue *queue, const shunt_arg *inputs, const shunt_arg *outputs,
                           shunt_arg workspace)
{
    packs *self = op->own;
    shunt_status status = SHUNT_OK;
    (void)inputs, (void)outputs, (void)workspace;
    for (uint32_t i = 0; i < self->count && !status; i++)
        status = ocl_step_run(&self->list[i].step, queue, 3, self->list[i].tensors);
    return status;
}

static void destroy(shunt_bop *op)
{
    packs *self = op->own;
    for (uint32_t i = 0; self && i < self->count; i++) {
        ocl_step_destroy(&self->list[i].step);
        ocl_buffer_free(&op->device->base, self->list[i].tensors[2].buffer);
    }
}

static const ocl_algorithm packs_algorithm = {.name = "packs", .launch = launch, .destroy = destroy};

static bool is_first(const shunt_pack *list, const shunt_pack *pack)
{
    for (const shunt_pack *before = list; before < pack; before++)
        if (same_launch(before, pack)) return false;
    return true;
}

static shunt_status make(shunt_bop *op, const shunt_pack *list, uint32_t count)
{
    packs *self = calloc(1, sizeof *self + count * sizeof *self->list);
    shunt_status status = SHUNT_OK;
    if (!self) return ocl_fail_memory();
    op->own = self;
    for (uint32_t i = 0; i < count && !status; i++) {
        if (!list[i].op->packings || list[i].op->info.packed_bytes[list[i].input] == 0)
            return ocl_fail(SHUNT_E_INVALID, "%s: input %u is not packed ahead", list[i].op->info.algorithm,
                            list[i].input);
        if (is_first(list, &list[i]))
            status = make_launch(op->device, &list[i], list + count, &self->list[self->count++]);
    }
    return status;
}

/* Drivers finish a kernel when it first runs (warm.c). */
static shunt_status run_ahead(shunt_bop *op)
{
    const packs *self = op->own;
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

shunt_status ocl_packs_prepare(shunt_bdevice *device, const shunt_pack *list, uint32_t count, shunt_bop **out)
{
    shunt_bop *op = calloc(1, sizeof *op);
    if (!op) return ocl_fail_memory();
    op->device = (ocl_device *)device;
    op->algorithm = &packs_algorithm;
    shunt_status status = make(op, list, count);
    if (!status) status = run_ahead(op);
    if (status)
        ocl_op_destroy(op);
    else
        *out = op;
    return status;
}
