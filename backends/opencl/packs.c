/* packs.c - see packs.h. */
#include "packs.h"
#include "joint.h"

#include <stdlib.h>
#include <string.h>

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

/* What goes with the first of them. */
static shunt_status add_launch(shunt_bop *op, const shunt_pack *first, const shunt_pack *end)
{
    const ocl_packings *own = first->op->packings;
    uint64_t most = 0;
    for (const shunt_pack *pack = first; pack < end; pack++) most += pack->op->packings->count;
    ocl_packing *list = calloc(most, sizeof *list);
    if (!list) return ocl_fail_memory();
    ocl_joint joint = {.source = own->source,
                       .options = own->options,
                       .kernel = own->kernel,
                       .data = shunt_op_data_type(&first->op->desc),
                       .src = first->src.buffer,
                       .dst = first->dst.buffer,
                       .list = list};
    joint.count = collect(first, end, ocl_group(op->device), list, &joint.groups);
    joint.bytes = (uint64_t)joint.count * sizeof *list;
    const shunt_status status = ocl_joint_add(op, &joint);
    free(list);
    return status;
}

static bool is_first(const shunt_pack *list, const shunt_pack *pack)
{
    for (const shunt_pack *before = list; before < pack; before++)
        if (same_launch(before, pack)) return false;
    return true;
}

shunt_status ocl_packs_prepare(shunt_bdevice *device, const shunt_pack *list, uint32_t count, shunt_bop **out)
{
    shunt_bop *op = NULL;
    shunt_status status = ocl_joint_begin((ocl_device *)device, "packs", count, &op);
    for (uint32_t i = 0; i < count && !status; i++) {
        const shunt_bop *own = list[i].op;
        if (!own->packings || own->info.packed_bytes[list[i].input] == 0)
            status = ocl_fail(SHUNT_E_INVALID, "%s: input %u is not packed ahead", own->info.algorithm, list[i].input);
        else if (is_first(list, &list[i]))
            status = add_launch(op, &list[i], list + count);
    }
    if (!status) status = ocl_joint_end(op);
    if (status)
        ocl_op_destroy(op);
    else
        *out = op;
    return status;
}
