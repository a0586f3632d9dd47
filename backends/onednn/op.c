/* op.c - an op's life: query, prepare, info, pack, launch. Which implementation of oneDNN's computes it is in choose.c;
 * here are its tensors, and the reorders if the implementation needs another layout than the given one. */
#include "op.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char loop_algorithm[] = "loop";

/* A tensor of the recipe made ready. */
typedef struct link {
    onednn_tensor tensor;
    bool packed;              /* comes in the wanted layout, by op_pack */
    dnnl_memory_t given;      /* NULL when packed */
    dnnl_memory_t wanted;     /* == given when there is nothing to convert */
    dnnl_primitive_t convert; /* NULL; given -> wanted for an input, wanted -> given for an output */
    uint64_t offset, bytes;   /* of `wanted` in the workspace; its size */
} link;

struct shunt_bop {
    const onednn_kind *kind;
    const onednn_device *device;
    shunt_op_desc desc;
    char algorithm[SHUNT_ALGORITHM_CHARS];
    dnnl_primitive_t primitive; /* NULL: kind->loop */
    uint32_t nlinks;
    link links[ONEDNN_MAX_TENSORS];
    dnnl_primitive_t add; /* the residual into dst, before */
    int added;
    dnnl_memory_t added_from, scratchpad;
    uint64_t scratchpad_offset, workspace;
};

/* The only candidate's name. */
static shunt_status find_algorithm(const onednn_device *device, const shunt_op_desc *desc, char *name)
{
    const onednn_kind *kind = onednn_find_kind(desc);
    if (!kind) return SHUNT_E_UNSUPPORTED;
    if (!kind->recipe) {
        memcpy(name, loop_algorithm, sizeof loop_algorithm);
        return onednn_check_loop(kind, desc);
    }
    onednn_choice choice;
    shunt_status status = onednn_choose(device, kind, desc, &choice);
    if (status) return status;
    memcpy(name, choice.algorithm, sizeof choice.algorithm);
    dnnl_primitive_desc_destroy(choice.pd);
    return SHUNT_OK;
}

shunt_status onednn_op_query(shunt_bdevice *handle, const shunt_op_desc *desc, shunt_op_candidates *out)
{
    out->count = 1;
    out->list[0] = (shunt_candidate){0};
    shunt_status status = find_algorithm((const onednn_device *)handle, desc, out->list[0].algorithm);
    if (status == SHUNT_OK) return SHUNT_OK;
    snprintf(out->list[0].reason, sizeof out->list[0].reason, "%.*s", SHUNT_REASON_CHARS - 1, onednn_last_error());
    return status == SHUNT_E_MEMORY || status == SHUNT_E_DEVICE ? status : SHUNT_E_UNSUPPORTED;
}

/* ---- Preparing ----------------------------------------------------------------------------------------------- */

static uint64_t take_workspace(shunt_bop *op, uint64_t bytes)
{
    uint64_t offset = op->workspace;
    op->workspace += (bytes + ONEDNN_ALIGNMENT - 1) / ONEDNN_ALIGNMENT * ONEDNN_ALIGNMENT;
    return offset;
}

static shunt_status make_memory(const shunt_bop *op, const dnnl_memory_desc_t *md, dnnl_memory_t *out)
{
    return onednn_check(dnnl_memory_create(out, md, op->device->engine, DNNL_MEMORY_NONE), "dnnl_memory_create");
}

static shunt_status make_reorder(const shunt_bop *op, const dnnl_memory_desc_t *from, const dnnl_memory_desc_t *to,
                                 dnnl_primitive_t *out)
{
    dnnl_primitive_desc_t pd = NULL;
    dnnl_engine_t engine = op->device->engine;
    shunt_status status =
        onednn_check(dnnl_reorder_primitive_desc_create(&pd, from, engine, to, engine, NULL), "describing a reorder");
    if (!status) status = onednn_check(dnnl_primitive_create(out, pd), "dnnl_primitive_create");
    dnnl_primitive_desc_destroy(pd);
    return status;
}

static bool constant(const shunt_bop *op, const onednn_tensor *tensor)
{
    return !tensor->output && op->desc.constant_inputs >> tensor->index & 1;
}

static shunt_status make_link(shunt_bop *op, const onednn_tensor *tensor, const dnnl_memory_desc_t *wanted)
{
    link *made = &op->links[op->nlinks++];
    *made = (link){.tensor = *tensor};
    if (dnnl_memory_desc_equal(&tensor->given, wanted)) {
        shunt_status status = make_memory(op, wanted, &made->given);
        made->wanted = made->given;
        return status;
    }
    made->bytes = dnnl_memory_desc_get_size(wanted);
    made->packed = constant(op, tensor);
    if (!made->packed) made->offset = take_workspace(op, made->bytes);
    shunt_status status = make_memory(op, wanted, &made->wanted);
    if (!status) status = make_memory(op, &tensor->given, &made->given);
    if (status) return status;
    return tensor->output ? make_reorder(op, wanted, &tensor->given, &made->convert)
                          : make_reorder(op, &tensor->given, wanted, &made->convert);
}

/* The residual is brought to where the primitive adds to it. It has the layout that dst is given in. */
static shunt_status make_add(shunt_bop *op, const onednn_recipe *recipe)
{
    op->added = recipe->added;
    if (op->added < 0) return SHUNT_OK;
    for (uint32_t i = 0; i < op->nlinks; i++) {
        const link *l = &op->links[i];
        if (l->tensor.arg != DNNL_ARG_DST) continue;
        const dnnl_memory_desc_t *wanted;
        shunt_status status = onednn_check(dnnl_memory_get_memory_desc(l->wanted, &wanted), "asking for a layout");
        if (!status) status = make_memory(op, &l->tensor.given, &op->added_from);
        return status ? status : make_reorder(op, &l->tensor.given, wanted, &op->add);
    }
    return onednn_fail(SHUNT_E_DEVICE, "a recipe without dst");
}

static shunt_status make_primitive(shunt_bop *op)
{
    onednn_choice choice;
    shunt_status status = onednn_choose(op->device, op->kind, &op->desc, &choice);
    if (status) return status;
    memcpy(op->algorithm, choice.algorithm, sizeof op->algorithm);
    const dnnl_memory_desc_t *scratchpad = dnnl_primitive_desc_query_md(choice.pd, dnnl_query_scratchpad_md, 0);
    uint64_t bytes = scratchpad ? dnnl_memory_desc_get_size(scratchpad) : 0;
    if (bytes) {
        op->scratchpad_offset = take_workspace(op, bytes);
        status = make_memory(op, scratchpad, &op->scratchpad);
    }
    for (uint32_t i = 0; i < choice.recipe.ntensors && !status; i++) {
        const onednn_tensor *tensor = &choice.recipe.tensors[i];
        status = make_link(op, tensor, dnnl_primitive_desc_query_md(choice.pd, dnnl_query_exec_arg_md, tensor->arg));
    }
    if (!status) status = make_add(op, &choice.recipe);
    if (!status) status = onednn_check(dnnl_primitive_create(&op->primitive, choice.pd), "dnnl_primitive_create");
    dnnl_primitive_desc_destroy(choice.pd);
    return status;
}

shunt_status onednn_op_prepare(shunt_bdevice *handle, const shunt_op_desc *desc, const shunt_prepare_options *options,
                               shunt_bop **out)
{
    const onednn_kind *kind = onednn_find_kind(desc);
    if (!kind) return SHUNT_E_UNSUPPORTED;
    shunt_bop *op = calloc(1, sizeof *op);
    if (!op) return onednn_fail(SHUNT_E_MEMORY, "out of host memory");
    *op = (shunt_bop){.kind = kind, .device = (const onednn_device *)handle, .desc = *desc, .added = -1};
    shunt_status status;
    if (kind->recipe) {
        int before = onednn_enter(op->device);
        status = make_primitive(op);
        onednn_leave(before);
    } else {
        memcpy(op->algorithm, loop_algorithm, sizeof loop_algorithm);
        status = onednn_check_loop(kind, desc);
    }
    if (!status && options && options->algorithm && strcmp(options->algorithm, op->algorithm))
        status = onednn_fail(SHUNT_E_UNSUPPORTED, "algorithm %s is not here; there is %s", options->algorithm,
                             op->algorithm);
    if (!status && options && options->memory_limit && op->workspace > options->memory_limit)
        status = onednn_fail(SHUNT_E_MEMORY, "a workspace of %llu bytes is over the limit",
                             (unsigned long long)op->workspace);
    if (status)
        onednn_op_destroy(op);
    else
        *out = op;
    return status;
}

void onednn_op_destroy(shunt_bop *op)
{
    if (!op) return;
    for (uint32_t i = 0; i < op->nlinks; i++) {
        link *l = &op->links[i];
        if (l->wanted != l->given) dnnl_memory_destroy(l->wanted);
        dnnl_memory_destroy(l->given);
        dnnl_primitive_destroy(l->convert);
    }
    dnnl_primitive_destroy(op->primitive);
    dnnl_primitive_destroy(op->add);
    dnnl_memory_destroy(op->added_from);
    dnnl_memory_destroy(op->scratchpad);
    free(op);
}

shunt_status onednn_op_info(const shunt_bop *op, shunt_op_info *info)
{
    uint32_t added = op->added >= 0 ? 1u << op->added : 0, repeated = 0;
    for (uint32_t i = 0; op->desc.flags & SHUNT_FLAG_BROADCAST && i < op->desc.ninputs; i++)
        if (shunt_tensor_count(&op->desc.inputs[i]) != shunt_tensor_count(&op->desc.outputs[0])) repeated |= 1u << i;
    shunt_op_info made = {.size = sizeof made,
                          .inplace_inputs = (op->kind->inplace_inputs & ~repeated) | added,
                          .workspace = op->workspace};
    memcpy(made.algorithm, op->algorithm, sizeof made.algorithm);
    for (uint32_t i = 0; i < op->nlinks; i++) {
        const link *l = &op->links[i];
        if (!l->packed) continue;
        const dnnl_memory_desc_t *wanted;
        shunt_status status = onednn_check(dnnl_memory_get_memory_desc(l->wanted, &wanted), "asking for a layout");
        if (status) return status;
        made.packed_bytes[l->tensor.index] = l->bytes;
        onednn_format_name(wanted, made.packed_format);
    }
    shunt_struct_copy(info, &made);
    return SHUNT_OK;
}

/* ---- Running ------------------------------------------------------------------------------------------------- */

static shunt_status place(shunt_bqueue *queue, dnnl_memory_t memory, void *data)
{
    return onednn_check(dnnl_memory_set_data_handle_v2(memory, data, queue->stream), "dnnl_memory_set_data_handle_v2");
}

static shunt_status run_reorder(shunt_bqueue *queue, dnnl_primitive_t reorder, dnnl_memory_t from, dnnl_memory_t to)
{
    const dnnl_exec_arg_t args[] = {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}};
    return onednn_check(dnnl_primitive_execute(reorder, queue->stream, 2, args), "reordering");
}

shunt_status onednn_op_pack(shunt_bop *op, shunt_bqueue *queue, uint32_t input, shunt_arg src, shunt_arg dst)
{
    for (uint32_t i = 0; i < op->nlinks; i++) {
        const link *l = &op->links[i];
        if (!l->packed || l->tensor.index != input) continue;
        unsigned char *from, *to;
        shunt_status status = onednn_resolve(src, shunt_tensor_bytes(&op->desc.inputs[input]), "pack: src", &from);
        if (!status) status = onednn_resolve(dst, l->bytes, "pack: dst", &to);
        if (status) return status;
        int before = onednn_enter(op->device);
        memset(to, 0, (size_t)l->bytes); /* what lies between and behind the values, too */
        status = place(queue, l->given, from);
        if (!status) status = place(queue, l->wanted, to);
        if (!status) status = run_reorder(queue, l->convert, l->given, l->wanted);
        onednn_leave(before);
        return status;
    }
    return onednn_fail(SHUNT_E_INVALID, "input %u is not packed", input);
}

/* Puts the tensors where the arguments say; converts the inputs that are not in the layout wanted. */
static shunt_status bring_in(shunt_bop *op, shunt_bqueue *queue, unsigned char *const *inputs,
                             unsigned char *const *outputs, unsigned char *workspace)
{
    shunt_status status = SHUNT_OK;
    for (uint32_t i = 0; i < op->nlinks && !status; i++) {
        const link *l = &op->links[i];
        unsigned char *data = l->tensor.output ? outputs[l->tensor.index] : inputs[l->tensor.index];
        status = place(queue, l->packed ? l->wanted : l->given, data);
        if (status || l->packed || l->given == l->wanted) continue;
        status = place(queue, l->wanted, workspace + l->offset);
        if (!status && !l->tensor.output) status = run_reorder(queue, l->convert, l->given, l->wanted);
    }
    if (!status && op->scratchpad) status = place(queue, op->scratchpad, workspace + op->scratchpad_offset);
    return status;
}

static shunt_status bring_residual(shunt_bop *op, shunt_bqueue *queue, unsigned char *const *inputs)
{
    for (uint32_t i = 0; i < op->nlinks; i++) {
        if (op->links[i].tensor.arg != DNNL_ARG_DST) continue;
        void *target = NULL;
        dnnl_memory_get_data_handle(op->links[i].wanted, &target);
        if (target == inputs[op->added]) return SHUNT_OK; /* in place */
        shunt_status status = place(queue, op->added_from, inputs[op->added]);
        return status ? status : run_reorder(queue, op->add, op->added_from, op->links[i].wanted);
    }
    return SHUNT_OK;
}

/* oneDNN's AVX2 convolution leaves them as they are for some shapes. */
static void clear_lanes_past_channels(const shunt_tensor_desc *t, float *data)
{
    if (t->rank != 4 || t->block <= 1 || t->dims[1] % t->block == 0) return;
    int64_t lanes = t->block, blocks = t->dims[1] / lanes + 1, used = t->dims[1] % lanes,
            area = t->dims[2] * t->dims[3];
    for (int64_t n = 0; n < t->dims[0]; n++)
        for (int64_t i = 0; i < area; i++)
            memset(data + (((n + 1) * blocks - 1) * area + i) * lanes + used, 0, (size_t)(lanes - used) * sizeof *data);
}

static shunt_status run_primitive(shunt_bop *op, shunt_bqueue *queue, unsigned char *const *inputs,
                                  unsigned char *const *outputs, unsigned char *workspace)
{
    dnnl_exec_arg_t args[ONEDNN_MAX_TENSORS + 1];
    int nargs = 0;
    shunt_status status = bring_in(op, queue, inputs, outputs, workspace);
    if (!status && op->added >= 0) status = bring_residual(op, queue, inputs);
    for (uint32_t i = 0; i < op->nlinks; i++)
        args[nargs++] = (dnnl_exec_arg_t){op->links[i].tensor.arg, op->links[i].wanted};
    if (op->scratchpad) args[nargs++] = (dnnl_exec_arg_t){DNNL_ARG_SCRATCHPAD, op->scratchpad};
    if (!status)
        status = onednn_check(dnnl_primitive_execute(op->primitive, queue->stream, nargs, args), op->algorithm);
    for (uint32_t i = 0; i < op->nlinks && !status; i++) {
        const link *l = &op->links[i];
        if (l->tensor.output && l->convert) status = run_reorder(queue, l->convert, l->wanted, l->given);
    }
    if (!status) status = onednn_check(dnnl_stream_wait(queue->stream), "dnnl_stream_wait");
    for (uint32_t i = 0; i < op->desc.noutputs && !status; i++)
        clear_lanes_past_channels(&op->desc.outputs[i], (float *)(void *)outputs[i]);
    return status;
}

/* The bytes that an input has as it is given to op_launch. */
static uint64_t input_bytes(const shunt_bop *op, uint32_t input)
{
    for (uint32_t i = 0; i < op->nlinks; i++)
        if (op->links[i].packed && op->links[i].tensor.index == input) return op->links[i].bytes;
    return shunt_tensor_bytes(&op->desc.inputs[input]);
}

shunt_status onednn_op_launch(shunt_bop *op, shunt_bqueue *queue, const shunt_arg *inputs, const shunt_arg *outputs,
                              shunt_arg workspace, shunt_bevent **event)
{
    uint64_t start = onednn_now();
    unsigned char *in[SHUNT_MAX_INPUTS], *out[SHUNT_MAX_OUTPUTS], *scratch = NULL;
    char what[32];
    shunt_status status = SHUNT_OK;
    for (uint32_t i = 0; i < op->desc.ninputs && !status; i++) {
        snprintf(what, sizeof what, "input %u", i);
        status = onednn_resolve(inputs[i], input_bytes(op, i), what, &in[i]);
    }
    for (uint32_t i = 0; i < op->desc.noutputs && !status; i++) {
        snprintf(what, sizeof what, "output %u", i);
        status = onednn_resolve(outputs[i], shunt_tensor_bytes(&op->desc.outputs[i]), what, &out[i]);
    }
    if (!status && op->workspace) status = onednn_resolve(workspace, op->workspace, "workspace", &scratch);
    if (status) return status;
    int before = onednn_enter(op->device);
    if (op->primitive) status = run_primitive(op, queue, in, out, scratch);
    if (!status && op->kind->loop)
        op->kind->loop(&op->desc, (const float *const *)(void *)in, (float *const *)(void *)out);
    onednn_leave(before);
    return status ? status : onednn_event_make(start, event);
}
