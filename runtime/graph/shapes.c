/* shapes.c - the shapes and types that ops make: of one op by its row (ops/), and of a whole graph for new inputs.
 * Arithmetic in the rows cannot overflow, for tensors are limited to MOST_ELEMENTS before anything is computed from them. */
#include "runtime/base/error.h"
#include "runtime/graph/graph.h"
#include "runtime/graph/ops/infer.h"
#include "runtime/graph/ops/ops.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Leaves room for a channel block's padding and for bytes in 64 bits. */
static const int64_t MOST_ELEMENTS = (int64_t)1 << 40;

bool graph_check_desc(const shunt_tensor_desc *desc, const char *what, char *reason)
{
    if (!shunt_castable(desc->dtype))
        return infer_refuse(reason, "%s is of type %u, which no op knows", what, desc->dtype);
    if (desc->rank > SHUNT_MAX_RANK)
        return infer_refuse(reason, "%s has rank %d, more than %d", what, desc->rank, SHUNT_MAX_RANK);
    int64_t count = 1;
    for (uint32_t i = 0; i < desc->rank; i++) {
        int64_t dim = desc->dims[i];
        if (dim < 1) return infer_refuse(reason, "%s has a dimension of %lld", what, (long long)dim);
        if (dim > MOST_ELEMENTS / count) return infer_refuse(reason, "%s has more than 2^40 elements", what);
        count *= dim;
    }
    return true;
}

static bool check_inputs(const shunt_op_desc *op, char *reason)
{
    uint32_t expected = shunt_op_ninputs(op->kind, op->flags);
    if (op->ninputs != expected) return infer_refuse(reason, "%u inputs instead of %u", op->ninputs, expected);
    for (uint32_t i = 0; i < op->ninputs; i++) {
        char what[24];
        snprintf(what, sizeof what, "input %u", i);
        if (!graph_check_desc(&op->inputs[i], what, reason)) return false;
        const shunt_operand_class class = shunt_op_input_class(op->kind, op->flags, i);
        const uint8_t dtype = op->inputs[i].dtype;
        if (class == SHUNT_OPERAND_ANY) continue;
        if (dtype != SHUNT_F32 && dtype != SHUNT_F64)
            return infer_refuse(reason, "input %u is neither float32 nor float64", i);
        if (dtype != op->inputs[0].dtype) return infer_refuse(reason, "input %u is of another type than input 0", i);
    }
    return true;
}

bool graph_infer(const shunt_op_desc *op, shunt_tensor_desc *outputs, uint32_t *noutputs, char *reason)
{
    const op_kind *kind = op_kind_of(op->kind);
    if (!kind) return infer_refuse(reason, "no op has kind %u", op->kind);
    const shunt_op_signature has = shunt_op_signature_of(op->kind);
    if (op->flags & ~has.flags) return infer_refuse(reason, "this op does not have flags 0x%x", op->flags & ~has.flags);
    if (!check_inputs(op, reason)) return false;
    *noutputs = shunt_op_noutputs(op->kind, op->flags);
    if (!kind->infer(op, outputs, reason)) return false;
    for (uint32_t i = 0; i < *noutputs; i++) {
        if (shunt_op_output_class(op->kind, op->flags, i) != SHUNT_OPERAND_ANY) outputs[i].dtype = op->inputs[0].dtype;
        if (!graph_check_desc(&outputs[i], "dst", reason)) return false;
    }
    return true;
}

shunt_status graph_infer_op(const shunt_op_desc *desc, shunt_tensor_desc outputs[SHUNT_MAX_OUTPUTS], uint32_t *noutputs,
                            char *reason)
{
    shunt_tensor_desc made[SHUNT_MAX_OUTPUTS] = {{0}};
    uint32_t count = 0;
    reason[0] = 0;
    if (!graph_infer(desc, made, &count, reason)) return error_fail(SHUNT_E_INVALID, "%s", reason);
    memcpy(outputs, made, count * sizeof made[0]);
    *noutputs = count;
    return SHUNT_OK;
}

static shunt_status infer_all(shunt_graph *graph)
{
    for (uint32_t i = 0; i < graph->nops; i++) {
        const graph_op *op = &graph->ops[i];
        shunt_op_desc desc;
        shunt_tensor_desc outputs[SHUNT_MAX_OUTPUTS];
        uint32_t noutputs;
        char reason[SHUNT_REASON_CHARS];
        graph_op_desc(graph, op, &desc);
        shunt_status status = graph_infer_op(&desc, outputs, &noutputs, reason);
        if (status) return error_context(status, "%s", op->name);
        for (uint32_t o = 0; o < op->noutputs; o++) graph->values[op->outputs[o]].desc = outputs[o];
    }
    return SHUNT_OK;
}

static bool same_inputs(const shunt_graph *graph, const shunt_tensor_desc *inputs)
{
    for (uint32_t i = 0; i < graph->ninputs; i++)
        if (!infer_same_dims(&inputs[i], &graph->values[graph->inputs[i]].desc)) return false;
    return true;
}

shunt_status graph_reshape(shunt_graph *graph, const shunt_tensor_desc *inputs, size_t ninputs)
{
    char reason[SHUNT_REASON_CHARS];
    if (ninputs != graph->ninputs)
        return error_fail(SHUNT_E_INVALID, "%zu inputs given to a graph of %u", ninputs, graph->ninputs);
    for (size_t i = 0; i < ninputs; i++) {
        const graph_value *value = &graph->values[graph->inputs[i]];
        if (!graph_check_desc(&inputs[i], value->name, reason)) return error_fail(SHUNT_E_INVALID, "%s", reason);
        if (inputs[i].rank != value->desc.rank)
            return error_fail(SHUNT_E_INVALID, "%s has rank %d, not %d", value->name, inputs[i].rank, value->desc.rank);
    }
    if (graph_trains(graph) && !same_inputs(graph, inputs))
        return error_fail(SHUNT_E_UNSUPPORTED, "a training graph takes only inputs of the shapes that it was made for");
    shunt_tensor_desc *old = malloc((graph->nvalues + (size_t)1) * sizeof *old);
    if (!old) return error_memory();
    for (uint32_t i = 0; i < graph->nvalues; i++) old[i] = graph->values[i].desc;
    for (size_t i = 0; i < ninputs; i++) {
        shunt_tensor_desc *desc = &graph->values[graph->inputs[i]].desc;
        memcpy(desc->dims, inputs[i].dims, desc->rank * sizeof *desc->dims);
        desc->block = SHUNT_PLAIN;
    }
    shunt_status status = infer_all(graph);
    if (status) /* as it was */
        for (uint32_t i = 0; i < graph->nvalues; i++) graph->values[i].desc = old[i];
    free(old);
    return status;
}
