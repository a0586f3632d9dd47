/* plan.h - a graph made ready for one device and one set of input shapes: a flat list of steps.
 *
 * Made in this order, one file each: the graph's passes (fold, once per executor; fuse) -> place.c (the device of every op) ->
 * lower.c (layouts, transfers, reorders) -> lifetime.c (from which step to which a value is needed) -> prepare.c (an op of the backend
 * for each step, its parameters packed; packs.c and sums.c note what is done for many steps at once) -> memory.c, bind.c (a place for
 * each value) -> joint.c (ops for what was noted) -> run.c. All decisions are made before run.c, which only launches. */
#ifndef SHUNT_RUNTIME_PLAN_H
#define SHUNT_RUNTIME_PLAN_H

#include "runtime/device/device.h"
#include "runtime/device/precision.h"
#include "runtime/graph/graph.h"
#include "runtime/ranks/ranks.h"

#include <pthread.h>

enum { PLAN_MAIN, PLAN_FALLBACK, PLAN_DEVICES };

/* What one op does for several steps: it packs inputs that runs change, and makes outputs from their parts. */
enum { PLAN_PACKS, PLAN_SUMS, PLAN_JOININGS };

/* A tensor in one place and one layout. A value of the graph that is needed in two places is two of these. */
typedef struct plan_value {
    shunt_tensor_desc desc;
    shunt_value source;  /* the graph's value that this holds */
    uint8_t device;      /* PLAN_MAIN or PLAN_FALLBACK */
    bool parameter;      /* holds data of the weights; otherwise lives in the arena */
    bool state;          /* of a parameter: runs replace it, in place */
    bool flat;           /* memory of others */
    bool input;          /* of the graph: no step may write to it, for it may lie in the caller's buffer */
    int32_t first, last; /* first and last step that need it; -1: before the first, nsteps: after the last */
    int32_t root;        /* the value whose memory it shares, itself when it has its own */
    uint64_t offset;     /* where in the root's memory it begins, in bytes */
    shunt_arg arg;       /* of a root: its memory; in an arena, with no buffer, the offset in the chunk */
    uint32_t chunk;      /* of a root in an arena */
} plan_value;

typedef struct plan_exchange plan_exchange;

typedef struct plan_step {
    const char *name; /* the graph's */
    uint8_t device;
    bool transfer;           /* no op: outputs[0] becomes a copy of inputs[0], which lies on the other device */
    plan_exchange *exchange; /* no op: what the ranks exchange (exchange.h) */
    uint32_t when;           /* as in graph_op: the runs that launch it; 0: all */
    bool begins;             /* of an exchange: it sends off; else it waits for what the others sent */
    shunt_op_desc desc;
    int32_t inputs[SHUNT_MAX_INPUTS], outputs[SHUNT_MAX_OUTPUTS]; /* plan values */
    char refused[SHUNT_REASON_CHARS]; /* why the main device does not run it; empty when it does */

    shunt_bop *op;
    shunt_op_info info;
    shunt_arg parameters[SHUNT_MAX_INPUTS]; /* inputs that runs do not change, or that are packed ahead */
    uint32_t packed_inputs;                 /* bit i: input i is packed ahead */
    shunt_arg parts[SHUNT_MAX_OUTPUTS];     /* of outputs that are added up later */
    uint32_t parted_outputs;                /* bit i: output i is one of them */
    shunt_arg workspace;                    /* as plan_value.arg in an arena */
    uint32_t workspace_chunk;
    shunt_bop *joined
        [PLAN_JOININGS];  /* what it packs before it for itself and later steps, and adds up behind it for itself and
                                         earlier ones; NULL: nothing */
    uint64_t nanoseconds; /* of the last profiled run, of what is joined, too */
} plan_step;

/* An operand of a step that one op converts for several steps, between `at` and `step`. */
typedef struct plan_joint {
    uint32_t step, operand;
    uint32_t at; /* the step before which it is packed, or behind which the parts are added up */
    uint64_t bytes;
    shunt_arg arg; /* as plan_value.arg in the arena of the main device, between the two steps */
    uint32_t chunk;
} plan_joint;

/* In the order of their steps. Those of one group have the same `at`, and follow each other. */
typedef struct plan_joints {
    plan_joint *list;
    uint32_t count, room;
} plan_joints;

/* What a device answers about an op (ask.c). */
typedef struct plan_answer {
    shunt_op_desc desc;
    uint8_t device;
    char reason[SHUNT_REASON_CHARS]; /* why it refuses; empty when it does not */
    uint32_t ncandidates;            /* those that it could use, best guess first; 0: it refuses */
    shunt_candidate candidates[];
} plan_answer;

/* Where an op of the graph runs (place.c). */
typedef struct plan_place {
    uint8_t device;
    uint8_t dtype; /* of its data: the plan's, or float32 */
    bool plain;    /* its activations are plain; else in the device's layout */
    char refused
        [SHUNT_REASON_CHARS]; /* why the main device does not run it, or not on data of the plan's type; else empty */
} plan_place;

/* Memory of one device: a few buffers (chunks), each at most max_alloc bytes. */
typedef struct plan_arena {
    uint64_t *chunk_bytes;
    uint32_t nchunks, chunks_room;
    uint64_t bytes, workspace; /* of all chunks; of the largest workspace */
} plan_arena;

enum { PLAN_REASON_CHARS = 512 };

/* Where the operands of a step lie. */
typedef struct plan_args {
    shunt_arg inputs[SHUNT_MAX_INPUTS], outputs[SHUNT_MAX_OUTPUTS], workspace;
} plan_args;

/* What a run has for itself while other streams run the same plan. */
typedef struct plan_stream {
    shunt_bbuffer **chunks[PLAN_DEVICES]; /* as the plan's arenas say; fewer after a failure */
    uint32_t nchunks[PLAN_DEVICES];
    shunt_arg *roots; /* the memory of each value that is a root: in an arena, a parameter's, or the caller's */
    plan_args *args;  /* of each step */
} plan_stream;

/* What a run is asked for. */
typedef struct plan_request {
    const shunt_tensor *inputs, *outputs; /* checked: as many as the graph has, of its shapes */
    uint32_t stream;
} plan_request;

typedef struct graph_plan {
    shunt_executor *executor;
    shunt_graph *graph; /* reshaped and rewritten */
    uint8_t dtype;      /* of the data of its ops, where these take it: SHUNT_F32, or a 16-bit type */
    plan_value *values;
    plan_step *steps;
    plan_joints joints[PLAN_JOININGS];
    uint32_t nvalues, nsteps, values_room, steps_room;
    int32_t *inputs, *outputs; /* plan values of the graph's inputs and outputs */
    plan_exchange **exchanges; /* with other ranks, in the order of their beginnings; alone: none */
    uint32_t nexchanges, exchanges_room;
    double *rank_weights; /* the part of each rank's batch in that of all; NULL: alone */
    bool *direct;         /* of each output: its memory may be the caller's buffer; else it is copied there */
    bool waits;           /* its steps are on two devices, or exchange with other ranks, so launching waits */
    plan_arena arenas[PLAN_DEVICES];
    plan_stream *streams;
    uint32_t nstreams;
    plan_answer **answers; /* only while the plan is made */
    uint32_t nanswers, answers_room;
    bool unasked;      /* memory ran out while asking: the plan fails, since it would differ from the usual one */
    uint64_t last_use; /* the executor's clock */
    uint64_t runs;
    bool fast;                      /* what "fast" is for these inputs */
    char reason[PLAN_REASON_CHARS]; /* of fast: why it has this type */
} graph_plan;

/* A parameter on a device, plain or in an op's own packed format, shared by all plans of an executor. */
typedef struct parameter_copy {
    shunt_value value;               /* of the executor's graph, and so of all plans' */
    char format[SHUNT_PARAMS_CHARS]; /* "": plain */
    uint8_t device, dtype;           /* dtype: of the plain copy, or of the source of the packed one */
    uint8_t packed_for;              /* of a packed copy: the type of the data that the op multiplies it by */
    uint64_t bytes;
    shunt_bbuffer *buffer;
} parameter_copy;

enum { EXECUTOR_MAX_PLANS = 8, EXECUTOR_MAX_STREAMS = 16, EXECUTOR_MAX_RUNS = 64, EXECUTOR_MAX_TENSORS = 64 };

struct shunt_executor {
    pthread_mutex_t lock; /* of all that follows: held by each function of the API */
    shunt_graph *graph;   /* batch norms folded */
    const shunt_weights *weights;
    shunt_device *devices[PLAN_DEVICES]; /* the fallback one is opened when it is first needed */
    shunt_bqueue *queues[PLAN_DEVICES];  /* where plans are made and shunt_executor_run runs: that of stream 0 */
    shunt_bqueue *streams[EXECUTOR_MAX_STREAMS]; /* on the main device; [0] is queues[PLAN_MAIN] */
    uint32_t nstreams;
    shunt_event *runs[EXECUTOR_MAX_RUNS]; /* the last ones that were submitted, in a ring */
    uint64_t nruns;
    struct run_notifier *notifier; /* NULL: no run has a handler (notify.c) */
    bool profiling;
    precision_wish precision;
    shunt_ranks *ranks; /* that make updates together; NULL: alone */
    bool sync_statistics, bf16_gradients;
    bool said_infinite; /* that a run was repeated in float32 */
    parameter_copy *parameters;
    uint32_t nparameters, parameters_room;
    graph_plan *plans[EXECUTOR_MAX_PLANS];
    uint64_t clock;
    shunt_plan_report report;
    shunt_step *report_steps;
    const shunt_step **report_list; /* pointers to them */
    char (*report_kinds)[48];
};

/* executor.c: opens the fallback device on first use, and makes the device's queues. */
shunt_status executor_need_device(shunt_executor *executor, int device);
/* executor.c, with the lock held: whether the graph takes such inputs. The plan for them and data of this type, or of the type that the
 * executor is for, made if there is none. Whether a plan is for such inputs. And no plans any more. */
shunt_status executor_check_inputs(const shunt_executor *executor, const shunt_tensor_desc *inputs, size_t ninputs);
shunt_status executor_plan(shunt_executor *executor, const shunt_tensor_desc *inputs, size_t ninputs, uint8_t dtype,
                           graph_plan **out);
shunt_status executor_find_plan(shunt_executor *executor, const shunt_tensor_desc *inputs, size_t ninputs,
                                graph_plan **out);
bool plan_fits(const graph_plan *plan, const shunt_tensor_desc *inputs);
void executor_drop_plans(shunt_executor *executor);

/* outline: only as far as lower.c, so its steps have no ops yet. dtype: see graph_plan. */
shunt_status plan_outline(shunt_executor *executor, const shunt_tensor_desc *inputs, size_t ninputs, uint8_t dtype,
                          graph_plan **out);
shunt_status plan_create(shunt_executor *executor, const shunt_tensor_desc *inputs, size_t ninputs, uint8_t dtype,
                         graph_plan **out);
void plan_destroy(graph_plan *plan);

shunt_status plan_lower(graph_plan *plan);
shunt_status plan_prepare(graph_plan *plan);
/* preparing.c: to the handler of shunt_set_prepare_handler. */
void plan_tell_prepared(uint32_t done, uint32_t total);
shunt_status plan_allocate(graph_plan *plan);
/* packs.c: those of the inputs of a step that runs change: what op_prepare may have packed ahead. And notes those that it has. */
uint32_t plan_ahead_inputs(const graph_plan *plan, const plan_step *step);
shunt_status plan_note_packs(graph_plan *plan, uint32_t step);
/* sums.c: those of the outputs of a step that op_prepare may leave as parts. And notes those that it does. */
uint32_t plan_later_outputs(const graph_plan *plan, const plan_step *step);
shunt_status plan_note_sums(graph_plan *plan, uint32_t step);
/* joint.c: notes one; and, once they have memory, makes what packs and adds up. */
shunt_status plan_add_joint(plan_joints *joints, const plan_joint *joint);
shunt_status plan_make_joints(graph_plan *plan);
/* run.c: starts a run on its stream. *last: an event of its last command, unless plan->waits; last may be NULL. After a failure
 * finish. */
shunt_status plan_start(graph_plan *plan, const plan_request *request, shunt_bevent **last);
/* Waits for the stream, whatever status says, since the caller's memory may be named in what still runs. Returns status, or the
 * failure of a command. */
shunt_status plan_finish(graph_plan *plan, uint32_t stream, shunt_status status);
/* Both, with the time of each step where the executor wants it. */
shunt_status plan_run(graph_plan *plan, const plan_request *request);
shunt_status plan_write_inputs(graph_plan *plan, const plan_request *request);
/* events: of what the step packs, of its own op, of what it adds up, where it does so; may be NULL. */
enum { EVENT_PACKS, EVENT_OWN, EVENT_SUMS, STEP_EVENTS };
shunt_status plan_launch(graph_plan *plan, uint32_t stream, uint32_t step, shunt_bevent **events);
shunt_bqueue *plan_queue(const graph_plan *plan, uint32_t stream, int device);
/* bind.c: puts the stream's inputs and direct outputs where the request has them. */
void plan_bind(graph_plan *plan, const plan_request *request);
/* time_types.c: times and checks the whole network in each type that the device has, and records what "fast" is for these inputs. */
shunt_status plan_time_types(shunt_executor *executor, const shunt_tensor_desc *inputs, size_t ninputs,
                             const shunt_tune_options *options);
/* plan_report.c: fills executor->report for this plan. */
shunt_status plan_describe(graph_plan *plan);

/* ask.c: gives the data of a plain op in float32 this type. */
void plan_set_types(shunt_op_desc *desc, uint8_t dtype);
/* ask.c: gives all rank-4 activations of an op the device's layout for their types, or makes them plain. */
void plan_set_blocks(shunt_op_desc *desc, const shunt_device *device, bool plain);
/* ask.c: a device's (PLAN_MAIN, PLAN_FALLBACK) answer about an op. Lives until plan_forget_answers. */
const plan_answer *plan_ask(graph_plan *plan, int device, const shunt_op_desc *desc);
void plan_forget_answers(graph_plan *plan);
/* ask.c: a step's op as the tuner sees it. */
struct tune_op plan_tune_op(graph_plan *plan, const plan_step *step);
/* place.c: whether the main device takes an op of the graph in its own layout, on data of this type. */
bool plan_takes(graph_plan *plan, const shunt_op_desc *desc, uint8_t dtype);
/* place.c: the place of each op. If ops run on the fallback device, it logs that, or refuses the plan. */
void plan_place_ops(graph_plan *plan, plan_place *places);
shunt_status plan_report_fallback(const graph_plan *plan, const plan_place *places);
/* place.c: logs which ops the main device runs in float32 in a plan of another type. */
void plan_report_wide(const graph_plan *plan, const plan_place *places);
/* lifetime.c: the steps that need each value; and, once the ops are prepared, results that take over the memory of an input. */
void plan_find_lifetimes(graph_plan *plan);
void plan_share_in_place(graph_plan *plan);

/* bind.c: where a value lies in a stream, once its root has a place. And lifetime.c: gives a value the memory of another. */
shunt_arg plan_arg(const graph_plan *plan, uint32_t stream, int32_t value);
/* bind.c: the places of all values and steps of a stream, whose chunks are there; and those of one step. */
shunt_status plan_place_stream(graph_plan *plan, uint32_t stream);
void plan_place_step(const graph_plan *plan, uint32_t stream, uint32_t step);
/* bind.c: which outputs are direct. */
shunt_status plan_find_direct(graph_plan *plan);
void plan_share(graph_plan *plan, int32_t value, int32_t with);

/* lower.c, for share.c: a step without an op yet, or NULL without memory; a value, or -1; the graph's value `source` on the main
 * device, in its own type, plain. */
plan_step *plan_add_step(graph_plan *plan, const char *name, int device);
int32_t plan_add_value(graph_plan *plan, shunt_value source, int device, const shunt_tensor_desc *desc, bool parameter);
shunt_status plan_get_plain(graph_plan *plan, shunt_value source, int32_t *out);
/* lower.c: the parts of a flat value that is read must lie in it, wherever they were made. */
shunt_status plan_gather_parts(graph_plan *plan, shunt_value flat);

/* Whether a backend's op does what the step does. */
static inline bool plan_has_op(const plan_step *step)
{
    return !step->transfer && !step->exchange;
}

/* fast.c: the network that records are about: the executor's graph for inputs of these shapes. Destroy it. */
shunt_status plan_network(const shunt_executor *executor, const shunt_tensor_desc *inputs, size_t ninputs,
                          shunt_graph **out);
/* fast.c: the plan that "fast" is for these inputs. One in 16 bits that cannot be made is made in float32. */
shunt_status plan_fast(shunt_executor *executor, const shunt_tensor_desc *inputs, size_t ninputs, graph_plan **out);

/* infinite.c: runs that overflowed a 16-bit type. Whether an output is not finite though all inputs are. */
bool plan_overflowed(const graph_plan *plan, const plan_request *request);
/* infinite.c: runs the plan again, and says which step is the first to make what is not finite. */
shunt_status plan_say_overflow(graph_plan *plan, const plan_request *request);

/* parameters.c: where input `input` of a prepared step lies, packed if the op needs that; made on first use. */
shunt_status parameter_place(graph_plan *plan, const plan_step *step, uint32_t input, shunt_arg *out);
/* The same for a value of the graph that runs replace: plain, on the main device. */
shunt_status parameter_place_state(graph_plan *plan, shunt_value value, shunt_arg *out);
/* Where the executor has a value of that kind; false when no plan has needed it yet. */
bool parameter_state(const shunt_executor *executor, shunt_value value, shunt_arg *out);
void parameters_free(shunt_executor *executor);
/* Checks that the weights hold every parameter of the graph in its shape. */
shunt_status parameters_check(const shunt_graph *graph, const shunt_weights *weights);

/* trace.c: SHUNT_PROFILE. add records a finished step; save writes all recorded steps, of all executors, to the file. */
bool trace_wanted(void);
void trace_add(const plan_step *step, const char *device, uint64_t start, uint64_t end);
/* what: "sum", of `bytes` from other ranks; "waiting". */
void trace_add_exchange(const char *name, const char *what, uint64_t start, uint64_t end, uint64_t bytes);
shunt_status trace_save(void);

#endif
