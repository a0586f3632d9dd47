/* conv_phase.c - see conv_phase.h. */
#include "conv_phase.h"

#include <string.h>

uint32_t ocl_conv_phases(const shunt_op_desc *desc)
{
    const shunt_conv_attr *attr = &desc->attr.conv;
    return desc->kind == SHUNT_OP_CONV ? 1 : (uint32_t)attr->stride[0] * (uint32_t)attr->stride[1];
}

static conv_phase whole(const conv_dims *d)
{
    const cl_long taps = (cl_long)d->R * d->S;
    return (conv_phase){
        .dims = *d,
        .taps = d->R * d->S,
        .weights = {.step = {d->C * taps, taps, d->S, 1}},
        .place = {.step = {1, 1}, .size = {d->P, d->Q}},
    };
}

/* Along one direction. Row h of diff_src gets diff_dst[p] * weights[r] where h + pad = p * stride + r * dilation. Let the
 * remainder of h + pad be `rest`: then r = rest, rest + stride ... With h = first + i * stride and r = rest + u * stride,
 * p = i + shift - u, so turned round, u = taps - 1 - v, diff_dst is read at i + v - (taps - 1 - shift). A dilation above 1
 * takes a stride of 1; there it only stretches the taps. */
typedef struct line {
    cl_int rows, taps, pad, first, rest;
} line;

static line line_of(cl_int rest, cl_int stride, cl_int dilation, cl_int pad, cl_int size, cl_int window)
{
    line l = {.rest = rest, .first = ((rest - pad) % stride + stride) % stride};
    l.rows = size > l.first ? (size - l.first + stride - 1) / stride : 0;
    l.taps = window > rest ? (window - rest + stride - 1) / stride : 0;
    l.pad = (l.taps - 1) * dilation - (l.first + pad - rest) / stride;
    return l;
}

conv_phase ocl_conv_phase(const shunt_op_desc *desc, uint32_t index)
{
    const conv_dims d = ocl_conv_dims(desc);
    if (desc->kind == SHUNT_OP_CONV) return whole(&d);
    const cl_int rest[] = {(cl_int)index / d.stride[1], (cl_int)index % d.stride[1]};
    const line v = line_of(rest[0], d.stride[0], d.dilation[0], d.pad[0], d.H, d.R),
               h = line_of(rest[1], d.stride[1], d.dilation[1], d.pad[1], d.W, d.S);
    const cl_long taps = (cl_long)d.R * d.S;
    conv_phase phase = {
        .dims = {.N = d.N, .C = d.K, .H = d.P, .W = d.Q, .K = d.C, .P = v.rows, .Q = h.rows, .R = v.taps, .S = h.taps},
        .taps = v.taps * h.taps,
        .weights = {.first = (rest[0] + (v.taps - 1) * (cl_long)d.stride[0]) * d.S + rest[1] +
                             (h.taps - 1) * (cl_long)d.stride[1],
                    .step = {taps, d.C * taps, -(cl_long)d.stride[0] * d.S, -(cl_long)d.stride[1]}},
        .place = {.first = {v.first, h.first}, .step = {d.stride[0], d.stride[1]}, .size = {d.H, d.W}},
    };
    phase.dims.stride[0] = phase.dims.stride[1] = phase.dims.groups = 1;
    memcpy(phase.dims.dilation, d.dilation, sizeof d.dilation);
    phase.dims.pad[0] = v.pad;
    phase.dims.pad[1] = h.pad;
    phase.dims.flags = d.flags & SHUNT_FLAG_RESIDUAL;
    if (d.flags & SHUNT_FLAG_RELU) phase.dims.flags |= OCL_CONV_MASK;
    if (phase.taps == 0) phase.dims.R = phase.dims.S = 1;
    return phase;
}

/* ---- Their kernels ---- */

shunt_status ocl_phases_make(shunt_bop *op, phase_steps *list, phase_make make)
{
    shunt_status status = SHUNT_OK;
    bool made = false, packed = false;
    for (uint32_t i = 0; i < ocl_conv_phases(&op->desc) && !status; i++) {
        const conv_phase phase = ocl_conv_phase(&op->desc, i);
        phase_steps *own = &list[i];
        own->empty = phase.dims.P < 1 || phase.dims.Q < 1;
        if (own->empty) continue;
        for (int s = 0; s < 2; s++) own->steps[s].data = op->steps[0].data;
        own->conv = made ? &own->steps[0] : &op->steps[0];
        own->pack = phase.taps == 0 ? NULL : packed ? &own->steps[1] : &op->pack;
        status = make(op, &phase, own);
        made = true;
        packed = packed || phase.taps > 0;
    }
    return status;
}

shunt_status ocl_phases_launch(const shunt_bop *op, const phase_steps *list, shunt_bqueue *queue,
                               const shunt_arg *inputs, shunt_arg workspace, uint32_t ntensors,
                               const shunt_arg *tensors)
{
    shunt_status status = SHUNT_OK;
    for (uint32_t i = 0; i < ocl_conv_phases(&op->desc) && !status; i++) {
        shunt_arg own[OCL_PHASE_TENSORS];
        if (list[i].empty) continue;
        memcpy(own, tensors, ntensors * sizeof *tensors);
        own[1].offset += list[i].packed_at;
        if (list[i].pack) status = ocl_conv_pack(op, list[i].pack, queue, inputs, workspace);
        if (!status) status = ocl_step_run(list[i].conv, queue, ntensors, own);
    }
    return status;
}

void ocl_phases_destroy(const shunt_bop *op, phase_steps *list)
{
    for (uint32_t i = 0; i < ocl_conv_phases(&op->desc); i++)
        for (int s = 0; s < 2; s++) ocl_step_destroy(&list[i].steps[s]);
}

shunt_status ocl_conv_sum_make(shunt_bop *op, ocl_step *step, cl_int splits)
{
    char options[OCL_OPTIONS_CHARS] = "";
    const shunt_tensor_desc *dst = &op->desc.outputs[0];
    const conv_phase first = ocl_conv_phase(&op->desc, 0);
    const ocl_constant constants[] = {
        {sizeof first.dims, &first.dims}, {sizeof first.place, &first.place}, {sizeof splits, &splits}};
    op->info.workspace = sizeof(float) * (uint64_t)splits * shunt_tensor_storage(dst);
    ocl_add_option(options, "-DB=%u -DV=4 -DWG=%zu", (unsigned)shunt_tensor_block(dst), ocl_group(op->device));
    shunt_status status =
        ocl_step_create_flat(op->device, step, &ocl_conv_sum_cl, options, "conv_sum", shunt_tensor_storage(dst) / 4);
    return status ? status : ocl_step_constants(step, 8, 3, constants);
}

shunt_status ocl_phases_launch_sums(shunt_bop *op, const phase_steps *list, ocl_step *sum, shunt_bqueue *queue,
                                    const shunt_arg *inputs, const shunt_arg *outputs, shunt_arg workspace)
{
    shunt_arg tensors[6];
    ocl_conv_tensors(op, inputs, outputs, workspace, tensors);
    tensors[5] = sum ? workspace : tensors[4];
    shunt_status status = ocl_phases_launch(op, list, queue, inputs, workspace, 6, tensors);
    return status || !sum ? status : ocl_step_run(sum, queue, 4, tensors + 2);
}

/* ---- Refusals ---- */

const char *ocl_conv_refuse_gradient(const shunt_op_desc *desc)
{
    const shunt_conv_attr *attr = &desc->attr.conv;
    if (attr->groups > 1) return "more than one group of channels";
    for (int i = 0; i < 2 && desc->kind == SHUNT_OP_CONV_GRAD_SRC; i++) {
        if (attr->stride[i] > 1 && attr->dilation[i] > 1) return "stride and dilation both above 1";
        if (attr->stride[i] > 4) return "a stride above 4";
    }
    return ocl_conv_phases(desc) > OCL_MOST_PHASES ? "strides whose product is above 64" : NULL;
}

const char *ocl_conv_refuse_phases(const ocl_device *device, const shunt_op_desc *desc)
{
    const shunt_tensor_desc *dst = &desc->outputs[0];
    const char *reason = ocl_conv_refuse(desc);
    if (!reason) reason = ocl_conv_refuse_gradient(desc);
    if (reason) return reason;
    if (!ocl_conv_takes_block(device, dst)) return "dst is not in the device's layout";
    if (dst->dims[0] * ocl_inner_count(dst, 2) > INT32_MAX / 2) return "2^30 or more pixels";
    return NULL;
}
