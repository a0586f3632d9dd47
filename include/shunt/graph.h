/* graph.h - building a network: values, and the ops between them in execution order.
 *
 *     #include <stdio.h>
 *     int main(void)
 *     {
 *         shunt_graph *graph = shunt_graph_create();
 *         shunt_value x = shunt_graph_input(graph, "x", 4, (const int64_t[]){1, 3, 32, 32});
 *         x = shunt_graph_relu(graph, "relu", shunt_graph_conv(graph, "conv", x, 16, 3, 1, 1, 1));
 *         x = shunt_graph_linear(graph, "fc", shunt_graph_global_pool(graph, "pool", x), 10);
 *         shunt_graph_output(graph, "logits", x);
 *         if (shunt_graph_check(graph)) puts(shunt_last_error());
 *         shunt_graph_destroy(graph);
 *     }
 *
 * A builder function appends one op and returns its result, a value. Errors stick: a function with a bad argument (or with
 * SHUNT_NO_VALUE) returns SHUNT_NO_VALUE, and the graph keeps the first reason. So you need no check after each line; call
 * shunt_graph_check() once at the end.
 * Parameters have names. An executor takes their data from a shunt_weights, by name.
 * A graph belongs to no device. Batch and image size stand only in the descriptors of its inputs; an executor makes plans for
 * other sizes, too. One thread at a time builds a graph. Many threads may read a finished one.
 */
#ifndef SHUNT_GRAPH_H
#define SHUNT_GRAPH_H

#include <shunt/op.h>
#include <shunt/process.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef int32_t shunt_value;
enum { SHUNT_NO_VALUE = -1 };

/* NULL without memory. */
SHUNT_API shunt_graph *shunt_graph_create(void);
SHUNT_API void shunt_graph_destroy(shunt_graph *graph);
/* A copy that the caller may change; a model's own graph must not be changed. */
SHUNT_API shunt_status shunt_graph_copy(const shunt_graph *graph, shunt_graph **out);

/* Adds a plain float32 input of rank 1 .. SHUNT_MAX_RANK. */
SHUNT_API shunt_value shunt_graph_input(shunt_graph *graph, const char *name, uint32_t rank, const int64_t *dims);
/* An input of one of CAST's types. Ops other than CAST take float32 and float64 only. */
SHUNT_API shunt_value shunt_graph_input_of(shunt_graph *graph, const char *name, shunt_dtype dtype, uint32_t rank,
                                           const int64_t *dims);
/* Marks a value as a result. Results are numbered in the order of these calls. */
SHUNT_API void shunt_graph_output(shunt_graph *graph, const char *name, shunt_value value);
/* The name of result number `index`; NULL past the last one. */
SHUNT_API const char *shunt_graph_output_name(const shunt_graph *graph, size_t index);
/* The value that is result or input number `index`; SHUNT_NO_VALUE past the last one. */
SHUNT_API shunt_value shunt_graph_output_value(const shunt_graph *graph, size_t index);
SHUNT_API shunt_value shunt_graph_input_value(const shunt_graph *graph, size_t index);

/* ---- Values by name: embeddings, feature maps ---------------------------------------------------------------------
 * A value has the name of the op that makes it ("layer4.1.add"), or the input's. Of several ops with one name it is the last
 * one's. In a graph from an ONNX file it has the name that the file gives the value, and may be found by its node's name, too. */

/* SHUNT_NO_VALUE if there is none of that name. */
SHUNT_API shunt_value shunt_graph_find(const shunt_graph *graph, const char *name);
/* The name of a value, for lists: values are numbered from 0, in the order in which they are computed. "" for parameters and for
 * what no op makes; NULL past the last one. */
SHUNT_API const char *shunt_graph_value_name(const shunt_graph *graph, shunt_value value);
/* What the classifier reads, the embedding: the input of the last linear layer; in a graph without one, the result of the last
 * global pool; SHUNT_NO_VALUE if there is neither. */
SHUNT_API shunt_value shunt_graph_features(const shunt_graph *graph);
/* The network up to the values of these names: a copy whose results they are, in this order, without the ops that none of them
 * needs. SHUNT_E_NOT_FOUND if a value is not there. */
SHUNT_API shunt_status shunt_graph_cut(const shunt_graph *graph, const char *const *names, size_t count,
                                       shunt_graph **out);

/* The initial value of a parameter, and where it is used. */
typedef enum shunt_role {
    SHUNT_ROLE_WEIGHT,   /* of a convolution or linear layer: He et al. 2015, eq. 10 (normal, std sqrt(2 / fan-in)) */
    SHUNT_ROLE_BIAS,     /* 0 */
    SHUNT_ROLE_SCALE,    /* of a batch norm: 1 */
    SHUNT_ROLE_SHIFT,    /* 0 */
    SHUNT_ROLE_MEAN,     /* a running mean: 0 */
    SHUNT_ROLE_VARIANCE, /* a running variance: 1 */
    SHUNT_ROLE_VELOCITY  /* of an optimizer: 0 */
} shunt_role;
/* The tensor `name` of the weights. The same name gives the same value, so layers can share weights: they use the same name,
 * shape and role. */
SHUNT_API shunt_value shunt_graph_parameter(shunt_graph *graph, const char *name, shunt_role role, uint32_t rank,
                                            const int64_t *dims);

/* The general form: kind, flags, attr and inputs as in op.h. `name` ("layer1.0.conv1") appears in reports; several ops may
 * have the same name. */
SHUNT_API shunt_value shunt_graph_op(shunt_graph *graph, const char *name, shunt_op_kind kind, uint32_t flags,
                                     const shunt_op_attr *attr, uint32_t ninputs, const shunt_value *inputs);

/* These also add the parameters, under PyTorch's names: NAME.weight, NAME.bias, NAME.running_mean ... */
SHUNT_API shunt_value shunt_graph_conv(shunt_graph *graph, const char *name, shunt_value src, int64_t channels,
                                       int64_t kernel, int stride, int padding, int with_bias);
/* A transposed convolution. Its weights are (C, channels, kernel, kernel), C being src's channels. */
SHUNT_API shunt_value shunt_graph_conv_transpose(shunt_graph *graph, const char *name, shunt_value src,
                                                 int64_t channels, int64_t kernel, int stride, int padding,
                                                 int with_bias);
SHUNT_API shunt_value shunt_graph_batch_norm(shunt_graph *graph, const char *name, shunt_value src, float epsilon);
SHUNT_API shunt_value shunt_graph_linear(shunt_graph *graph, const char *name, shunt_value src, int64_t classes);
SHUNT_API shunt_value shunt_graph_relu(shunt_graph *graph, const char *name, shunt_value src);
SHUNT_API shunt_value shunt_graph_add(shunt_graph *graph, const char *name, shunt_value a, shunt_value b);
SHUNT_API shunt_value shunt_graph_max_pool(shunt_graph *graph, const char *name, shunt_value src, int window,
                                           int stride, int padding);
SHUNT_API shunt_value shunt_graph_global_pool(shunt_graph *graph, const char *name, shunt_value src);
SHUNT_API shunt_value shunt_graph_softmax(shunt_graph *graph, const char *name, shunt_value src);
/* The paper's option A: takes every stride-th row and column, and adds equally many zero channels before and after. */
SHUNT_API shunt_value shunt_graph_shortcut(shunt_graph *graph, const char *name, shunt_value src, int64_t channels,
                                           int stride);
/* Boxes cut out of a pyramid of maps and brought to size x size, as torchvision's MultiScaleRoIAlign does it: (R, C, size, size). maps: `count`
 * of them, the finest first; map i is 2^(finest + i) times smaller than the picture. rois (R,5): the picture's number and x1, y1, x2, y2
 * in the picture; -1 as the number gives zeros. A box is cut out of the map of level floor(4 + log2(sqrt(area) / 224)), or of the nearest
 * that there is. Each cell is the mean of sampling x sampling samples (0: as many as it is long). */
SHUNT_API shunt_value shunt_graph_roi_align(shunt_graph *graph, const char *name, size_t count, const shunt_value *maps,
                                            int finest, shunt_value rois, int size, int sampling);

/* ---- Training: more ops in the same graph ------------------------------------------------------------------------
 * Build in this order: the network up to its logits; shunt_graph_train_batch_norms; shunt_graph_cross_entropy;
 * shunt_graph_gradients; shunt_graph_sgd; the outputs. Each run of the graph is then one training step. The state that a step
 * updates (weights, running statistics, velocities) stays on the device between runs; shunt_executor_fetch copies it back.
 * A training graph takes only inputs of the shapes that it was built for. */

/* Parameters that are not trained: those whose names start with one of these prefixes ("conv1.", "layer1."). */
typedef struct shunt_frozen {
    const char *const *prefixes;
    size_t count;
} shunt_frozen;

/* Each batch norm that is not frozen (NULL: none is frozen) uses the statistics of the batch and updates its running ones:
 * running = (1 - rate) * running + rate * batch, with the unbiased variance, as PyTorch does. A usual rate is 0.1. */
SHUNT_API shunt_status shunt_graph_train_batch_norms(shunt_graph *graph, float rate, const shunt_frozen *frozen);
/* labels: an input (N) of class numbers. Returns the losses (N); *diff_logits is the gradient of their mean. The target is
 * smoothing / C for every class, and 1 - smoothing more for the label. */
SHUNT_API shunt_value shunt_graph_cross_entropy(shunt_graph *graph, const char *name, shunt_value logits,
                                                shunt_value labels, float smoothing, shunt_value *diff_logits);

typedef struct shunt_gradient_options {
    uint32_t size;              /* sizeof(shunt_gradient_options); 0: as in the first version */
    const shunt_frozen *frozen; /* NULL: all parameters are trained */
    int recompute; /* != 0: keep only the results of blocks, and compute the activations inside a block again for its gradients:
                      about a third more arithmetic, much less memory */
} shunt_gradient_options;
/* diff is the gradient of the loss with respect to `value`. Appends the ops that compute from it the gradients with respect to
 * all trained parameters. options NULL: the defaults. */
SHUNT_API shunt_status shunt_graph_gradients(shunt_graph *graph, shunt_value value, shunt_value diff,
                                             const shunt_gradient_options *options);
/* The gradient with respect to the parameter of this name; SHUNT_NO_VALUE if there is none. */
SHUNT_API shunt_value shunt_graph_gradient(const shunt_graph *graph, const char *parameter);

typedef struct shunt_sgd_options {
    uint32_t size; /* sizeof(shunt_sgd_options); 0: as in the first version */
    float momentum, weight_decay;
    int nesterov;
    int decay_all; /* != 0: biases and batch norms decay, too */
    /* The coefficient of trust of LARS (You et al. 2017): the step of a weight tensor is in proportion to the tensor's norm. Biases and
     * batch norms take plain steps. 0: all do. */
    float lars;
} shunt_sgd_options;
/* Appends an update of every parameter that has a gradient. rate: an input (1). Velocities are parameters PARAMETER.velocity. */
SHUNT_API shunt_status shunt_graph_sgd(shunt_graph *graph, shunt_value rate, const shunt_sgd_options *options);

/* Changes the whole graph to float64, for checks of accuracy; the scalar backend computes it. */
SHUNT_API void shunt_graph_widen(shunt_graph *graph);

/* The descriptor of a value; all zero for SHUNT_NO_VALUE. */
SHUNT_API shunt_tensor_desc shunt_graph_desc(const shunt_graph *graph, shunt_value value);

/* SHUNT_OK, or the first error of the builder functions. */
SHUNT_API shunt_status shunt_graph_check(const shunt_graph *graph);

/* The cost of the graph at its own input size. macs: multiply-adds of convolutions and linear layers, as papers count them.
 * parameters: the trainable numbers, without running statistics. */
typedef struct shunt_graph_cost {
    uint64_t parameters, macs;
} shunt_graph_cost;
SHUNT_API shunt_graph_cost shunt_graph_count(const shunt_graph *graph);

#ifdef __cplusplus
}
#endif
#endif
