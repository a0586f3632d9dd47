/* graph.h - building a network: values and the ops between them, in execution order.
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
 * A builder function appends one op and returns the value it makes. Errors stick: a function given a bad argument
 * (or SHUNT_NO_VALUE) returns SHUNT_NO_VALUE and the graph remembers the first reason, so that a model is
 * written without a check on each line; shunt_graph_check() tells in the end.
 * Parameters are named; their data comes later, from a shunt_weights, by name.
 * A graph is not tied to a device, and its batch and image size only to its inputs' descriptors: an executor makes
 * plans for others. One thread at a time builds a graph; a finished one may be read by many.
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

/* NULL when there is no memory. */
SHUNT_API shunt_graph *shunt_graph_create(void);
SHUNT_API void shunt_graph_destroy(shunt_graph *graph);
/* One to change, as a model's own may not be. */
SHUNT_API shunt_status shunt_graph_copy(const shunt_graph *graph, shunt_graph **out);

/* A float32 input, plain, of rank 1 .. SHUNT_MAX_RANK. */
SHUNT_API shunt_value shunt_graph_input(shunt_graph *graph, const char *name, uint32_t rank, const int64_t *dims);
/* An input of one of CAST's types. Ops other than CAST take float32 and float64 only. */
SHUNT_API shunt_value shunt_graph_input_of(shunt_graph *graph, const char *name, shunt_dtype dtype, uint32_t rank,
                                           const int64_t *dims);
/* Marks a value as a result. Results are numbered in the order of these calls. */
SHUNT_API void shunt_graph_output(shunt_graph *graph, const char *name, shunt_value value);
/* The name of a result, by number; NULL past the last one. */
SHUNT_API const char *shunt_graph_output_name(const shunt_graph *graph, size_t index);

/* What a fresh parameter holds. */
typedef enum shunt_role {
    SHUNT_ROLE_WEIGHT,   /* of a convolution or linear layer: He et al. 2015, eq. 10 (normal, std sqrt(2 / fan-in)) */
    SHUNT_ROLE_BIAS,     /* 0 */
    SHUNT_ROLE_SCALE,    /* of a batch norm: 1 */
    SHUNT_ROLE_SHIFT,    /* 0 */
    SHUNT_ROLE_MEAN,     /* a running mean: 0 */
    SHUNT_ROLE_VARIANCE, /* a running variance: 1 */
    SHUNT_ROLE_VELOCITY  /* of an optimizer: 0 */
} shunt_role;
/* The tensor `name` of the weights. The same name gives the same value: parts of a network that share weights ask for
 * them by one name, with one shape and role. */
SHUNT_API shunt_value shunt_graph_parameter(shunt_graph *graph, const char *name, shunt_role role, uint32_t rank,
                                            const int64_t *dims);

/* The general form: kind, flags, attr and inputs as op.h has them. name is for reports
 * ("layer1.0.conv1"); several ops may have the same. */
SHUNT_API shunt_value shunt_graph_op(shunt_graph *graph, const char *name, shunt_op_kind kind, uint32_t flags,
                                     const shunt_op_attr *attr, uint32_t ninputs, const shunt_value *inputs);

/* Forms that also make the parameters, under torch's names: NAME.weight, NAME.bias, NAME.running_mean ... */
SHUNT_API shunt_value shunt_graph_conv(shunt_graph *graph, const char *name, shunt_value src, int64_t channels,
                                       int64_t kernel, int stride, int padding, int with_bias);
SHUNT_API shunt_value shunt_graph_batch_norm(shunt_graph *graph, const char *name, shunt_value src, float epsilon);
SHUNT_API shunt_value shunt_graph_linear(shunt_graph *graph, const char *name, shunt_value src, int64_t classes);
SHUNT_API shunt_value shunt_graph_relu(shunt_graph *graph, const char *name, shunt_value src);
SHUNT_API shunt_value shunt_graph_add(shunt_graph *graph, const char *name, shunt_value a, shunt_value b);
SHUNT_API shunt_value shunt_graph_max_pool(shunt_graph *graph, const char *name, shunt_value src, int window,
                                           int stride, int padding);
SHUNT_API shunt_value shunt_graph_global_pool(shunt_graph *graph, const char *name, shunt_value src);
SHUNT_API shunt_value shunt_graph_softmax(shunt_graph *graph, const char *name, shunt_value src);
/* The paper's option A: strided subsampling, new channels zero, as many before the old ones as after. */
SHUNT_API shunt_value shunt_graph_shortcut(shunt_graph *graph, const char *name, shunt_value src, int64_t channels,
                                           int stride);

/* ---- Training: more ops in the same graph ------------------------------------------------------------------------
 * In this order: the network and its logits; shunt_graph_train_batch_norms; shunt_graph_cross_entropy;
 * shunt_graph_gradients; shunt_graph_sgd; the outputs. Each run of the graph is then a step. What a step replaces
 * (weights, running statistics, velocities) stays on the device between runs; shunt_executor_fetch brings it back.
 * Such a graph takes inputs of just the shapes that it was built for. */

/* Names what does not learn: every parameter whose name starts with one of these ("conv1.", "layer1."). */
typedef struct shunt_frozen {
    const char *const *prefixes;
    size_t count;
} shunt_frozen;

/* Every batch norm that is not frozen (NULL: none is) takes the statistics of its batch, and moves its running ones:
 * running = (1 - rate) * running + rate * batch, the variance with its unbiased estimate, as torch does; 0.1 is usual. */
SHUNT_API shunt_status shunt_graph_train_batch_norms(shunt_graph *graph, float rate, const shunt_frozen *frozen);
/* labels: an input (N) of class numbers. Returns the losses (N); *diff_logits is the gradient of their mean. Each label's
 * target is 1 - smoothing, and all classes' get smoothing / C more. */
SHUNT_API shunt_value shunt_graph_cross_entropy(shunt_graph *graph, const char *name, shunt_value logits,
                                                shunt_value labels, float smoothing, shunt_value *diff_logits);

typedef struct shunt_gradient_options {
    uint32_t size; /* sizeof(shunt_gradient_options); 0: as in the first version */
    const shunt_frozen *frozen; /* NULL: all parameters learn */
    int recompute; /* keep only what goes from block to block, and compute a block's inside again for its gradients: about a
                      third more arithmetic for much less memory */
} shunt_gradient_options;
/* Appends the ops that compute, from diff, the gradient by `value`, the gradients by all parameters that learn.
 * options: NULL for the defaults. */
SHUNT_API shunt_status shunt_graph_gradients(shunt_graph *graph, shunt_value value, shunt_value diff,
                                             const shunt_gradient_options *options);
/* The gradient by a parameter, by name; SHUNT_NO_VALUE when there is none. */
SHUNT_API shunt_value shunt_graph_gradient(const shunt_graph *graph, const char *parameter);

typedef struct shunt_sgd_options {
    uint32_t size; /* sizeof(shunt_sgd_options); 0: as in the first version */
    float momentum, weight_decay;
    int nesterov;
    int decay_all; /* weight decay on biases and batch norms, too */
} shunt_sgd_options;
/* Appends an update of every parameter that has a gradient. rate: an input (1). Velocities are parameters PARAMETER.velocity. */
SHUNT_API shunt_status shunt_graph_sgd(shunt_graph *graph, shunt_value rate, const shunt_sgd_options *options);

/* Makes all of the graph float64, which the scalar backend computes: for checks of accuracy. */
SHUNT_API void shunt_graph_widen(shunt_graph *graph);

/* The descriptor of a value, all zero for SHUNT_NO_VALUE. */
SHUNT_API shunt_tensor_desc shunt_graph_desc(const shunt_graph *graph, shunt_value value);

/* SHUNT_OK, or the first thing that went wrong while building. */
SHUNT_API shunt_status shunt_graph_check(const shunt_graph *graph);

/* Cost of the graph at its own input size. Multiply-adds count convolutions and linear layers, as papers do;
 * parameters count what a gradient would train (no running statistics). */
typedef struct shunt_graph_cost {
    uint64_t parameters, macs;
} shunt_graph_cost;
SHUNT_API shunt_graph_cost shunt_graph_count(const shunt_graph *graph);

#ifdef __cplusplus
}
#endif
#endif
