/* importer.h - what the files of the importer share: its values, the node at hand, and how ops are appended. */
#ifndef SHUNT_RUNTIME_ONNX_IMPORTER_H
#define SHUNT_RUNTIME_ONNX_IMPORTER_H

#include <jansson.h>

#include "runtime/graph/graph.h"
#include "runtime/weights/weights.h"
#include "runtime/onnx/onnx.h"

/* A value of the file: a constant, or computed by the graph. A value's shape here may differ from that of the graph's
 * value that holds its elements: reshaping is free until an op needs the shape (onnx_shaped). */
typedef struct onnx_value {
    char *name;
    onnx_tensor tensor; /* type and shape; data of a constant */
    shunt_value value;  /* the graph's value that holds the elements; SHUNT_NO_VALUE for a constant */
    shunt_value shaped; /* the last that onnx_shaped made of it, or SHUNT_NO_VALUE */
} onnx_value;

/* The messages of the nodes that are needed, each after what it reads. */
typedef struct onnx_nodes {
    wire_bytes *messages;
    uint32_t count;
} onnx_nodes;

typedef struct importer {
    const char *path;
    const uint8_t *file;
    onnx_options options;
    int64_t opset;
    uint8_t input_type; /* of the graph's last input */
    wire_bytes message; /* GraphProto */
    shunt_graph *graph;
    shunt_weights *weights;
    onnx_memory memory;
    onnx_folder folder;
    onnx_value *values; /* found by name through `index` */
    uint32_t nvalues, room, forms;
    json_t *index;
    onnx_nodes nodes;
    json_t *read; /* the names of what a needed node or an output reads */
} importer;

enum { /* fields of GraphProto */
       ONNX_GRAPH_NODE = 1,
       ONNX_GRAPH_INITIALIZER = 5,
       ONNX_GRAPH_INPUT = 11,
       ONNX_GRAPH_OUTPUT = 12,
       ONNX_GRAPH_SPARSE = 15
};

enum { ONNX_MOST_ARGUMENTS = 256 };

/* The node being imported. Texts are slices of the file. */
typedef struct onnx_node {
    importer *in;
    wire_bytes message, op, name, domain;
    wire_bytes outputs[ONNX_MOST_ARGUMENTS]; /* empty: nobody reads it */
    uint32_t inputs[ONNX_MOST_ARGUMENTS];    /* indices into in->values; ONNX_NONE for one left out */
    uint32_t ninputs, noutputs;
    char label[128]; /* for the graph: its name, or its first result's */
} onnx_node;
#define ONNX_NONE UINT32_MAX

/* ---- node.c: attributes. Each leaves *out unchanged if there is none. ------------------------------------------ */

shunt_status onnx_attribute_int(const onnx_node *node, const char *name, int64_t *out);
shunt_status onnx_attribute_float(const onnx_node *node, const char *name, float *out);
shunt_status onnx_attribute_text(const onnx_node *node, const char *name, wire_bytes *out);
enum { ONNX_MOST_INTS = 2 * ONNX_MAX_RANK };
typedef struct onnx_ints {
    int64_t at[ONNX_MOST_INTS];
    uint32_t count;
    bool there;
} onnx_ints;
shunt_status onnx_attribute_ints(const onnx_node *node, const char *name, onnx_ints *out);
/* The attribute's own message; out->data is NULL if there is none. */
shunt_status onnx_attribute(const onnx_node *node, const char *name, wire_bytes *out);
/* A list of FLOAT or STRING as a tensor; out: its type, and the rank, 1 or 0 for one text. */
shunt_status onnx_attribute_list(onnx_node *node, const char *name, onnx_tensor *out, bool *there);
shunt_status onnx_attribute_tensor(const onnx_node *node, const char *name, onnx_tensor *out, bool *there);

/* ---- values.c ------------------------------------------------------------------------------------------------- */

/* Input `index` of the node, or NULL when it is left out. Valid until a value is added. */
onnx_value *onnx_input(const onnx_node *node, uint32_t index);
bool onnx_is_constant(const onnx_value *value);
enum { ONNX_MOST_NAME = 500 };
/* import.c: a text of the file as a string: not too long, printable; the value of that name, or ONNX_NONE; names a value. */
shunt_status onnx_read_name(wire_bytes text, const char *what, char name[ONNX_MOST_NAME + 1]);
uint32_t onnx_find_value(const importer *in, const char *name);
shunt_status onnx_add_value(importer *in, wire_bytes name, const onnx_tensor *tensor, shunt_value value);
/* Names output `index` of the node. The shape is that of `tensor`; data and value say what it is. */
shunt_status onnx_result(onnx_node *node, uint32_t index, const onnx_tensor *tensor, shunt_value value);
/* A value of the graph with the elements of input `index`, in this shape (of as many elements), as float32: a parameter for
 * a constant. */
shunt_status onnx_shaped(onnx_node *node, uint32_t index, uint32_t rank, const int64_t *dims, shunt_value *out);
/* The same in the shape that it has. */
shunt_status onnx_as_is(onnx_node *node, uint32_t index, shunt_value *out);
/* A parameter that the importer computes: *data is room for it; or one filled with a value. what: for its name. */
shunt_status onnx_parameter(onnx_node *node, const char *what, uint32_t rank, const int64_t *dims, float **data,
                            shunt_value *out);
shunt_status onnx_parameter_run(onnx_node *node, const char *what, uint32_t rank, const int64_t *dims, float value,
                                shunt_value *out);
/* Appends an op; out: its first output. */
shunt_status onnx_append(onnx_node *node, shunt_op_kind kind, uint32_t flags, const shunt_op_attr *attr,
                         uint32_t ninputs, const shunt_value *inputs, shunt_value *out);
/* The graph's value in another shape of as many elements. */
shunt_status onnx_reshape(onnx_node *node, shunt_value value, uint32_t rank, const int64_t *dims, shunt_value *out);
shunt_tensor_desc onnx_desc(const onnx_node *node, shunt_value value);
/* An input that must be constant; *out is NULL if it is left out. what: the input's meaning, for the message. */
shunt_status onnx_constant_input(const onnx_node *node, uint32_t index, const char *what, const onnx_value **out);
/* Whole numbers of constant input `index`, such as axes and shapes; `there` is false if the input is left out. */
shunt_status onnx_input_ints(const onnx_node *node, uint32_t index, const char *what, onnx_ints *out);
/* Brings an axis that may count from the end into 0 .. rank - 1. */
shunt_status onnx_axis(int64_t axis, uint32_t rank, uint32_t *out);

/* ---- Parts of the graph ------------------------------------------------------------------------------------------ */

/* inputs.c */
shunt_status onnx_read_initializer(importer *in, wire_bytes message);
shunt_status onnx_read_input(importer *in, wire_bytes message);
/* A TypeProto: a tensor's type and shape. */
typedef struct onnx_declaration {
    onnx_tensor tensor;
    bool shaped;
    wire_bytes axes[ONNX_MAX_RANK]; /* names of open dimensions */
} onnx_declaration;
shunt_status onnx_read_type(importer *in, wire_bytes message, onnx_declaration *out);
/* ports.c: the graph's inputs and outputs as they are declared. */
shunt_status onnx_read_ports(importer *in, onnx_import *to);
void onnx_ports_free(onnx_ports *ports);
/* Name and TypeProto of a ValueInfoProto. */
shunt_status onnx_read_info(importer *in, wire_bytes message, wire_bytes *text, wire_bytes *type,
                            char name[ONNX_MOST_NAME + 1]);
/* size.c: fails when a run of the graph takes more memory than a file of this size may ask for. */
shunt_status onnx_check_size(const importer *in);
/* schedule.c: finds in->nodes and in->read after the initializers are read; then imports the nodes. */
shunt_status onnx_schedule(importer *in);
shunt_status onnx_read_nodes(importer *in);
/* operators.c: reads a node and imports it. *node is room for it. */
shunt_status onnx_read_node(importer *in, onnx_node *node, wire_bytes message);
/* The kind of op whose row names the node's operator; SHUNT_OP_KINDS: none. */
shunt_op_kind onnx_unary_kind(const onnx_node *node);

/* ---- Operators -------------------------------------------------------------------------------------------------- */

/* Fold: all inputs are constants, and so becomes the result. */
typedef shunt_status (*onnx_operator)(onnx_node *node);

/* A tensor of this type and shape with room for its data, which the caller fills. */
shunt_status onnx_fold_make(onnx_node *node, onnx_tensor *tensor, uint8_t **data);
shunt_status onnx_fold_constant(onnx_node *node);
shunt_status onnx_fold_constant_of_shape(onnx_node *node);
shunt_status onnx_fold_shape(onnx_node *node);
shunt_status onnx_fold_gather(onnx_node *node);
shunt_status onnx_fold_cast(onnx_node *node);
shunt_status onnx_fold_concat(onnx_node *node);
shunt_status onnx_fold_transpose(onnx_node *node);
shunt_status onnx_fold_pad(onnx_node *node);
shunt_status onnx_fold_slice(onnx_node *node);
shunt_status onnx_fold_arithmetic(onnx_node *node);
shunt_status onnx_fold_expand(onnx_node *node);
shunt_status onnx_fold_split(onnx_node *node);

shunt_status onnx_import_conv(onnx_node *node);
shunt_status onnx_import_conv_transpose(onnx_node *node);
shunt_status onnx_import_roi_align(onnx_node *node);
shunt_status onnx_import_batch_norm(onnx_node *node);
shunt_status onnx_import_gemm(onnx_node *node);
shunt_status onnx_import_matmul(onnx_node *node);
shunt_status onnx_import_pool(onnx_node *node);
shunt_status onnx_import_global_pool(onnx_node *node);
shunt_status onnx_import_reduce_mean(onnx_node *node);
shunt_status onnx_import_unary(onnx_node *node); /* of the kind onnx_unary_kind */
shunt_status onnx_import_clip(onnx_node *node);
shunt_status onnx_import_add(onnx_node *node);
shunt_status onnx_import_arithmetic(onnx_node *node);
shunt_status onnx_import_lrn(onnx_node *node);
shunt_status onnx_import_resize(onnx_node *node);
shunt_status onnx_import_softmax(onnx_node *node);
shunt_status onnx_import_hard_sigmoid(onnx_node *node);
shunt_status onnx_import_hard_swish(onnx_node *node);
shunt_status onnx_import_swish(onnx_node *node);
shunt_status onnx_import_concat(onnx_node *node);
shunt_status onnx_import_pad(onnx_node *node);
shunt_status onnx_import_slice(onnx_node *node);
shunt_status onnx_import_split(onnx_node *node);
shunt_status onnx_import_transpose(onnx_node *node);
shunt_status onnx_import_cast(onnx_node *node);
shunt_status onnx_import_expand(onnx_node *node);
/* For computed values and constants alike: only the shape changes. */
shunt_status onnx_import_identity(onnx_node *node);
shunt_status onnx_import_dropout(onnx_node *node);
shunt_status onnx_import_reshape(onnx_node *node);
shunt_status onnx_import_flatten(onnx_node *node);
shunt_status onnx_import_squeeze(onnx_node *node);
shunt_status onnx_import_unsqueeze(onnx_node *node);

/* layer.c: that an input, if it is there, is constant; what: "weights", for the message. */
shunt_status onnx_need_constant(const onnx_node *node, uint32_t index, const char *what);

/* shape.c: the order that a Transpose asks for; and a value of the graph in another order, src itself when it is the same. */
shunt_status onnx_order(const onnx_node *node, uint32_t rank, uint32_t *axes);
shunt_status onnx_transpose(onnx_node *node, shunt_value src, const uint32_t *axes, shunt_value *out);

/* elementwise.c: the shape of a and b broadcast; out may be either. */
shunt_status onnx_broadcast(const onnx_tensor *a, const onnx_tensor *b, onnx_tensor *out);
/* a + b, or a * b, in the graph, broadcast. */
shunt_status onnx_add(onnx_node *node, shunt_value a, shunt_value b, shunt_value *out);
shunt_status onnx_multiply(onnx_node *node, shunt_value a, shunt_value b, shunt_value *out);

/* arithmetic.c: input `index` * factor + shift, in its shape. */
shunt_status onnx_scaled(onnx_node *node, uint32_t index, float factor, float shift, shunt_value *out);
/* The element of `tensor` that is broadcast to place `at` of a result of that rank. */
uint64_t onnx_broadcast_index(const onnx_tensor *tensor, const int64_t *at, uint32_t rank);

/* expand.c: the tensor that an Expand makes, without its data; and a value of the graph repeated to become of these dims. */
shunt_status onnx_expanded(const onnx_node *node, onnx_tensor *out);
shunt_status onnx_expand(onnx_node *node, shunt_value value, uint32_t rank, const int64_t *dims, shunt_value *out);

/* pad.c: what a Pad does to each axis; the sums fit. */
enum { ONNX_PAD_WRAP = -1 }; /* in addition to the modes of the graph's op: continues with the tensor's other end */
typedef struct onnx_padding {
    int32_t mode; /* SHUNT_PAD_* or ONNX_PAD_WRAP */
    int64_t before[ONNX_MAX_RANK], after[ONNX_MAX_RANK];
} onnx_padding;
shunt_status onnx_padding_read(const onnx_node *node, uint32_t rank, const int64_t *dims, onnx_padding *out);

/* slice.c: what a Slice takes of each axis: `count` elements from `start` on, each `step` after the one before. */
typedef struct onnx_slicing {
    int64_t start[ONNX_MAX_RANK], step[ONNX_MAX_RANK], count[ONNX_MAX_RANK];
} onnx_slicing;
shunt_status onnx_slicing_read(const onnx_node *node, uint32_t rank, const int64_t *dims, onnx_slicing *out);
/* `count` elements from `start` on of one axis of a value of the graph that has these dims; dims become those of the result. */
shunt_status onnx_crop(onnx_node *node, uint32_t rank, int64_t *dims, uint32_t axis, int64_t start, int64_t count,
                       shunt_value *value);
/* fold.c: the result `index`, a part of constant input 0 that is cut out. */
shunt_status onnx_fold_cut(onnx_node *node, uint32_t index, const onnx_slicing *slicing);

/* window.c: pads, strides and dilations as convolutions and pools have them, in 1 to 3 directions. */
enum { ONNX_MOST_DIRECTIONS = 3 };
typedef struct onnx_window {
    uint32_t directions;
    int64_t size[ONNX_MOST_DIRECTIONS], window[ONNX_MOST_DIRECTIONS];
    int64_t stride[ONNX_MOST_DIRECTIONS], dilation[ONNX_MOST_DIRECTIONS];
    int64_t before[ONNX_MOST_DIRECTIONS], after[ONNX_MOST_DIRECTIONS];
    int64_t extra[ONNX_MOST_DIRECTIONS]; /* what ceil_mode adds to `after` */
    int64_t places[ONNX_MOST_DIRECTIONS];
} onnx_window;
/* Window, stride, dilation, before and after from the attributes but auto_pad; window of each direction may be set. */
shunt_status onnx_window_lists(const onnx_node *node, onnx_window *w);
/* All of it. size and window of each direction are set. */
shunt_status onnx_window_read(const onnx_node *node, onnx_window *w);

#endif
