/* builder.c - the functions that applications and models build graphs with (include/shunt/graph.h).
 * The first mistake sticks to the graph; whatever is built on SHUNT_NO_VALUE is SHUNT_NO_VALUE. */
#include "runtime/base/error.h"
#include "runtime/graph/graph.h"
#include "runtime/graph/ops/ops.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static shunt_value fail(shunt_graph *graph, shunt_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static shunt_value fail(shunt_graph *graph, shunt_status status, const char *format, ...)
{
    if (!graph->status) {
        va_list args;
        va_start(args, format);
        vsnprintf(graph->message, sizeof graph->message, format, args);
        va_end(args);
        graph->status = status;
    }
    return SHUNT_NO_VALUE;
}

static shunt_value fail_memory(shunt_graph *graph)
{
    return fail(graph, SHUNT_E_MEMORY, "out of host memory");
}

void graph_fail_memory(shunt_graph *graph)
{
    fail_memory(graph);
}

static bool exists(const shunt_graph *graph, shunt_value value)
{
    return value >= 0 && (uint32_t)value < graph->nvalues;
}

/* Whether there is a graph, and what the caller must give with a name: nothing of it is NULL. */
static bool given(shunt_graph *graph, const char *name, const void *other)
{
    if (graph && (!name || !other))
        fail(graph, SHUNT_E_INVALID, "%s: NULL where a pointer is needed", name ? name : "a value without a name");
    return graph && name && other;
}

/* Fills a plain descriptor, or fails in the name of `name`. */
static bool make_desc(shunt_graph *graph, const char *name, uint8_t dtype, uint32_t rank, const int64_t *dims,
                      shunt_tensor_desc *desc)
{
    char reason[SHUNT_REASON_CHARS];
    if (rank < 1 || rank > SHUNT_MAX_RANK) {
        fail(graph, SHUNT_E_INVALID, "%s: rank %u is not in 1 .. %d", name, rank, SHUNT_MAX_RANK);
        return false;
    }
    *desc = shunt_tensor_make(dtype, rank, dims);
    if (graph_check_desc(desc, name, reason)) return true;
    fail(graph, SHUNT_E_INVALID, "%s", reason);
    return false;
}

shunt_value shunt_graph_input(shunt_graph *graph, const char *name, uint32_t rank, const int64_t *dims)
{
    return shunt_graph_input_of(graph, name, SHUNT_F32, rank, dims);
}

shunt_value shunt_graph_input_of(shunt_graph *graph, const char *name, shunt_dtype dtype, uint32_t rank,
                                 const int64_t *dims)
{
    shunt_tensor_desc desc;
    if (!given(graph, name, rank ? (const void *)dims : name) ||
        !make_desc(graph, name, (uint8_t)dtype, rank, dims, &desc))
        return SHUNT_NO_VALUE;
    if (!graph_room(&graph->inputs, &graph->inputs_room, graph->ninputs, sizeof *graph->inputs))
        return fail_memory(graph);
    shunt_value value = graph_new_value(graph, name, &desc, VALUE_INPUT);
    if (value == SHUNT_NO_VALUE) return fail_memory(graph);
    graph->inputs[graph->ninputs++] = value;
    return value;
}

/* The op that makes the value, if runs may leave it out and the value is then not there: not even as what it was to be overwritten. */
static const graph_op *conditional_maker(const shunt_graph *graph, shunt_value value)
{
    const int32_t producer = graph->values[value].producer;
    const graph_op *maker = producer < 0 ? NULL : &graph->ops[producer];
    return maker && maker->when && !op_overwrites(maker->kind) ? maker : NULL;
}

void shunt_graph_output(shunt_graph *graph, const char *name, shunt_value value)
{
    if (!given(graph, name, name)) return;
    if (!exists(graph, value)) {
        fail(graph, SHUNT_E_INVALID, "output %s: there is no value %d", name, value);
        return;
    }
    if (conditional_maker(graph, value)) {
        fail(graph, SHUNT_E_INVALID, "output %s is not made in all runs", name);
        return;
    }
    char *copy = strdup(name);
    if (!copy || !graph_room(&graph->outputs, &graph->outputs_room, graph->noutputs, sizeof *graph->outputs)) {
        free(copy);
        fail_memory(graph);
        return;
    }
    graph->outputs[graph->noutputs++] = (graph_output){copy, value};
}

/* A tensor of the weights is one value of the graph, or its parts would be trained apart. */
static shunt_value same_parameter(shunt_graph *graph, shunt_value value, shunt_role role, const shunt_tensor_desc *desc)
{
    const graph_value *have = &graph->values[value];
    if (have->role == role && have->desc.rank == desc->rank &&
        !memcmp(have->desc.dims, desc->dims, desc->rank * sizeof *desc->dims))
        return value;
    return fail(graph, SHUNT_E_INVALID, "parameter %s: the graph has one of that name with another shape or role",
                have->name);
}

shunt_value shunt_graph_parameter(shunt_graph *graph, const char *name, shunt_role role, uint32_t rank,
                                  const int64_t *dims)
{
    shunt_tensor_desc desc;
    if (!given(graph, name, rank ? (const void *)dims : name) || !make_desc(graph, name, SHUNT_F32, rank, dims, &desc))
        return SHUNT_NO_VALUE;
    shunt_value value = graph_find_parameter(graph, name);
    if (value != SHUNT_NO_VALUE) return same_parameter(graph, value, role, &desc);
    value = graph_new_value(graph, name, &desc, VALUE_PARAMETER);
    if (value == SHUNT_NO_VALUE) return fail_memory(graph);
    graph->values[value].role = role;
    if (!graph->parameters) graph->parameters = json_object();
    if (json_object_set_new_nocheck(graph->parameters, name, json_integer(value))) return fail_memory(graph);
    return value;
}

uint32_t op_replaced(uint32_t kind)
{
    const op_kind *row = op_kind_of(kind);
    return row ? row->replaces : 0;
}

bool op_overwrites(uint32_t kind)
{
    const op_kind *row = op_kind_of(kind);
    return row && row->overwrites;
}

/* What the op replaces has to be a parameter that no other op does, unless its kind follows another. */
static bool mark_state(shunt_graph *graph, const graph_op *op)
{
    const op_kind *row = op_kind_of(op->kind);
    for (uint32_t i = 0; i < op_replaced(op->kind); i++) {
        graph_value *value = &graph->values[op->inputs[i]];
        if (value->source != VALUE_PARAMETER || value->state != row->follows) {
            fail(graph, SHUNT_E_INVALID, "%s: %s is not a parameter, or is %s", op->name, value->name,
                 row->follows ? "updated by no op before" : "replaced twice");
            return false;
        }
        value->state = true;
    }
    return true;
}

static bool add_outputs(shunt_graph *graph, graph_op *op, const shunt_tensor_desc *descs)
{
    for (uint32_t i = 0; i < op->noutputs; i++) {
        char *name = NULL;
        if (i > 0 && asprintf(&name, "%s:%u", op->name, i) < 0) return false;
        op->outputs[i] = graph_new_value(graph, i > 0 ? name : op->name, &descs[i], VALUE_COMPUTED);
        free(name);
        if (op->outputs[i] == SHUNT_NO_VALUE) return false;
    }
    return true;
}

/* The number of the input that has this value, plus 1; 0: none. */
static uint32_t find_input(const shunt_graph *graph, shunt_value value)
{
    for (uint32_t i = 0; i < graph->ninputs; i++)
        if (graph->inputs[i] == value) return i + 1;
    return 0;
}

void graph_begin_condition(shunt_graph *graph, shunt_value input, uint32_t element)
{
    const uint32_t number = find_input(graph, input);
    if (!number || (graph->decider && graph->decider != number)) {
        fail(graph, SHUNT_E_INVALID, "a condition about a value that is not the input which decides");
        return;
    }
    const shunt_tensor_desc *desc = &graph->values[input].desc;
    if (desc->dtype != SHUNT_F32 || element >= shunt_tensor_count(desc)) {
        fail(graph, SHUNT_E_INVALID, "a condition about element %u, which %s does not have as float32", element,
             graph->values[input].name);
        return;
    }
    graph->decider = number;
    graph->when = element + 1;
}

void graph_end_condition(shunt_graph *graph)
{
    graph->when = 0;
}

/* What may not have been made in a run is read in no other. */
static bool check_condition(shunt_graph *graph, const graph_op *op)
{
    for (uint32_t i = 0; i < op->ninputs; i++) {
        const graph_op *maker = conditional_maker(graph, op->inputs[i]);
        if (!maker || maker->when == op->when) continue;
        fail(graph, SHUNT_E_INVALID, "%s: %s is not made in all runs that read it", op->name, maker->name);
        return false;
    }
    return true;
}

shunt_value graph_append(shunt_graph *graph, graph_op *op, uint32_t nhints, const shunt_tensor_desc *hints)
{
    shunt_op_desc desc;
    shunt_tensor_desc outputs[SHUNT_MAX_OUTPUTS];
    char reason[SHUNT_REASON_CHARS];
    op->noutputs = 0;
    op->when = graph->when;
    for (uint32_t i = 0; i < op->ninputs; i++)
        if (!exists(graph, op->inputs[i]))
            return fail(graph, SHUNT_E_INVALID, "%s: input %u: there is no value %d", op->name, i, op->inputs[i]);
    graph_op_desc(graph, op, &desc);
    desc.noutputs = nhints;
    for (uint32_t i = 0; i < nhints; i++) desc.outputs[i] = hints[i];
    if (graph_infer_op(&desc, outputs, &op->noutputs, reason))
        return fail(graph, SHUNT_E_INVALID, "%s: %s", op->name, reason);
    if (!check_condition(graph, op) || !mark_state(graph, op)) return SHUNT_NO_VALUE;
    if (!add_outputs(graph, op, outputs) || graph_insert_op(graph, graph->nops, op)) return fail_memory(graph);
    return op->outputs[0];
}

shunt_value shunt_graph_op(shunt_graph *graph, const char *name, shunt_op_kind kind, uint32_t flags,
                           const shunt_op_attr *attr, uint32_t ninputs, const shunt_value *inputs)
{
    if (!given(graph, name, inputs)) return SHUNT_NO_VALUE;
    graph_op op = {.name = (char *)name, .kind = kind, .flags = flags, .ninputs = ninputs};
    if (ninputs > SHUNT_MAX_INPUTS)
        return fail(graph, SHUNT_E_INVALID, "%s: %u inputs, more than %d", name, ninputs, SHUNT_MAX_INPUTS);
    const op_kind *row = op_kind_of(kind);
    memset(&op.attr, 0, sizeof op.attr); /* descriptions are keys, so bytes that the kind does not use are zero */
    if (attr && row) memcpy(&op.attr, attr, row->attr_bytes);
    for (uint32_t i = 0; i < ninputs; i++) op.inputs[i] = inputs[i];
    return graph_append(graph, &op, 0, NULL);
}

/* The parameter NAME.SUFFIX. */
static shunt_value field(shunt_graph *graph, const char *name, const char *suffix, shunt_role role, uint32_t rank,
                         const int64_t *dims)
{
    char *full;
    if (asprintf(&full, "%s.%s", name, suffix) < 0) return fail_memory(graph);
    shunt_value value = shunt_graph_parameter(graph, full, role, rank, dims);
    free(full);
    return value;
}

/* Channels of src, or 0 after failing: the parameters' shapes need them before the op is checked. */
static int64_t channels_of(shunt_graph *graph, const char *name, shunt_value src)
{
    if (!given(graph, name, name)) return 0;
    shunt_tensor_desc desc = shunt_graph_desc(graph, src);
    if (desc.rank >= 2) return desc.dims[1];
    if (exists(graph, src))
        fail(graph, SHUNT_E_INVALID, "%s: src has rank %d, and so no channels", name, desc.rank);
    else
        fail(graph, SHUNT_E_INVALID, "%s: input 0: there is no value %d", name, src);
    return 0;
}

shunt_value shunt_graph_conv(shunt_graph *graph, const char *name, shunt_value src, int64_t channels, int64_t kernel,
                             int stride, int padding, int with_bias)
{
    int64_t dims[] = {channels, channels_of(graph, name, src), kernel, kernel};
    if (!dims[1]) return SHUNT_NO_VALUE;
    shunt_op_attr attr = {.conv = {.stride = {stride, stride},
                                   .dilation = {1, 1},
                                   .pad_before = {padding, padding},
                                   .pad_after = {padding, padding},
                                   .groups = 1}};
    shunt_value inputs[3] = {src, field(graph, name, "weight", SHUNT_ROLE_WEIGHT, 4, dims)};
    if (!with_bias) return shunt_graph_op(graph, name, SHUNT_OP_CONV, 0, &attr, 2, inputs);
    inputs[2] = field(graph, name, "bias", SHUNT_ROLE_BIAS, 1, dims);
    return shunt_graph_op(graph, name, SHUNT_OP_CONV, SHUNT_FLAG_BIAS, &attr, 3, inputs);
}

/* A vector, so that ADD repeats it over pictures and pixels. */
static shunt_value add_bias(shunt_graph *graph, const char *name, shunt_value sums, int64_t channels)
{
    const shunt_op_attr attr = {.reshape = {.rank = 4, .dims = {1, (int32_t)channels, 1, 1}}};
    const shunt_value vector = field(graph, name, "bias", SHUNT_ROLE_BIAS, 1, &channels);
    const shunt_value inputs[] = {sums, shunt_graph_op(graph, name, SHUNT_OP_RESHAPE, 0, &attr, 1, &vector)};
    return shunt_graph_op(graph, name, SHUNT_OP_ADD, SHUNT_FLAG_BROADCAST, NULL, 2, inputs);
}

shunt_value shunt_graph_conv_transpose(shunt_graph *graph, const char *name, shunt_value src, int64_t channels,
                                       int64_t kernel, int stride, int padding, int with_bias)
{
    int64_t dims[] = {channels_of(graph, name, src), channels, kernel, kernel};
    if (!dims[0]) return SHUNT_NO_VALUE;
    if (channels > INT32_MAX) return fail(graph, SHUNT_E_INVALID, "%s: too many channels", name);
    const shunt_op_attr attr = {.conv = {.stride = {stride, stride},
                                         .dilation = {1, 1},
                                         .pad_before = {padding, padding},
                                         .pad_after = {padding, padding},
                                         .groups = 1}};
    const shunt_value inputs[] = {field(graph, name, "weight", SHUNT_ROLE_WEIGHT, 4, dims), src};
    const shunt_value sums =
        shunt_graph_op(graph, name, SHUNT_OP_CONV_GRAD_SRC, SHUNT_FLAG_TRANSPOSED, &attr, 2, inputs);
    return with_bias ? add_bias(graph, name, sums, channels) : sums;
}

shunt_value shunt_graph_batch_norm(shunt_graph *graph, const char *name, shunt_value src, float epsilon)
{
    int64_t channels = channels_of(graph, name, src);
    if (!channels) return SHUNT_NO_VALUE;
    shunt_value inputs[] = {src, field(graph, name, "weight", SHUNT_ROLE_SCALE, 1, &channels),
                            field(graph, name, "bias", SHUNT_ROLE_SHIFT, 1, &channels),
                            field(graph, name, "running_mean", SHUNT_ROLE_MEAN, 1, &channels),
                            field(graph, name, "running_var", SHUNT_ROLE_VARIANCE, 1, &channels)};
    shunt_op_attr attr = {.batch_norm = {.epsilon = epsilon}};
    return shunt_graph_op(graph, name, SHUNT_OP_BATCH_NORM, 0, &attr, 5, inputs);
}

shunt_value shunt_graph_linear(shunt_graph *graph, const char *name, shunt_value src, int64_t classes)
{
    int64_t dims[] = {classes, channels_of(graph, name, src)};
    if (!dims[1]) return SHUNT_NO_VALUE;
    shunt_value inputs[] = {src, field(graph, name, "weight", SHUNT_ROLE_WEIGHT, 2, dims),
                            field(graph, name, "bias", SHUNT_ROLE_BIAS, 1, dims)};
    return shunt_graph_op(graph, name, SHUNT_OP_LINEAR, SHUNT_FLAG_BIAS, NULL, 3, inputs);
}

shunt_value shunt_graph_relu(shunt_graph *graph, const char *name, shunt_value src)
{
    return shunt_graph_op(graph, name, SHUNT_OP_RELU, 0, NULL, 1, &src);
}

shunt_value shunt_graph_add(shunt_graph *graph, const char *name, shunt_value a, shunt_value b)
{
    return shunt_graph_op(graph, name, SHUNT_OP_ADD, 0, NULL, 2, (shunt_value[]){a, b});
}

shunt_value shunt_graph_max_pool(shunt_graph *graph, const char *name, shunt_value src, int window, int stride,
                                 int padding)
{
    shunt_op_attr attr = {.pool = {.window = {window, window},
                                   .stride = {stride, stride},
                                   .pad_before = {padding, padding},
                                   .pad_after = {padding, padding}}};
    return shunt_graph_op(graph, name, SHUNT_OP_MAX_POOL, 0, &attr, 1, &src);
}

shunt_value shunt_graph_global_pool(shunt_graph *graph, const char *name, shunt_value src)
{
    return shunt_graph_op(graph, name, SHUNT_OP_GLOBAL_POOL, 0, NULL, 1, &src);
}

shunt_value shunt_graph_softmax(shunt_graph *graph, const char *name, shunt_value src)
{
    return shunt_graph_op(graph, name, SHUNT_OP_SOFTMAX, 0, NULL, 1, &src);
}

shunt_value shunt_graph_shortcut(shunt_graph *graph, const char *name, shunt_value src, int64_t channels, int stride)
{
    int64_t old = channels_of(graph, name, src);
    if (!old) return SHUNT_NO_VALUE;
    int64_t added = channels < old ? -1 : channels - old;
    if (added < 0 || added % 2 || added / 2 > INT32_MAX)
        return fail(graph, SHUNT_E_INVALID, "%s: no even number of zero channels makes %lld of %lld", name,
                    (long long)channels, (long long)old);
    shunt_op_attr attr = {.shortcut = {.stride = stride, .lead = (int32_t)(added / 2)}};
    return shunt_graph_op(graph, name, SHUNT_OP_SHORTCUT, 0, &attr, 1, &src);
}

/* The least area of boxes of a level: of sides of 224 at level 4. torchvision takes boxes that are smaller by a millionth as well. */
static float least_area(int level)
{
    return (float)exp2(2 * (log2(224) + level - 4 - 1e-6));
}

shunt_value shunt_graph_roi_align(shunt_graph *graph, const char *name, size_t count, const shunt_value *maps,
                                  int finest, shunt_value rois, int size, int sampling)
{
    enum { MOST_LEVELS = 16 };
    shunt_value sum = SHUNT_NO_VALUE;
    if (!given(graph, name, maps)) return SHUNT_NO_VALUE;
    if (count < 1 || count > MOST_LEVELS || finest < 0 || finest > MOST_LEVELS)
        return fail(graph, SHUNT_E_INVALID, "%s: %zu maps from level %d on", name, count, finest);
    for (int i = 0; i < (int)count; i++) {
        const bool first = i == 0, last = i == (int)count - 1;
        const shunt_op_attr attr = {.roi_align = {.size = {size, size},
                                                  .sampling = sampling,
                                                  .scale = (float)exp2(-finest - i),
                                                  .area = {first ? -INFINITY : least_area(finest + i),
                                                           last ? INFINITY : least_area(finest + i + 1)}}};
        sum = shunt_graph_op(graph, name, SHUNT_OP_ROI_ALIGN, first ? 0 : SHUNT_FLAG_RESIDUAL, &attr, first ? 2 : 3,
                             (shunt_value[]){maps[i], rois, sum});
    }
    return sum;
}
