/* op.c - the table of algorithms, and what all ops have in common: checking a description, choosing, launching. */
#include "opencl.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Those of one kind and equal rank are tried in this order. */
static const ocl_algorithm *const algorithms[] = {
    /* convolutions */
    &ocl_conv_matrix,
    &ocl_conv_matrix_plain,
    &ocl_conv_tile,
    &ocl_conv_wave,
    &ocl_conv_group,
    &ocl_conv_group_winograd4,
    &ocl_conv_group_winograd2,
    &ocl_conv_winograd4,
    &ocl_conv_winograd2,
    &ocl_conv_direct,
    &ocl_conv_product,
    &ocl_conv_wave_plain,
    &ocl_conv_grad_src_matrix,
    &ocl_conv_grad_src_matrix_plain,
    &ocl_conv_grad_src_tile,
    &ocl_conv_grad_src_wave,
    &ocl_conv_grad_src_group,
    &ocl_conv_grad_src_group_winograd4,
    &ocl_conv_grad_src_group_winograd2,
    &ocl_conv_grad_src_winograd4,
    &ocl_conv_grad_src_winograd2,
    &ocl_conv_grad_weights_matrix,
    &ocl_conv_grad_weights_matrix_plain,
    &ocl_conv_grad_weights_tile,
    &ocl_conv_grad_weights_wave,
    &ocl_conv_grad_weights_group,
    &ocl_conv_grad_weights_winograd4,
    &ocl_conv_grad_src_direct,
    &ocl_conv_grad_src_wave_plain,
    &ocl_conv_grad_weights_direct,
    &ocl_conv_grad_weights_wave_plain,
    /* all else */
    &ocl_linear,
    &ocl_linear_product,
    &ocl_batch_norm,
    &ocl_relu,
    &ocl_add,
    &ocl_max_pool,
    &ocl_avg_pool,
    &ocl_global_pool,
    &ocl_softmax,
    &ocl_shortcut,
    &ocl_reorder,
    &ocl_batch_statistics,
    &ocl_batch_norm_grad,
    &ocl_batch_norm_train,
    &ocl_relu_grad,
    &ocl_linear_grad_src,
    &ocl_linear_grad_weights,
    &ocl_cross_entropy,
    &ocl_sgd,
    &ocl_moving_average,
    &ocl_shrink,
    &ocl_accumulate,
    &ocl_max_pool_grad,
    &ocl_avg_pool_grad,
    &ocl_global_pool_grad,
    &ocl_shortcut_grad,
    &ocl_transpose,
    &ocl_reshape,
    &ocl_concat,
    &ocl_pad,
    &ocl_clip,
    &ocl_log_softmax,
    &ocl_matmul,
    &ocl_cast,
    &ocl_sigmoid,
    &ocl_sigmoid_grad,
    &ocl_add_broadcast,
    &ocl_mul,
    &ocl_mul_broadcast,
    &ocl_reduce_sum,
    &ocl_lrn,
    &ocl_count_nonfinite,
    &ocl_sum_squares,
    &ocl_resize,
    &ocl_resize_grad,
    &ocl_roi_align,
    &ocl_step_op,
    &ocl_gather,
    &ocl_scatter,
    &ocl_focal_loss,
    &ocl_smooth_l1,
};
enum { NALGORITHMS = sizeof algorithms / sizeof *algorithms };

/* ---- Descriptions ----------------------------------------------------------------------------------------------- */

/* CAST checks its types itself. REORDER's operands are of any type, too, but one. */
static const char *refuse_type(const shunt_op_desc *desc, shunt_operand_class class, uint8_t dtype)
{
    const uint8_t data = shunt_op_data_type(desc);
    if (desc->kind == SHUNT_OP_CAST) return NULL;
    if (data != SHUNT_F32 && data != SHUNT_F16 && data != SHUNT_BF16)
        return "a type other than float32, float16 and bfloat16";
    if (class == SHUNT_OPERAND_WIDE) return dtype == SHUNT_F32 ? NULL : "an operand that must be float32 and is not";
    return dtype == data ? NULL : "data operands of different types";
}

static const char *refuse_tensor(const shunt_tensor_desc *tensor)
{
    uint64_t count = 1;
    if (tensor->rank < 1 || tensor->rank > SHUNT_MAX_RANK) return "a tensor of no or too many dimensions";
    if (tensor->rank != 4 && tensor->block != SHUNT_PLAIN)
        return "a channel block on a tensor that is not an activation";
    for (uint32_t i = 0; i < tensor->rank; i++) {
        if (tensor->dims[i] < 1 || tensor->dims[i] > INT32_MAX) return "a dimension is below 1 or above 2^31 - 1";
        if (count > (UINT64_C(1) << 48) / (uint64_t)tensor->dims[i]) return "a tensor of more than 2^48 elements";
        count *= (uint64_t)tensor->dims[i];
    }
    return NULL;
}

/* What no algorithm can do, or NULL. */
static const char *refuse_desc(const shunt_op_desc *desc)
{
    const uint32_t known = SHUNT_FLAG_BIAS | SHUNT_FLAG_RESIDUAL | SHUNT_FLAG_RELU | SHUNT_FLAG_NESTEROV |
                           SHUNT_FLAG_BROADCAST | SHUNT_FLAG_SCALE | SHUNT_FLAG_SKIP | SHUNT_FLAG_LARS |
                           SHUNT_FLAG_WIDE_SRC;
    const char *reason = NULL;
    if (desc->flags & ~(known & shunt_op_signature_of(desc->kind).flags)) return "a flag that the op lacks";
    if (desc->ninputs != shunt_op_ninputs(desc->kind, desc->flags) ||
        desc->noutputs != shunt_op_noutputs(desc->kind, desc->flags))
        return "a wrong number of tensors";
    for (uint32_t i = 0; i < desc->ninputs && !reason; i++) {
        reason = refuse_type(desc, shunt_op_input_class(desc->kind, desc->flags, i), desc->inputs[i].dtype);
        if (!reason) reason = refuse_tensor(&desc->inputs[i]);
    }
    for (uint32_t i = 0; i < desc->noutputs && !reason; i++) {
        reason = refuse_type(desc, shunt_op_output_class(desc->kind, desc->flags, i), desc->outputs[i].dtype);
        if (!reason) reason = refuse_tensor(&desc->outputs[i]);
    }
    return reason;
}

/* ---- Candidates --------------------------------------------------------------------------------------------------- */

static void add_candidate(shunt_op_candidates *out, const char *algorithm, const char *params, const char *reason)
{
    if (out->count == SHUNT_MAX_CANDIDATES) return;
    shunt_candidate *candidate = &out->list[out->count++];
    memset(candidate, 0, sizeof *candidate);
    snprintf(candidate->algorithm, sizeof candidate->algorithm, "%s", algorithm);
    snprintf(candidate->params, sizeof candidate->params, "%s", params);
    snprintf(candidate->reason, sizeof candidate->reason, "%s", reason);
}

static int rank_of(const ocl_device *device, const ocl_algorithm *algorithm, const shunt_op_desc *desc)
{
    return algorithm->rank ? algorithm->rank(device, desc) : 0;
}

/* Algorithms of the kind, best rank first. Returns how many. */
static uint32_t sort_algorithms(const ocl_device *device, const shunt_op_desc *desc, const ocl_algorithm **sorted)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < NALGORITHMS; i++) {
        if (algorithms[i]->kind != desc->kind) continue;
        uint32_t at = count++;
        for (; at > 0 && rank_of(device, sorted[at - 1], desc) < rank_of(device, algorithms[i], desc); at--)
            sorted[at] = sorted[at - 1];
        sorted[at] = algorithms[i];
    }
    return count;
}

static const char *refuse_algorithm(const ocl_device *device, const ocl_algorithm *algorithm, const shunt_op_desc *desc)
{
    const bool narrow = shunt_dtype_bytes(shunt_op_data_type(desc)) == 2;
    return narrow && algorithm->float32_only ? algorithm->float32_only : algorithm->refuse(device, desc);
}

static void list_usable(const ocl_device *device, const ocl_algorithm *algorithm, const shunt_op_desc *desc,
                        shunt_op_candidates *out)
{
    char params[SHUNT_PARAMS_CHARS] = "";
    if (!algorithm->variant) {
        add_candidate(out, algorithm->name, params, "");
        return;
    }
    for (uint32_t i = 0; algorithm->variant(device, desc, i, params); i++)
        add_candidate(out, algorithm->name, params, "");
}

shunt_status ocl_op_query(shunt_bdevice *base, const shunt_op_desc *desc, shunt_op_candidates *out)
{
    const ocl_device *device = (const ocl_device *)base;
    const ocl_algorithm *sorted[NALGORITHMS];
    const char *reason = refuse_desc(desc);
    uint32_t count = sort_algorithms(device, desc, sorted);
    out->count = 0;
    for (uint32_t i = 0; i < count && !reason; i++)
        if (!refuse_algorithm(device, sorted[i], desc)) list_usable(device, sorted[i], desc, out);
    bool usable = out->count > 0;
    for (uint32_t i = 0; i < count; i++) {
        const char *own = reason ? reason : refuse_algorithm(device, sorted[i], desc);
        if (own) add_candidate(out, sorted[i]->name, "", own);
    }
    if (count == 0) add_candidate(out, "none", "", "an operation that the OpenCL backend does not know");
    return usable ? SHUNT_OK : ocl_fail(SHUNT_E_UNSUPPORTED, "%s", out->list[0].reason);
}

/* The candidate that the options ask for. */
static shunt_status choose(ocl_device *device, const shunt_op_desc *desc, const shunt_prepare_options *options,
                           shunt_candidate *out)
{
    const char *algorithm = options->algorithm, *params = options->params;
    shunt_op_candidates *all = calloc(1, sizeof *all);
    if (!all) return ocl_fail_memory();
    all->size = sizeof *all;
    shunt_status status = ocl_op_query(&device->base, desc, all);
    const shunt_candidate *found = NULL;
    for (uint32_t i = 0; i < all->count && !status && !found; i++)
        if ((!algorithm || !strcmp(algorithm, all->list[i].algorithm)) &&
            (!params || !algorithm || !strcmp(params, all->list[i].params)))
            found = &all->list[i];
    if (!status && !found)
        status = ocl_fail(SHUNT_E_INVALID, "algorithm %s with parameters \"%s\" is not one that op_query lists",
                          algorithm, params ? params : "");
    if (!status && found->reason[0])
        status = ocl_fail(SHUNT_E_UNSUPPORTED, "algorithm %s: %s", algorithm, found->reason);
    if (!status) *out = *found;
    free(all);
    return status;
}

/* ---- Ops ------------------------------------------------------------------------------------------------------------ */

/* Ahead of its use, so that what compiles on first use does it now. */
static bool wants_run(const shunt_bop *op)
{
    bool fresh = op->run_ahead || op->pack.fresh;
    for (int i = 0; i < OCL_MAX_STEPS; i++) fresh = fresh || op->steps[i].fresh;
    return fresh;
}

static shunt_status make(shunt_bop *op, const shunt_prepare_options *options)
{
    shunt_candidate chosen;
    shunt_status status = choose(op->device, &op->desc, options, &chosen);
    if (status) return status;
    for (uint32_t i = 0; i < NALGORITHMS; i++)
        if (algorithms[i]->kind == op->desc.kind && !strcmp(algorithms[i]->name, chosen.algorithm))
            op->algorithm = algorithms[i];
    op->info.size = sizeof op->info;
    memcpy(op->info.algorithm, chosen.algorithm, sizeof op->info.algorithm);
    memcpy(op->info.params, chosen.params, sizeof op->info.params);
    status = op->algorithm->prepare(op);
    if (status) return ocl_fail_context(status, "algorithm %s", chosen.algorithm);
    const uint64_t limit = options->memory_limit, wanted = op->info.workspace + op->info.parts_bytes[0];
    if (limit > 0 && wanted > limit)
        return ocl_fail(SHUNT_E_MEMORY, "algorithm %s needs %" PRIu64 " bytes of workspace; the limit is %" PRIu64,
                        chosen.algorithm, wanted, limit);
    return SHUNT_OK;
}

shunt_status ocl_op_make(ocl_device *device, const shunt_op_desc *desc, const shunt_prepare_options *options,
                         shunt_bop **out)
{
    shunt_prepare_options asked = {.size = sizeof asked};
    if (options) shunt_struct_copy(&asked, options);
    shunt_bop *op = calloc(1, sizeof *op);
    if (!op) return ocl_fail_memory();
    op->device = device;
    op->desc = *desc;
    op->ahead = asked.ahead_inputs;
    op->later = asked.later_outputs;
    op->pack.data = shunt_op_data_type(desc);
    for (int i = 0; i < OCL_MAX_STEPS; i++) op->steps[i].data = op->pack.data;
    shunt_status status = make(op, &asked);
    if (status)
        ocl_op_destroy(op);
    else
        *out = op;
    return status;
}

shunt_status ocl_op_prepare(shunt_bdevice *base, const shunt_op_desc *desc, const shunt_prepare_options *options,
                            shunt_bop **out)
{
    shunt_bop *op;
    ocl_device *device = (ocl_device *)base;
    shunt_status status = ocl_op_make(device, desc, options, &op);
    if (status) return status;
    if (wants_run(op)) {
        status = ocl_op_warm(op);
        if (!status) ocl_programs_save(device);
    }
    if (status)
        ocl_op_destroy(op);
    else
        *out = op;
    return status;
}

shunt_status ocl_op_info(const shunt_bop *op, shunt_op_info *info)
{
    shunt_struct_copy(info, &op->info);
    return SHUNT_OK;
}

shunt_status ocl_op_pack(shunt_bop *op, shunt_bqueue *queue, uint32_t input, shunt_arg src, shunt_arg dst)
{
    const shunt_arg tensors[] = {src, dst};
    if (input >= op->desc.ninputs || op->info.packed_bytes[input] == 0 || op->packings)
        return ocl_fail(SHUNT_E_INVALID, "%s: input %u is not packed", op->info.algorithm, input);
    return ocl_step_run(&op->pack, queue, 2, tensors);
}

/* The usual launch. */
static shunt_status launch_first(shunt_bop *op, shunt_bqueue *queue, const shunt_arg *inputs, const shunt_arg *outputs)
{
    shunt_arg tensors[SHUNT_MAX_INPUTS + SHUNT_MAX_OUTPUTS];
    memcpy(tensors, inputs, op->desc.ninputs * sizeof *inputs);
    memcpy(tensors + op->desc.ninputs, outputs, op->desc.noutputs * sizeof *outputs);
    return ocl_step_run(&op->steps[0], queue, op->desc.ninputs + op->desc.noutputs, tensors);
}

shunt_status ocl_op_launch(shunt_bop *op, shunt_bqueue *queue, const shunt_arg *inputs, const shunt_arg *outputs,
                           shunt_arg workspace, shunt_bevent **event)
{
    shunt_status status = ocl_record_begin(queue, event);
    if (status) return status;
    status = op->algorithm->launch ? op->algorithm->launch(op, queue, inputs, outputs, workspace)
                                   : launch_first(op, queue, inputs, outputs);
    return ocl_record_end(queue, event, status);
}

void ocl_op_destroy(shunt_bop *op)
{
    if (!op) return;
    for (int i = 0; i < OCL_MAX_STEPS; i++) ocl_step_destroy(&op->steps[i]);
    ocl_step_destroy(&op->pack);
    if (op->algorithm && op->algorithm->destroy) op->algorithm->destroy(op);
    free(op->own);
    free(op->packings);
    free(op->parts);
    free(op);
}
