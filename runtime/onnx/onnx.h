/* onnx.h - an ONNX file made into a graph of the IR and its weights. The graph is imported as it is: node by node, in the
 * file's order; values that depend only on constants and shapes are computed here, once. */
#ifndef SHUNT_RUNTIME_ONNX_H
#define SHUNT_RUNTIME_ONNX_H

#include <shunt/graph.h>

#include "runtime/base/file.h"
#include "runtime/onnx/tensor.h"
#include "runtime/weights/weights.h"

enum { ONNX_MOST_OPSET = 25 };

/* Makes an input of the graph a constant; without data, it only says the input's shape. */
typedef struct onnx_binding {
    const char *name;
    onnx_tensor tensor; /* its data outlives the import */
} onnx_binding;

/* An input or output as the file declares it. */
typedef struct onnx_port {
    char *name;
    bool shaped;               /* false: the file does not say its shape */
    onnx_tensor tensor;        /* type and shape; a dimension of -1 is open */
    char *axes[ONNX_MAX_RANK]; /* names of open dimensions, or NULL */
} onnx_port;

typedef struct onnx_ports {
    onnx_port *list;
    size_t count;
} onnx_ports;

typedef struct onnx_options {
    int64_t height, width; /* of pictures, where the file leaves them open; 0: 224 */
    const onnx_binding *bindings;
    size_t nbindings;
    bool ports, ports_only; /* keeps what the file declares; and reads nothing else */
    bool classify;          /* only the first output, as (N, classes), and without the softmax that may make it */
} onnx_options;

typedef struct onnx_output {
    char *name;
    bool sigmoid;       /* of it, for options.classify: it is left out */
    int32_t index;      /* among the graph's outputs; -1: a constant */
    onnx_tensor tensor; /* type and shape in the file's terms; data of a constant */
} onnx_output;

typedef struct onnx_import {
    shunt_graph *graph;
    shunt_weights *weights; /* the graph's parameters, and the file's metadata */
    onnx_output *outputs;
    size_t noutputs;
    onnx_ports inputs, declared; /* options.ports: those that are no initializers; and the outputs */
    uint8_t input_type;          /* onnx_type of the graph's last input */
    onnx_memory memory;          /* memory of the constants among the outputs */
} onnx_import;

/* Frees nothing of the caller's. options may be NULL. The error names the node, its operator and what to do. */
shunt_status onnx_open(const char *path, const onnx_options *options, onnx_import *out);
/* The same from weights->file, which is mapped; path file_in_memory: from no file. *out takes the weights; close it after a failure,
 * too. */
shunt_status onnx_import_weights(const char *path, shunt_weights *weights, const onnx_options *options,
                                 onnx_import *out);
void onnx_close(onnx_import *import);

/* Whether a file's first bytes are those of an ONNX model. */
bool onnx_is(const file_mapping *file);
/* The initializers of an ONNX file, read as a weight file. */
extern const weight_format format_onnx;

#endif
