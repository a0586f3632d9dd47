/* graph.h - the IR itself: arrays of values and ops. Built by builder.c, shaped by shapes.c, rewritten by fold.c and
 * fuse.c, turned into launches by runtime/plan. Ops stand in execution order; a value has one producer. Passes leave
 * values behind that no op makes or reads any more: parameters that went into a fold, results fused away. */
#ifndef SHUNT_RUNTIME_GRAPH_H
#define SHUNT_RUNTIME_GRAPH_H

#include <jansson.h>
#include <shunt/graph.h>
#include <stdbool.h>

typedef enum value_source {
    VALUE_INPUT,     /* given at each run */
    VALUE_PARAMETER, /* a tensor of the weights, by name */
    VALUE_FOLDED,    /* computed once from parameters: graph->folds[fold] */
    VALUE_COMPUTED,  /* by an op */
    VALUE_FLAT       /* memory that other values lie in, one behind the other: those whose `flat` it is */
} value_source;

typedef struct graph_value {
    char *name; /* a key for parameters alone: the weights' tensor. Of other values and of ops it is for reports */
    shunt_tensor_desc desc;
    value_source source;
    shunt_role role;  /* parameters */
    bool state;       /* VALUE_PARAMETER: an op of the graph replaces its data at every run */
    int32_t fold;     /* VALUE_FOLDED: index into folds */
    int32_t producer; /* VALUE_COMPUTED: op index, else -1 */
    shunt_value diff; /* the gradient by it, once shunt_graph_gradients has made that */
    shunt_value flat; /* the value that this one is a part of, or SHUNT_NO_VALUE */
    uint64_t flat_at; /* where in it, in bytes */
} graph_value;

typedef struct graph_op {
    char *name;
    uint32_t kind, flags;
    uint32_t ninputs, noutputs;
    shunt_value inputs[SHUNT_MAX_INPUTS], outputs[SHUNT_MAX_OUTPUTS];
    shunt_op_attr attr;
    uint32_t when; /* above 0: runs leave the op out unless element when - 1 of the graph's decider is 0 or more */
} graph_op;

/* A batch norm folded into the convolution before it:
 *     factor[k] = scale[k] / sqrt(variance[k] + epsilon)
 *     weights'[k,...] = weights[k,...] * factor[k];  bias'[k] = (bias[k] - mean[k]) * factor[k] + shift[k] */
typedef struct graph_fold {
    shunt_value weights, bias; /* bias: SHUNT_NO_VALUE when the convolution had none */
    shunt_value scale, shift, mean, variance;
    float epsilon;
    shunt_value folded_weights, folded_bias; /* the values that this makes */
} graph_fold;

typedef struct graph_output {
    char *name;
    shunt_value value;
} graph_output;

struct shunt_graph {
    graph_value *values;
    graph_op *ops;
    graph_fold *folds;
    graph_output *outputs;
    shunt_value *inputs;
    json_t *parameters; /* their values, by name; NULL before the first */
    json_t *names;      /* values by names of the file that the graph is from; NULL: it is from none */
    uint32_t nvalues, nops, nfolds, noutputs, ninputs;
    uint32_t values_room, ops_room, folds_room, outputs_room, inputs_room;
    uint32_t decider; /* 1 + the number of the input that `when` of ops is about; 0: there is none */
    uint32_t
        factors;   /* 1 + the number of the input by which runs are added up to a step (accumulate.c); 0: each is one */
    uint32_t when; /* of ops that are appended */
    shunt_status status; /* of building */
    char message[256];
};

/* Gives the inputs these shapes and infers all other shapes again. Fails, naming the op, when an op cannot take them. */
shunt_status graph_reshape(shunt_graph *graph, const shunt_tensor_desc *inputs, size_t ninputs);

/* Infers the outputs' descriptors (plain, of the inputs' type) of one op from its inputs' (shapes.c). Of desc->outputs it looks
 * at the channels of a shortcut (where there is none yet, rank 0, as many zeros follow as lead), at C, H, W of a diff_src and
 * at diff_weights. reason: SHUNT_REASON_CHARS. */
shunt_status graph_infer_op(const shunt_op_desc *desc, shunt_tensor_desc outputs[SHUNT_MAX_OUTPUTS], uint32_t *noutputs,
                            char *reason);
/* The same without an error message of the thread's: false when it is refused, for this reason. */
bool graph_infer(const shunt_op_desc *op, shunt_tensor_desc *outputs, uint32_t *noutputs, char *reason);

/* From here on ops are appended for runs in which element `element` of a float32 input is 0 or more; others do not launch them. The run must
 * give that input in the host's memory, and all conditions are about one input. What such an op makes may be read by ops of the same
 * condition alone, unless it overwrites its input, which then is the result. end: from here on ops are for all runs. */
void graph_begin_condition(shunt_graph *graph, shunt_value input, uint32_t element);
void graph_end_condition(shunt_graph *graph);

/* The parameter of that name, or SHUNT_NO_VALUE. */
shunt_value graph_find_parameter(const shunt_graph *graph, const char *name);

/* names.c: one more name for a value that an op makes. It is the name that lists show, if it is the value's first. */
shunt_status graph_name_value(shunt_graph *graph, const char *name, shunt_value value);
/* Drops the ops whose results nobody reads. */
shunt_status graph_drop_unread(shunt_graph *graph);

/* The op as the ABI describes it. constant_inputs is set for folded values and for parameters that stay as they are. */
void graph_op_desc(const shunt_graph *graph, const graph_op *op, shunt_op_desc *desc);

/* "conv"; NULL if it is not a kind. And "conv+bias+relu". */
const char *op_kind_name(uint32_t kind);
const char *op_label(uint32_t kind, uint32_t flags, char *text, size_t size);
/* FLOPs (2 per multiply-add; what is fused into a convolution or linear layer is not counted, as in papers) and the least
 * bytes moved: inputs and outputs once. */
uint64_t op_flops(const shunt_op_desc *desc);
uint64_t op_bytes(const shunt_op_desc *desc);

/* Checks the op, infers its outputs and appends it; errors stick to the graph. hints: the outputs' descriptors so far, for
 * kinds that look at them (graph_infer_op), or NULL. Returns output 0; all are in op->outputs. */
shunt_value graph_append(shunt_graph *graph, graph_op *op, uint32_t nhints, const shunt_tensor_desc *hints);
/* The same with the name OF.WHAT; outputs, if not NULL, receives all of them. And the graph's way to remember a failure. */
shunt_value graph_append_named(shunt_graph *graph, const char *of, const char *what, const graph_op *like,
                               uint32_t nhints, const shunt_tensor_desc *hints, shunt_value *outputs);
void graph_fail_memory(shunt_graph *graph);
bool graph_is_frozen(const shunt_frozen *frozen, const char *name);
/* Whether some parameter is replaced at every run. The factor of an unbiased variance then depends on the batch. */
bool graph_trains(const shunt_graph *graph);
/* A reshape of a value that is not a parameter. If it is plain, its result is its input's memory, so no device has to support it. */
bool graph_is_alias(const shunt_graph *graph, const graph_op *op);
/* How many outputs of the kind, from the first on, lie in the memory of the input of the same number. */
uint32_t op_replaced(uint32_t kind);
/* Whether output 0 lies in the memory of input 0, an activation that no op behind this one may read. */
bool op_overwrites(uint32_t kind);

/* For passes and the planner: room for one more element in *(element **)array; how often ops read each value (x + x reads
 * it twice), being an output or a part of a flat value counting as once more (to be freed, NULL without memory); whether sizes are those of a float32
 * tensor that can be computed with. */
bool graph_room(void *array, uint32_t *room, uint32_t used, size_t element);
uint32_t *graph_count_uses(const shunt_graph *graph);
bool graph_check_desc(const shunt_tensor_desc *desc, const char *what, char *reason);

/* As shunt_graph_gradients, for a loss that reaches the graph at several values. */
typedef struct graph_seed {
    shunt_value value, diff; /* diff: the gradient by value of what the other seeds do not go through */
} graph_seed;
shunt_status graph_gradients(shunt_graph *graph, const graph_seed *seeds, size_t nseeds,
                             const shunt_gradient_options *options);

/* Without its last result. The ops that make it stay. */
void graph_drop_output(shunt_graph *graph);

/* Of a training graph: the variances that go into moving averages are those of batches of so many pictures, 2 or more, whatever the
 * graph's own batch. */
void graph_set_samples(shunt_graph *graph, int64_t batch);

/* skip.c: the branches of an inference network that end in a batch norm with this scale and shift, and are added to what they began
 * with, in execution order. To be freed. */
typedef struct graph_branch {
    shunt_value scale, shift;
} graph_branch;
shunt_status graph_find_skippable(const shunt_graph *graph, graph_branch **out, size_t *count);

/* Passes. Each leaves a valid graph. `accept` says whether the device would rather have this op; NULL accepts all.
 * fold: batch norms behind convolutions with one reader. fuse: residual additions and ReLUs into what is before them. */
typedef bool (*fuse_accept_fn)(void *context, const shunt_op_desc *desc);
shunt_status graph_fold_batch_norms(shunt_graph *graph);
shunt_status graph_fuse(shunt_graph *graph, fuse_accept_fn accept, void *context);
/* After fuse, and after all gradients are there: the statistics of a batch and the batch norm by them become one op, where the device
 * accepts that. */
void graph_fuse_statistics(shunt_graph *graph, fuse_accept_fn accept, void *context);
/* join: updates of the same kind become one, on flat values (join.c). A flat value has at most most_bytes, the first of a series at
 * most first_bytes; a single part may be larger. Parts begin at multiples of alignment. Cut into `pieces` of one size, one for each
 * rank, each piece does, too. */
typedef struct graph_flat_limits {
    uint64_t alignment, most_bytes, first_bytes;
    uint32_t pieces;
} graph_flat_limits;
shunt_status graph_join(shunt_graph *graph, const graph_flat_limits *limits);
/* guard: all updates move to the end of the graph and are left out where a gradient is infinite or NaN. Gradients are multiplied by
 * scale (1) first. *nonfinite (1): how many of their elements are not finite. */
shunt_status graph_guard_updates(shunt_graph *graph, shunt_value scale, shunt_value *nonfinite);
/* All updates move to the end, in their order. */
shunt_status graph_put_updates_last(shunt_graph *graph);
/* Whether it has been done. */
bool graph_is_guarded(const shunt_graph *graph);
/* accumulate: the updates that there are take place in the last run of a step alone, that in which input `last` (1), float32, is 0 or
 * more. `factors` (2): what the sum so far, and what this run adds, are multiplied by: 0 and a weight in the first run, then 1 and a
 * weight. And, once updates are joined, the ops that add up. */
shunt_status graph_begin_accumulating(shunt_graph *graph, shunt_value last, shunt_value factors);
shunt_status graph_add_up(shunt_graph *graph);
/* The op behind which a flat value is complete, or a sum has its part; -1: it is one of parameters. */
int32_t graph_last_maker(const shunt_graph *graph, shunt_value flat);
/* Writes sizes that follow from the shapes of other values into attributes: a plan's inputs have fixed shapes (sizes.c). */
void graph_settle_sizes(shunt_graph *graph);
/* Drops ops marked by kind 0, keeping the order. For passes. */
void graph_compact(shunt_graph *graph);
/* For passes and the planner: appends a value (its name is copied), or SHUNT_NO_VALUE without memory. */
shunt_value graph_new_value(shunt_graph *graph, const char *name, const shunt_tensor_desc *desc, value_source source);
/* Puts a copy of op before index `at` (nops: at the end) and renumbers producers. */
shunt_status graph_insert_op(shunt_graph *graph, uint32_t at, const graph_op *op);

#endif
