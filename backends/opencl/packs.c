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

static const char *refuse(const shunt_joint *pack)
{
    const shunt_bop *op = pack->op;
    return op->packings && op->info.packed_bytes[pack->operand] > 0 ? NULL : "is not packed ahead";
}

static void choose(const shunt_joint *pack, ocl_joint_kernel *out)
{
    const ocl_packings *own = pack->op->packings;
    out->source = own->source;
    out->name = own->kernel;
    memcpy(out->options, own->options, sizeof out->options);
    out->data = shunt_op_data_type(&pack->op->desc);
}

static uint32_t count(const shunt_joint *pack)
{
    return pack->op->packings->count;
}

/* All packings of the op, placed in the buffers. */
static uint64_t list(const shunt_joint *pack, uint64_t first, void *entries)
{
    const ocl_packings *own = pack->op->packings;
    const uint64_t bytes = shunt_dtype_bytes(shunt_op_data_type(&pack->op->desc));
    const size_t local = ocl_group(pack->op->device);
    ocl_packing *placed = entries;
    uint64_t groups = 0;
    for (uint32_t i = 0; i < own->count; i++) {
        placed[i] = own->list[i];
        placed[i].src = pack->src.offset / sizeof(float);
        placed[i].dst += pack->dst.offset / bytes;
        placed[i].first = first + groups;
        groups += (placed[i].count + local - 1) / local;
    }
    return groups;
}

shunt_status ocl_packs_prepare(shunt_bdevice *device, const shunt_joint *packs, uint32_t n, shunt_bop **out)
{
    static const ocl_joining joining = {"packs", refuse, choose, count, list, sizeof(ocl_packing)};
    return ocl_joint_prepare((ocl_device *)device, &joining, packs, n, out);
}
