/* onednn.h - what the files of the oneDNN backend share. The backend is made of <shunt/backend.h> and oneDNN's C API only.
 *
 * Convolutions, linear layers, average pooling, reorders and their gradients are oneDNN's primitives (a recipe each);
 * what only moves memory is a loop of our own, since oneDNN's maximum, and so its ReLU, max pooling and softmax, turn NaN
 * into a number. Commands are done when the call that gives them returns. */
#ifndef SHUNT_ONEDNN_H
#define SHUNT_ONEDNN_H

#include <dnnl.h>
#include <shunt/backend.h>
#include <stdbool.h>

enum { ONEDNN_ALIGNMENT = 64, ONEDNN_MAX_TENSORS = SHUNT_MAX_INPUTS + SHUNT_MAX_OUTPUTS };

typedef struct onednn_device {
    shunt_bdevice base;
    dnnl_engine_t engine;
    int threads;
} onednn_device;

struct shunt_bbuffer {
    uint64_t bytes;
    unsigned char *data; /* aligned to ONEDNN_ALIGNMENT */
};

struct shunt_bqueue {
    dnnl_stream_t stream;
    bool profiling;
};

/* A tensor of the op as an argument of a primitive. The primitive may need it in another layout than `given`, and then
 * a reorder stands between: before every launch, or, for a constant input, once. */
typedef struct onednn_tensor {
    int arg; /* DNNL_ARG_... */
    bool output;
    uint32_t index; /* of the op's inputs or outputs */
    dnnl_memory_desc_t given;
} onednn_tensor;

/* An op in oneDNN's terms. */
typedef struct onednn_recipe {
    union {
        dnnl_convolution_desc_t conv;
        dnnl_inner_product_desc_t linear;
        dnnl_pooling_desc_t pool;
    } op;
    bool reorder;               /* no op: tensors[0] to tensors[1] */
    dnnl_primitive_attr_t attr; /* owned, made by who reads the recipe */
    uint32_t ntensors;
    onednn_tensor tensors[ONEDNN_MAX_TENSORS];
    int added; /* the input that dst holds before the primitive adds to it, or -1 */
} onednn_recipe;

typedef struct onednn_kind {
    uint32_t flags;          /* the SHUNT_FLAG_* it knows */
    uint32_t inplace_inputs; /* as in shunt_op_info, without RESIDUAL */
    /* One of the two, or a loop behind a primitive. free: oneDNN chooses the layouts of activations, too. */
    shunt_status (*recipe)(const shunt_op_desc *desc, bool free, onednn_recipe *out);
    void (*loop)(const shunt_op_desc *desc, const float *const *inputs, float *const *outputs);
    shunt_status (*check)(
        const shunt_op_desc *desc); /* of a loop, what it needs to be safe; oneDNN checks the others */
} onednn_kind;

/* conv.c ... one file per group of ops; NULL in the table where there is no such op (kinds.c). */
extern const onednn_kind onednn_conv, onednn_linear, onednn_avg_pool, onednn_reorder, onednn_max_pool,
    onednn_global_pool, onednn_relu, onednn_add, onednn_batch_norm, onednn_softmax, onednn_shortcut,
    onednn_conv_grad_src, onednn_conv_grad_weights, onednn_linear_grad_src, onednn_linear_grad_weights,
    onednn_batch_statistics, onednn_batch_norm_grad, onednn_max_pool_grad, onednn_avg_pool_grad,
    onednn_global_pool_grad, onednn_relu_grad, onednn_shortcut_grad, onednn_cross_entropy, onednn_sgd,
    onednn_moving_average, onednn_sigmoid, onednn_sigmoid_grad, onednn_mul, onednn_reduce_sum, onednn_count_nonfinite,
    onednn_shrink, onednn_sum_squares, onednn_accumulate;
/* NULL with a message if there is none for this descriptor. */
const onednn_kind *onednn_find_kind(const shunt_op_desc *desc);

/* device.c: while oneDNN or a loop works for a device, this thread's OpenMP teams have the device's size. */
int onednn_enter(const onednn_device *device);
void onednn_leave(int before);
shunt_status onednn_device_open(uint32_t index, const char *params, shunt_bdevice **out);

/* queue.c, op.c: the table's functions. */
shunt_status onednn_queue_create(shunt_bdevice *device, int profiling, shunt_bqueue **out);
void onednn_queue_destroy(shunt_bdevice *device, shunt_bqueue *queue);
shunt_status onednn_queue_flush(shunt_bqueue *queue);
shunt_status onednn_queue_finish(shunt_bqueue *queue);
shunt_status onednn_write(shunt_bqueue *queue, shunt_arg dst, const void *src, uint64_t bytes, shunt_bevent **event);
shunt_status onednn_read(shunt_bqueue *queue, void *dst, shunt_arg src, uint64_t bytes, shunt_bevent **event);
shunt_status onednn_copy(shunt_bqueue *queue, shunt_arg dst, shunt_arg src, uint64_t bytes, shunt_bevent **event);
shunt_status onednn_fill(shunt_bqueue *queue, shunt_arg dst, uint32_t word, uint64_t bytes, shunt_bevent **event);
shunt_status onednn_queue_wait(shunt_bqueue *queue, shunt_bevent *event);
shunt_status onednn_event_wait(shunt_bevent *event);
shunt_status onednn_event_time(shunt_bevent *event, uint64_t *start, uint64_t *end);
void onednn_event_release(shunt_bevent *event);
shunt_status onednn_op_query(shunt_bdevice *device, const shunt_op_desc *desc, shunt_op_candidates *out);
shunt_status onednn_op_prepare(shunt_bdevice *device, const shunt_op_desc *desc, const shunt_prepare_options *options,
                               shunt_bop **out);
shunt_status onednn_op_info(const shunt_bop *op, shunt_op_info *info);
shunt_status onednn_op_pack(shunt_bop *op, shunt_bqueue *queue, uint32_t input, shunt_arg src, shunt_arg dst);
shunt_status onednn_op_launch(shunt_bop *op, shunt_bqueue *queue, const shunt_arg *inputs, const shunt_arg *outputs,
                              shunt_arg workspace, shunt_bevent **event);
void onednn_op_destroy(shunt_bop *op);

/* The event of a command that began at `start`; *event where one is wanted. */
uint64_t onednn_now(void);
shunt_status onednn_event_make(uint64_t start, shunt_bevent **event);
/* The host memory of `bytes` bytes at arg. what: "src", "input 1" ... */
shunt_status onednn_resolve(shunt_arg arg, uint64_t bytes, const char *what, unsigned char **out);

/* memory.c: the channel block that oneDNN works best on here; a tensor in oneDNN's terms, and with the layout left open;
 * and the name of a layout, such as "ABcd16b16a". */
uint32_t onednn_block(void);
shunt_status onednn_describe(const shunt_tensor_desc *tensor, dnnl_memory_desc_t *out);
shunt_status onednn_describe_open(const shunt_tensor_desc *tensor, dnnl_memory_desc_t *out);
void onednn_format_name(const dnnl_memory_desc_t *md, char name[SHUNT_PARAMS_CHARS]);
/* Appends a tensor to the recipe. */
shunt_status onednn_bind(onednn_recipe *recipe, int arg, const shunt_op_desc *desc, bool output, uint32_t index);
/* The ReLU that follows the op in the same pass. */
shunt_status onednn_append_relu(dnnl_post_ops_t post_ops);

/* error.c: sets this thread's message and returns status. */
shunt_status onednn_fail(shunt_status status, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* SHUNT_OK, or the failure of oneDNN's function `what`. */
shunt_status onednn_check(dnnl_status_t status, const char *what);
const char *onednn_last_error(void);

#endif
