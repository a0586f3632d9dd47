/* ops.c - from a descriptor to a launched op: query, prepare, info, launch. One algorithm, "direct", for every op. */
#include "scalar.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char algorithm[] = "direct";

struct shunt_bop {
    const scalar_op *op;
    int threads;
    shunt_op_desc desc, computed; /* as it is given; with data in float32, as `op` computes it */
    uint64_t workspace;           /* bytes of the operands' float32 copies */
};

shunt_status scalar_op_query(shunt_bdevice *device, const shunt_op_desc *desc, shunt_op_candidates *out)
{
    (void)device;
    if (!desc || !out) return scalar_fail(SHUNT_E_INVALID, "op_query: an argument is NULL");
    const scalar_op *op;
    shunt_status status = scalar_check(desc, &op);
    out->count = 1;
    out->list[0] = (shunt_candidate){0};
    memcpy(out->list[0].algorithm, algorithm, sizeof algorithm);
    if (status)
        snprintf(out->list[0].reason, sizeof out->list[0].reason, "%.*s", SHUNT_REASON_CHARS - 1, scalar_last_error());
    return status;
}

shunt_status scalar_op_prepare(shunt_bdevice *device, const shunt_op_desc *desc, const shunt_prepare_options *options,
                               shunt_bop **out)
{
    if (!device || !desc || !out) return scalar_fail(SHUNT_E_INVALID, "op_prepare: an argument is NULL");
    if (options && options->algorithm && strcmp(options->algorithm, algorithm))
        return scalar_fail(SHUNT_E_UNSUPPORTED, "scalar has no algorithm %s; it has %s", options->algorithm, algorithm);
    if (options && options->params && *options->params)
        return scalar_fail(SHUNT_E_UNSUPPORTED, "algorithm %s has no parameters, not even \"%s\"", algorithm,
                           options->params);
    const scalar_op *op;
    shunt_status status = scalar_check(desc, &op);
    if (status) return status;
    shunt_bop *made = malloc(sizeof *made);
    if (!made) return scalar_fail_memory();
    *made = (shunt_bop){
        .op = op,
        .threads = ((const scalar_device *)device)->threads,
        .desc = *desc,
        .computed = scalar_widened(desc),
        .workspace = scalar_copies_bytes(desc),
    };
    *out = made;
    return SHUNT_OK;
}

/* The residual comes after the bias, in the order of the flags; each of its elements is read just before the same element of dst is written. What
 * is repeated by BROADCAST is read again. */
static uint32_t inplace_inputs(const shunt_bop *op)
{
    uint32_t index = shunt_op_ninputs(op->desc.kind, op->desc.flags & (SHUNT_FLAG_RESIDUAL - 1)), repeated = 0;
    uint32_t residual = op->desc.flags & SHUNT_FLAG_RESIDUAL ? 1u << index : 0;
    for (uint32_t i = 0; op->desc.flags & SHUNT_FLAG_BROADCAST && i < op->desc.ninputs; i++)
        if (shunt_tensor_count(&op->desc.inputs[i]) != shunt_tensor_count(&op->desc.outputs[0])) repeated |= 1u << i;
    return (op->op->inplace_inputs | residual) & ~repeated;
}

shunt_status scalar_op_info(const shunt_bop *op, shunt_op_info *info)
{
    if (!op || !info) return scalar_fail(SHUNT_E_INVALID, "op_info: an argument is NULL");
    shunt_op_info made = {.size = sizeof made, .inplace_inputs = inplace_inputs(op), .workspace = op->workspace};
    memcpy(made.algorithm, algorithm, sizeof algorithm);
    shunt_struct_copy(info, &made);
    return SHUNT_OK;
}

/* The host pointers of `count` arguments. kind: "input" or "output". */
static shunt_status resolve_all(const shunt_arg *args, const shunt_tensor_desc *descs, uint32_t count, const char *kind,
                                void **pointers)
{
    for (uint32_t i = 0; i < count; i++) {
        char what[32];
        snprintf(what, sizeof what, "%s %u", kind, i);
        unsigned char *pointer = NULL;
        shunt_status status = scalar_resolve(args[i], shunt_tensor_bytes(&descs[i]), what, &pointer);
        if (status) return status;
        pointers[i] = pointer;
    }
    return SHUNT_OK;
}

/* Where the operands lie: out as given, copied as the op computes them. */
typedef struct operands {
    void *in[SHUNT_MAX_INPUTS], *out[SHUNT_MAX_OUTPUTS], *computed[SHUNT_MAX_OUTPUTS];
    unsigned char *copies;
} operands;

static shunt_status resolve(const shunt_bop *op, const shunt_arg *inputs, const shunt_arg *outputs, shunt_arg workspace,
                            operands *o)
{
    shunt_status status = resolve_all(inputs, op->desc.inputs, op->desc.ninputs, "input", o->in);
    if (!status) status = resolve_all(outputs, op->desc.outputs, op->desc.noutputs, "output", o->out);
    if (!status && op->workspace) status = scalar_resolve(workspace, op->workspace, "workspace", &o->copies);
    memcpy(o->computed, o->out, sizeof o->computed);
    return status;
}

shunt_status scalar_op_launch(shunt_bop *op, shunt_bqueue *queue, const shunt_arg *inputs, const shunt_arg *outputs,
                              shunt_arg workspace, shunt_bevent **event)
{
    if (!op || !queue || !inputs || !outputs) return scalar_fail(SHUNT_E_INVALID, "op_launch: an argument is NULL");
    operands o = {0};
    shunt_status status = resolve(op, inputs, outputs, workspace, &o);
    if (!status) status = scalar_event_begin(queue, event);
    if (status) return status;
    const void *const *in = (const void *const *)o.in;
    scalar_make_copies(&op->desc, op->threads, o.copies, o.in, o.computed);
    if (op->op->run_with)
        op->op->run_with(&op->computed, in, o.computed, op->threads, queue->scratch);
    else
        op->op->run(&op->computed, in, o.computed, op->threads);
    scalar_round_results(&op->desc, op->threads, (const void *const *)o.computed, o.out);
    scalar_event_end(event);
    return SHUNT_OK;
}

void scalar_op_destroy(shunt_bop *op)
{
    free(op);
}
