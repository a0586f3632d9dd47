/* operators.c - a node from its message to its operator: the table of those that Shunt has (those that are one kind of op
 * without attributes stand in its row), and the node's inputs by
 * name. */
#include "runtime/onnx/importer.h"

#include <inttypes.h>
#include <stdio.h>

#include "runtime/base/error.h"
#include "runtime/graph/ops/ops.h"

enum { /* fields of NodeProto */
       NODE_INPUT = 1,
       NODE_OUTPUT = 2,
       NODE_NAME = 3,
       NODE_OP = 4,
       NODE_DOMAIN = 7
};

static const struct rule {
    const char *name;
    uint32_t least, most; /* inputs */
    onnx_operator fold;   /* all inputs are constants; NULL: the graph computes it all the same */
    onnx_operator import;
    enum {
        FLOATS,   /* computes */
        NUMBERS,  /* moves or compares: small integers go through as float32, too */
        ANYTHING, /* moves: constants may be texts as well */
    } takes;
    uint8_t since; /* the opset from which on the operator is what the importer knows */
} rules[] = {
    {"Add", 2, 2, onnx_fold_arithmetic, onnx_import_add, FLOATS, 6},
    {"AveragePool", 1, 1, NULL, onnx_import_pool, FLOATS, 1},
    {"BatchNormalization", 5, 5, NULL, onnx_import_batch_norm, FLOATS, 6},
    {"Cast", 1, 1, onnx_fold_cast, onnx_import_cast, ANYTHING, 6},
    {"CastLike", 2, 2, onnx_fold_cast, onnx_import_cast, ANYTHING, 15},
    {"Clip", 1, 3, NULL, onnx_import_clip, NUMBERS, 6},
    {"Concat", 1, ONNX_MOST_ARGUMENTS, onnx_fold_concat, onnx_import_concat, ANYTHING, 6},
    {"Constant", 0, 0, onnx_fold_constant, NULL, ANYTHING, 1},
    {"ConstantOfShape", 1, 1, onnx_fold_constant_of_shape, NULL, ANYTHING, 9},
    {"Conv", 2, 3, NULL, onnx_import_conv, FLOATS, 1},
    {"ConvTranspose", 2, 3, NULL, onnx_import_conv_transpose, FLOATS, 1},
    {"Div", 2, 2, onnx_fold_arithmetic, onnx_import_arithmetic, FLOATS, 6},
    {"Dropout", 1, 3, onnx_import_dropout, onnx_import_dropout, NUMBERS, 6},
    {"Expand", 2, 2, onnx_fold_expand, onnx_import_expand, ANYTHING, 8},
    {"Flatten", 1, 1, onnx_import_flatten, onnx_import_flatten, ANYTHING, 1},
    {"Gather", 2, 2, onnx_fold_gather, NULL, ANYTHING, 1},
    {"Gemm", 2, 3, NULL, onnx_import_gemm, FLOATS, 6},
    {"GlobalAveragePool", 1, 1, NULL, onnx_import_global_pool, FLOATS, 1},
    {"HardSigmoid", 1, 1, NULL, onnx_import_hard_sigmoid, FLOATS, 6},
    {"HardSwish", 1, 1, NULL, onnx_import_hard_swish, FLOATS, 14},
    {"Identity", 1, 1, onnx_import_identity, onnx_import_identity, ANYTHING, 1},
    {"LRN", 1, 1, NULL, onnx_import_lrn, FLOATS, 1},
    {"LogSoftmax", 1, 1, NULL, onnx_import_softmax, FLOATS, 1},
    {"MatMul", 2, 2, NULL, onnx_import_matmul, FLOATS, 1},
    {"MaxPool", 1, 1, NULL, onnx_import_pool, NUMBERS, 1},
    {"Mul", 2, 2, onnx_fold_arithmetic, onnx_import_arithmetic, FLOATS, 6},
    {"Pad", 1, 4, onnx_fold_pad, onnx_import_pad, ANYTHING, 6},
    {"ReduceMean", 1, 2, NULL, onnx_import_reduce_mean, FLOATS, 1},
    {"Reshape", 2, 2, onnx_import_reshape, onnx_import_reshape, ANYTHING, 5},
    {"Resize", 1, 4, NULL, onnx_import_resize, FLOATS, 10},
    {"RoiAlign", 3, 3, NULL, onnx_import_roi_align, FLOATS, 10},
    {"Shape", 1, 1, onnx_fold_shape, onnx_fold_shape, ANYTHING, 1},
    {"Sigmoid", 1, 1, NULL, onnx_import_unary, FLOATS, 6},
    {"Slice", 1, 5, onnx_fold_slice, onnx_import_slice, ANYTHING, 1},
    {"Softmax", 1, 1, NULL, onnx_import_softmax, FLOATS, 1},
    {"Split", 1, 2, onnx_fold_split, onnx_import_split, ANYTHING, 2},
    {"Squeeze", 1, 2, onnx_import_squeeze, onnx_import_squeeze, ANYTHING, 1},
    {"Sub", 2, 2, onnx_fold_arithmetic, onnx_import_arithmetic, FLOATS, 6},
    {"Sum", 1, ONNX_MOST_ARGUMENTS, onnx_fold_arithmetic, onnx_import_add, FLOATS, 6},
    {"Swish", 1, 1, NULL, onnx_import_swish, FLOATS, 24},
    {"Transpose", 1, 1, onnx_fold_transpose, onnx_import_transpose, ANYTHING, 1},
    {"Unsqueeze", 1, 2, onnx_import_unsqueeze, onnx_import_unsqueeze, ANYTHING, 1},
    {"Upsample", 1, 2, NULL, onnx_import_resize, FLOATS, 7},
};

/* Of an operator that the row of a kind of op names. */
static const struct rule unary = {"", 1, 1, NULL, onnx_import_unary, NUMBERS, 6};

shunt_op_kind onnx_unary_kind(const onnx_node *node)
{
    for (uint32_t kind = 1; kind < SHUNT_OP_KINDS; kind++) {
        const char *name = op_kind_of(kind)->onnx;
        if (name && wire_is(node->op, name)) return (shunt_op_kind)kind;
    }
    return SHUNT_OP_KINDS;
}

static shunt_status find_rule(const onnx_node *node, const struct rule **out)
{
    bool own = !node->domain.size || wire_is(node->domain, "ai.onnx");
    for (size_t i = 0; own && i < sizeof rules / sizeof *rules; i++)
        if (wire_is(node->op, rules[i].name)) {
            *out = &rules[i];
            return SHUNT_OK;
        }
    if (own && onnx_unary_kind(node) != SHUNT_OP_KINDS) {
        *out = &unary;
        return SHUNT_OK;
    }
    return error_fail(
        SHUNT_E_UNSUPPORTED,
        "Shunt has no such operator%s%.*s; export the network without it, or replace it by operators that "
        "docs/onnx.md lists",
        own ? "" : " of the domain ",
        own                       ? 0
        : node->domain.size < 100 ? (int)node->domain.size
                                  : 100,
        (const char *)node->domain.data);
}

static shunt_status take_input(onnx_node *node, wire_bytes text)
{
    char name[ONNX_MOST_NAME + 1];
    if (node->ninputs == ONNX_MOST_ARGUMENTS)
        return error_fail(SHUNT_E_UNSUPPORTED, "it has more than %d inputs", ONNX_MOST_ARGUMENTS);
    shunt_status status = onnx_read_name(text, "the name of an input", name);
    if (status) return status;
    uint32_t value = text.size ? onnx_find_value(node->in, name) : ONNX_NONE;
    if (text.size && value == ONNX_NONE) return error_fail(SHUNT_E_INVALID, "nothing makes its input '%.100s'", name);
    node->inputs[node->ninputs++] = value;
    return SHUNT_OK;
}

/* Two passes: inputs are looked up only once the node can be named in messages. */
static shunt_status read_node(onnx_node *node)
{
    wire reader = wire_open(node->message, node->in->file);
    wire_field field;
    while (wire_next(&reader, &field)) {
        if (field.number == NODE_INPUT || field.number > NODE_DOMAIN || field.type != WIRE_BYTES) continue;
        if (field.number == NODE_NAME) node->name = field.bytes;
        if (field.number == NODE_OP) node->op = field.bytes;
        if (field.number == NODE_DOMAIN) node->domain = field.bytes;
        if (field.number != NODE_OUTPUT) continue;
        if (node->noutputs == ONNX_MOST_ARGUMENTS) return wire_fail(&reader, "a node has more than 256 results");
        node->outputs[node->noutputs++] = field.bytes;
    }
    return reader.status;
}

static shunt_status take_inputs(onnx_node *node)
{
    wire reader = wire_open(node->message, node->in->file);
    wire_field field;
    shunt_status status = SHUNT_OK;
    while (!status && wire_next(&reader, &field))
        if (field.number == NODE_INPUT && wire_expect(&reader, &field, WIRE_BYTES, "the name of an input"))
            status = take_input(node, field.bytes);
    return status ? status : reader.status;
}

/* For the graph's steps and for messages: the node's name, or that of its first result. */
static void set_label(onnx_node *node)
{
    char name[ONNX_MOST_NAME + 1] = "";
    if (onnx_read_name(node->name, "", name) || !*name)
        if (!node->noutputs || onnx_read_name(node->outputs[0], "", name)) *name = '\0';
    snprintf(node->label, sizeof node->label, "%.120s", *name ? name : "unnamed");
    json_t *text = json_string(node->label); /* reports are UTF-8 */
    for (char *c = node->label; !text && *c; c++)
        if ((unsigned char)*c >= 0x80) *c = '?';
    json_decref(text);
}

/* Exporters name optional results, such as a batch norm's statistics, that nobody reads. */
static void forget_unread(onnx_node *node)
{
    char name[ONNX_MOST_NAME + 1];
    for (uint32_t i = 0; i < node->noutputs; i++)
        if (onnx_read_name(node->outputs[i], "", name) || !json_object_get(node->in->read, name))
            node->outputs[i] = (wire_bytes){0};
}

static shunt_status check_inputs(const onnx_node *node, const struct rule *rule, bool *constant)
{
    bool texts = false;
    *constant = true;
    if (node->ninputs < rule->least || node->ninputs > rule->most)
        return error_fail(SHUNT_E_INVALID, "it has %u inputs instead of %u to %u", node->ninputs, rule->least,
                          rule->most);
    for (uint32_t i = 0; i < node->ninputs; i++) {
        const onnx_value *value = onnx_input(node, i);
        if (!value && i < rule->least) return error_fail(SHUNT_E_INVALID, "its input %u is left out", i);
        texts |= value && value->tensor.type == ONNX_STRING;
        if (!value || onnx_is_constant(value)) continue;
        *constant = false;
        if (rule->takes == FLOATS && !onnx_type_is_float(value->tensor.type))
            return error_fail(SHUNT_E_UNSUPPORTED, "it computes in %s; Shunt computes in float32",
                              onnx_type_name(value->tensor.type));
    }
    if (texts && !(*constant && rule->fold && rule->takes == ANYTHING))
        return error_fail(SHUNT_E_UNSUPPORTED, "it works on texts; Shunt only moves and casts constant texts");
    return SHUNT_OK;
}

static shunt_status import_node(onnx_node *node)
{
    const struct rule *rule = NULL;
    bool constant;
    shunt_status status = find_rule(node, &rule);
    if (!status && node->in->opset < rule->since)
        status = error_fail(SHUNT_E_UNSUPPORTED,
                            "opset %" PRId64 " has another operator of that name; export with one from 7 to %d",
                            node->in->opset, ONNX_MOST_OPSET);
    if (!status) status = take_inputs(node);
    if (!status) status = check_inputs(node, rule, &constant);
    if (status) return status;
    if (constant && rule->fold) return rule->fold(node);
    if (rule->import) return rule->import(node);
    return error_fail(SHUNT_E_UNSUPPORTED, "it depends on what the network computes; Shunt needs it constant");
}

shunt_status onnx_read_node(importer *in, onnx_node *node, wire_bytes message)
{
    *node = (onnx_node){.in = in, .message = message};
    shunt_status status = read_node(node);
    if (status) return status;
    set_label(node);
    forget_unread(node);
    status = import_node(node);
    if (!status) return SHUNT_OK;
    return error_context(status, "node '%s' (%.*s)", node->label, node->op.size < 60 ? (int)node->op.size : 60,
                         node->op.size ? (const char *)node->op.data : "");
}
