/* foresee.c - what will be compiled for ops is compiled together: they are made on a device that only notes what their steps would be made
 * from. */
#include "bundle.h"
#include "conv_grad_group.h"
#include "kernels.h"
#include "packs.h"

#include <stdlib.h>

/* What converts an operand of many ops (joint.h). */
static void note_joint(ocl_device *notes, const ocl_source *source, const char *options, uint8_t data)
{
    ocl_step step = {.data = data};
    ocl_step_create_flat(notes, &step, source, options, "", 1);
}

void ocl_foresee_op(ocl_device *notes, const shunt_op_desc *desc, const shunt_prepare_options *options)
{
    shunt_bop *op;
    if (ocl_op_make(notes, desc, options, &op)) return;
    if (op->packings) note_joint(notes, op->packings->source, op->packings->options, shunt_op_data_type(desc));
    if (op->parts) {
        char of_sums[OCL_OPTIONS_CHARS] = "";
        ocl_grad_sum_options(notes, of_sums);
        note_joint(notes, &ocl_conv_grad_sum_cl, of_sums, SHUNT_F32);
    }
    ocl_op_destroy(op);
}

void ocl_foresee(shunt_bdevice *base, const shunt_op_desc *const *descs, const shunt_prepare_options *const *options,
                 uint32_t count)
{
    ocl_device *device = (ocl_device *)base;
    ocl_units units = {0};
    ocl_device notes = {.base = device->base,
                        .found = device->found,
                        .id = device->id,
                        .context = device->context,
                        .maps = device->maps,
                        .foreseen = &units};
    for (uint32_t i = 0; i < count; i++) ocl_foresee_op(&notes, descs[i], options[i]);
    ocl_programs_foresee(device, &units);
    free(units.list);
}
