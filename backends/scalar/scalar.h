/* scalar.h - what the files of the scalar backend share: its objects, its errors, its descriptor checks.
 *
 * The backend is the oracle for all others and the fallback for ops that they refuse: every op, plain C, no packing. Each command is
 * done when its call returns, so queues are empty and events hold only times. */
#ifndef SHUNT_SCALAR_H
#define SHUNT_SCALAR_H

#include "threads.h"

#include <shunt/backend.h>
#include <stdbool.h>

enum { SCALAR_ALIGNMENT = 64 };

typedef struct scalar_device {
    shunt_bdevice base;
    int threads;
} scalar_device;

struct shunt_bbuffer {
    uint64_t bytes;
    unsigned char *data; /* aligned to SCALAR_ALIGNMENT */
};

struct shunt_bqueue {
    bool profiling;
    void *scratch; /* of all threads, enough for any op: a queue runs one op at a time */
};

struct shunt_bevent {
    bool timed;
    uint64_t start, end; /* nanoseconds, CLOCK_MONOTONIC */
};

/* One op for one type. */
typedef struct scalar_op {
    uint32_t flags;          /* the SHUNT_FLAG_* it knows */
    bool any_block;          /* else all tensors are plain */
    bool own_types;          /* check looks at the types; else they are as the operands' classes say (op.h) */
    uint32_t inplace_inputs; /* as in shunt_op_info, without RESIDUAL */
    /* Ranks, dims and attributes; counts, flags, types and sizes have been checked. */
    shunt_status (*check)(const shunt_op_desc *desc);
    /* Sums are taken in an order that does not depend on threads. */
    void (*run)(const shunt_op_desc *desc, const void *const *inputs, void *const *outputs, int threads);
    /* Instead of run, for data that is too large for a stack: `scratch` bytes for each thread, which takes its own by
     * omp_get_thread_num(). */
    void (*run_with)(const shunt_op_desc *desc, const void *const *inputs, void *const *outputs, int threads,
                     void *memory);
    size_t scratch;
} scalar_op;

/* Compiled once, for all types. */
extern const scalar_op scalar_cast, scalar_reorder;
/* Below this many elements a team of threads costs more than it saves: `if (count > SCALAR_SMALL)`. */
enum { SCALAR_SMALL = 4096 };
/* By kind; NULL where there is no such op (table.c). */
extern const scalar_op *const scalar_ops_f32[SHUNT_OP_KINDS], *const scalar_ops_f64[SHUNT_OP_KINDS];

/* device.c, queue.c, ops.c: the table's functions. */
shunt_status scalar_device_open(uint32_t index, const char *params, shunt_bdevice **out);
int scalar_default_threads(void);

/* measure.c; see shunt_device_ops. */
shunt_status scalar_measure(shunt_bdevice *device, double *flops_per_second, double *bytes_per_second);
extern const shunt_device_ops scalar_device_ops;

shunt_status scalar_queue_create(shunt_bdevice *device, int profiling, shunt_bqueue **out);
void scalar_queue_destroy(shunt_bdevice *device, shunt_bqueue *queue);
shunt_status scalar_queue_flush(shunt_bqueue *queue);
shunt_status scalar_queue_finish(shunt_bqueue *queue);
shunt_status scalar_write(shunt_bqueue *queue, shunt_arg dst, const void *src, uint64_t bytes, shunt_bevent **event);
shunt_status scalar_read(shunt_bqueue *queue, void *dst, shunt_arg src, uint64_t bytes, shunt_bevent **event);
shunt_status scalar_copy(shunt_bqueue *queue, shunt_arg dst, shunt_arg src, uint64_t bytes, shunt_bevent **event);
shunt_status scalar_fill(shunt_bqueue *queue, shunt_arg dst, uint32_t word, uint64_t bytes, shunt_bevent **event);
shunt_status scalar_queue_wait(shunt_bqueue *queue, shunt_bevent *event);
shunt_status scalar_event_wait(shunt_bevent *event);
shunt_status scalar_event_time(shunt_bevent *event, uint64_t *start, uint64_t *end);
void scalar_event_release(shunt_bevent *event);

/* The event of a command about to start: *event, or NULL when none is wanted. scalar_event_end stops its clock. */
shunt_status scalar_event_begin(const shunt_bqueue *queue, shunt_bevent **event);
void scalar_event_end(shunt_bevent **event);
/* The host memory of `bytes` bytes at arg. what: "src", "input 1" ... */
shunt_status scalar_resolve(shunt_arg arg, uint64_t bytes, const char *what, unsigned char **out);

shunt_status scalar_op_query(shunt_bdevice *device, const shunt_op_desc *desc, shunt_op_candidates *out);
shunt_status scalar_op_prepare(shunt_bdevice *device, const shunt_op_desc *desc, const shunt_prepare_options *options,
                               shunt_bop **out);
shunt_status scalar_op_info(const shunt_bop *op, shunt_op_info *info);
shunt_status scalar_op_launch(shunt_bop *op, shunt_bqueue *queue, const shunt_arg *inputs, const shunt_arg *outputs,
                              shunt_arg workspace, shunt_bevent **event);
void scalar_op_destroy(shunt_bop *op);

/* narrow.c: a descriptor whose data are in 16 bits, with float32 for them; any other as it is. */
shunt_op_desc scalar_widened(const shunt_op_desc *desc);
/* Of the float32 copies that such an op needs; 0: none. */
uint64_t scalar_copies_bytes(const shunt_op_desc *desc);
/* Fills the copies of the inputs, and points inputs and outputs to the copies. */
void scalar_make_copies(const shunt_op_desc *desc, int threads, unsigned char *memory, void **inputs, void **outputs);
void scalar_round_results(const shunt_op_desc *desc, int threads, const void *const *computed, void *const *outputs);

/* error.c: sets this thread's message and returns status. */
shunt_status scalar_fail(shunt_status status, const char *format, ...) __attribute__((format(printf, 2, 3)));
shunt_status scalar_fail_memory(void);
const char *scalar_last_error(void);

/* check.c: all of a descriptor, and the op that computes it. */
shunt_status scalar_check(const shunt_op_desc *desc, const scalar_op **op);
/* The tensor called `name` has this rank, or exactly these dims. */
shunt_status scalar_expect_rank(const shunt_tensor_desc *tensor, const char *name, uint32_t rank);
shunt_status scalar_expect_dims(const shunt_tensor_desc *tensor, const char *name, uint32_t rank, const int64_t *dims);
/* That an input has the shape of input 0, but 1 along axis 1. */
shunt_status scalar_expect_places(const shunt_op_desc *desc, uint32_t input, const char *name);
/* That what a flag adds, where it is set, is one number. */
shunt_status scalar_expect_number(const shunt_op_desc *desc, uint32_t flag, const char *name);
shunt_status scalar_expect_same(const shunt_tensor_desc *tensor, const char *name, const shunt_tensor_desc *other);
/* A gradient's tensors fit together when the op that it belongs to takes src and `weights` (NULL: has none) to diff_dst. */
shunt_status scalar_expect_forward(const shunt_op_desc *desc, const scalar_op *forward, const shunt_tensor_desc *src,
                                   const shunt_tensor_desc *weights, const shunt_tensor_desc *diff_dst);
/* Size of what a window leaves of `length` in one direction, or a failure that says why there is no such window. */
shunt_status scalar_window(int64_t length, int64_t window, int32_t stride, int32_t dilation, int32_t before,
                           int32_t after, int64_t *out);

#endif
