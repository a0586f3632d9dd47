/* backend.h - the whole contract between the Shunt runtime and a backend plugin.
 *
 * A plugin is a shared object that exports one symbol, shunt_backend_entry(). It includes this header,
 * links nothing of Shunt's, and is never unloaded. What it needs from the process (options, log, disk
 * cache) comes through the shunt_host table that it is given.
 *
 * Growth: a struct that begins with `size` may grow at its end, and only there. Fields are never moved, removed or given
 * a new meaning. `size` is set by the side that owns the memory, and says which fields that memory has. The other side
 * may have an older or a newer header, so it never assigns such a struct as a whole: it copies with shunt_struct_copy(),
 * or reads and writes fields of ABI 1.0 in place. The runtime fills what it gives with zeros first, so a field that an older
 * plugin does not know stays 0. A pointer beyond the other side's size counts as NULL. All other structs never change.
 * A change that cannot be made like this raises SHUNT_ABI_MAJOR.
 *
 * Threads: unless a function says otherwise it may be called from any thread at any time; one queue, one op and
 * one buffer are used by one thread at a time, which the runtime sees to. Queues, ops and buffers of one device, and
 * devices of one driver, are used by several threads at once. Where a driver or library cannot do that, the plugin
 * locks: neither the runtime nor an application knows of it.
 * Errors: a function that returns shunt_status and fails has changed nothing, and has left a message for
 * shunt_backend.last_error() on the calling thread. A plugin never prints, exits, aborts or calls getenv, and
 * lets no C++ exception out.
 * Names are the field's: src, weights, bias, dst; N C H W for activations, K C R S for weights, P Q for the
 * spatial size of a result.
 */
#ifndef SHUNT_BACKEND_H
#define SHUNT_BACKEND_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SHUNT_ABI_MAJOR 1
#define SHUNT_ABI_MINOR 0

typedef enum shunt_status {
    SHUNT_OK = 0,
    SHUNT_E_INVALID,     /* the caller's argument, or what a file holds, is wrong */
    SHUNT_E_UNSUPPORTED, /* well formed, but not something this build or device does */
    SHUNT_E_NOT_FOUND,   /* no such file, device, model, tensor or cache entry */
    SHUNT_E_MEMORY,      /* host or device memory refused */
    SHUNT_E_IO,          /* reading or writing failed */
    SHUNT_E_DEVICE,      /* a driver or library call failed */
    SHUNT_E_ABI          /* a plugin does not fit this runtime */
} shunt_status;

/* ---- Tensors ------------------------------------------------------------------------------------------- */

/* Those from SHUNT_F16 on stand in weight files only: no op has to take them. */
typedef enum shunt_dtype {
    SHUNT_F32 = 1,
    SHUNT_F64 = 2,
    SHUNT_I32 = 3,
    SHUNT_F16 = 4,  /* IEEE binary16 */
    SHUNT_BF16 = 5, /* the upper half of a float32 */
    SHUNT_I64 = 6,
    SHUNT_I16 = 7,
    SHUNT_I8 = 8,
    SHUNT_U8 = 9,
    SHUNT_BOOL = 10 /* a byte, 0 or 1 */
} shunt_dtype;

enum { SHUNT_MAX_RANK = 6 };

/* Layout of a rank-4 activation is one number, the channel block b: element (n, c, h, w) of N C H W lies at
 *     ((n * ceil(C / b) + c / b) * H * W + h * W + w) * b + c % b
 * so b = 1 is NCHW, and a b that divides nothing but covers all channels is NHWC, written SHUNT_CHANNELS_LAST
 * (b = C). With 1 < b the last block may have lanes past C: they hold zero, and every op that writes a blocked
 * tensor writes them as zero. All other tensors (weights, vectors, matrices) are plain row-major: b = 1. */
enum { SHUNT_PLAIN = 1, SHUNT_CHANNELS_LAST = 0 };

typedef struct shunt_tensor_desc {
    uint8_t dtype;  /* enum shunt_dtype */
    uint8_t rank;   /* 0 .. SHUNT_MAX_RANK; 0: a scalar */
    uint16_t block; /* channel block, see above */
    uint32_t reserved;
    int64_t dims[SHUNT_MAX_RANK]; /* outermost first; dims past rank are 0 */
} shunt_tensor_desc;

/* ---- Operations ----------------------------------------------------------------------------------------- */

/* Inputs and outputs by kind, in this order; [x] is there only with the flag named after it.
 *   CONV         src (N,C,H,W), weights (K,C/groups,R,S), [bias (K): BIAS], [residual, like dst: RESIDUAL]
 *                -> dst (N,K,P,Q) = act(conv(src, weights) + bias + residual), act = ReLU with flag RELU
 *   LINEAR       src (N,C), weights (K,C), [bias (K): BIAS] -> dst (N,K), RELU as above
 *   BATCH_NORM   src (N,C,...), scale (C), shift (C), mean (C), variance (C), [residual, like dst: RESIDUAL]
 *                -> dst = (src - mean) / sqrt(variance + epsilon) * scale + shift + residual, RELU as above (inference form)
 *   RELU         src -> dst = max(src, 0); NaN stays NaN
 *   ADD          a, b of one shape -> dst = a + b, RELU as above
 *   MAX_POOL     src (N,C,H,W) -> dst (N,C,P,Q); padding counts as -infinity; NaN wins
 *   AVG_POOL     src (N,C,H,W) -> dst (N,C,P,Q); divisor: the window's elements inside src, or all of them with
 *                pool.count_padding
 *   GLOBAL_POOL  src (N,C,H,W) -> dst (N,C), plain: the mean over H and W
 *   SOFTMAX      src (N,C) -> dst (N,C), over C, computed as exp(x - max) / sum
 *   SHORTCUT     src (N,C,H,W) -> dst (N,K,P,Q): the paper's option A: every stride-th row and column, and
 *                shortcut.lead zero channels before, K - C - lead after
 *   REORDER      src -> dst of the same dims, another block
 *
 * For training; diff_x is the gradient of the loss by x. Floats are never added atomically: a device gives the same bits in
 * every run. In the batch's own batch norm the statistics come first, then BATCH_NORM as above with them.
 *   BATCH_STATISTICS    src (N,C,...) -> mean (C), variance (C) over all but C; the variance divides by their number
 *   BATCH_NORM_GRAD     src, scale (C), shift (C), mean (C), variance (C): BATCH_STATISTICS of src, diff_dst like src
 *                       -> diff_src, diff_scale (C), diff_shift (C), through the statistics, too; with RELU diff_dst counts
 *                       only where BATCH_NORM's dst, computed again, is above 0
 *   RELU_GRAD           dst, diff_dst -> diff_src = diff_dst where dst > 0, else 0
 *   CONV_GRAD_SRC       weights, diff_dst, [residual, like diff_src: RESIDUAL], [mask, like diff_src: RELU]
 *                       -> diff_src (+ residual), 0 where mask is not above 0
 *   CONV_GRAD_WEIGHTS   src, diff_dst -> diff_weights, [diff_bias (K): BIAS]
 *   LINEAR_GRAD_SRC     weights, diff_dst -> diff_src
 *   LINEAR_GRAD_WEIGHTS src, diff_dst -> diff_weights, [diff_bias (K): BIAS]
 *   MAX_POOL_GRAD       src, diff_dst -> diff_src; of equal maxima the first, row by row, takes it all
 *   AVG_POOL_GRAD       diff_dst -> diff_src
 *   GLOBAL_POOL_GRAD    diff_dst (N,C) -> diff_src (N,C,H,W)
 *   SHORTCUT_GRAD       diff_dst -> diff_src
 *   CROSS_ENTROPY       logits (N,C), labels (N): class numbers -> losses (N) = -sum over c of t log(softmax(logits)), diff_logits
 *                       (N,C) = (softmax(logits) - t) / N, where t = 1 - smoothing at the label and smoothing / C added to all
 *   SGD                 weights, velocity, diff, all of one shape, rate (1) -> weights, velocity:
 *                       g = diff + weight_decay * weights;  velocity = momentum * velocity + g;
 *                       weights -= rate * velocity, or with NESTEROV rate * (g + momentum * velocity)
 *   MOVING_AVERAGE      average, sample -> average + rate * (scale * sample - average)
 * The last two work in place: output i is given the very memory of input i.
 * Blocked may be what stands for an activation or its gradient: src, dst, residual, mask, diff_src, diff_dst, not weights
 * and diff_weights, nor anything of SGD and MOVING_AVERAGE (shunt_op_plain_inputs, shunt_op_plain_outputs).
 *
 * For graphs that come from elsewhere:
 *   TRANSPOSE    src -> dst; axis i of dst is axis transpose.axes[i] of src
 *   RESHAPE      src -> dst of reshape.rank, the same elements in row-major order; reshape.dims[i]: a size, 0: that of
 *                src's axis i, -1: what is left over
 *   CONCAT       a, b, alike but in axis concat.axis -> dst: b after a along that axis
 *   PAD          src -> dst: axis i is pad.before[i] longer at its start and pad.after[i] at its end (shorter, where they are
 *                negative); pad.mode says what stands there
 *   CLIP         src -> dst = min(max(src, clip.low), clip.high); NaN stays NaN
 *   LOG_SOFTMAX  src (N,C) -> dst (N,C) = src - max - log(sum over C of exp(src - max))
 *   MATMUL       a (B,M,K), b (B,K,N) -> dst (B,M,N); B may be 1 in one of them, which then serves all
 * ADD with BROADCAST: a, b of one rank; where one has an axis of 1 it is repeated. A pool with DILATED: pool.dilation counts,
 * which is 1 without it.
 * Kinds are only ever appended; a backend refuses those it does not know. */
typedef enum shunt_op_kind {
    SHUNT_OP_CONV = 1,
    SHUNT_OP_LINEAR,
    SHUNT_OP_BATCH_NORM,
    SHUNT_OP_RELU,
    SHUNT_OP_ADD,
    SHUNT_OP_MAX_POOL,
    SHUNT_OP_AVG_POOL,
    SHUNT_OP_GLOBAL_POOL,
    SHUNT_OP_SOFTMAX,
    SHUNT_OP_SHORTCUT,
    SHUNT_OP_REORDER,
    SHUNT_OP_BATCH_STATISTICS,
    SHUNT_OP_BATCH_NORM_GRAD,
    SHUNT_OP_RELU_GRAD,
    SHUNT_OP_CONV_GRAD_SRC,
    SHUNT_OP_CONV_GRAD_WEIGHTS,
    SHUNT_OP_LINEAR_GRAD_SRC,
    SHUNT_OP_LINEAR_GRAD_WEIGHTS,
    SHUNT_OP_MAX_POOL_GRAD,
    SHUNT_OP_AVG_POOL_GRAD,
    SHUNT_OP_GLOBAL_POOL_GRAD,
    SHUNT_OP_SHORTCUT_GRAD,
    SHUNT_OP_CROSS_ENTROPY,
    SHUNT_OP_SGD,
    SHUNT_OP_MOVING_AVERAGE,
    SHUNT_OP_TRANSPOSE,
    SHUNT_OP_RESHAPE,
    SHUNT_OP_CONCAT,
    SHUNT_OP_PAD,
    SHUNT_OP_CLIP,
    SHUNT_OP_LOG_SOFTMAX,
    SHUNT_OP_MATMUL,
    SHUNT_OP_KINDS /* one past the last */
} shunt_op_kind;

enum { /* shunt_op_desc.flags; a backend refuses flags that it does not know */
       SHUNT_FLAG_BIAS = 1u << 0,
       SHUNT_FLAG_RESIDUAL = 1u << 1,
       SHUNT_FLAG_RELU = 1u << 2,
       SHUNT_FLAG_NESTEROV = 1u << 3,
       SHUNT_FLAG_BROADCAST = 1u << 4,
       SHUNT_FLAG_DILATED = 1u << 5
};

/* Index 0 is the vertical direction, 1 the horizontal one.
 * P = (H + pad_before[0] + pad_after[0] - (dilation[0] * (R - 1) + 1)) / stride[0] + 1, Q likewise. */
typedef struct shunt_conv_attr {
    int32_t stride[2], dilation[2], pad_before[2], pad_after[2], groups;
} shunt_conv_attr;

typedef struct shunt_pool_attr {
    int32_t window[2], stride[2], pad_before[2], pad_after[2], count_padding;
    int32_t dilation[2]; /* with DILATED; else 0 */
} shunt_pool_attr;

typedef struct shunt_batch_norm_attr {
    float epsilon;
} shunt_batch_norm_attr;

typedef struct shunt_shortcut_attr {
    int32_t stride, lead;
} shunt_shortcut_attr;

typedef struct shunt_cross_entropy_attr {
    float smoothing; /* 0 .. 1 */
} shunt_cross_entropy_attr;

typedef struct shunt_sgd_attr {
    float momentum, weight_decay;
} shunt_sgd_attr;

typedef struct shunt_moving_average_attr {
    float rate, scale;
} shunt_moving_average_attr;

typedef struct shunt_transpose_attr {
    int32_t axes[SHUNT_MAX_RANK];
} shunt_transpose_attr;

typedef struct shunt_reshape_attr {
    int32_t rank, dims[SHUNT_MAX_RANK];
} shunt_reshape_attr;

typedef struct shunt_concat_attr {
    int32_t axis;
} shunt_concat_attr;

enum { SHUNT_PAD_CONSTANT, SHUNT_PAD_REFLECT, SHUNT_PAD_EDGE }; /* value; mirrored without its edge; the edge repeated */

typedef struct shunt_pad_attr {
    int32_t mode;
    float value;
    int32_t before[SHUNT_MAX_RANK], after[SHUNT_MAX_RANK];
} shunt_pad_attr;

typedef struct shunt_clip_attr {
    float low, high;
} shunt_clip_attr;

/* A gradient has the attributes of the op that it belongs to. */
typedef union shunt_op_attr {
    shunt_conv_attr conv;
    shunt_pool_attr pool;
    shunt_batch_norm_attr batch_norm;
    shunt_shortcut_attr shortcut;
    shunt_cross_entropy_attr cross_entropy;
    shunt_sgd_attr sgd;
    shunt_moving_average_attr moving_average;
    shunt_transpose_attr transpose;
    shunt_reshape_attr reshape;
    shunt_concat_attr concat;
    shunt_pad_attr pad;
    shunt_clip_attr clip;
    int32_t words[24];
} shunt_op_attr;

enum { SHUNT_MAX_INPUTS = 8, SHUNT_MAX_OUTPUTS = 4 };

/* Plain old data without pointers, zero-filled where unused: its bytes are part of tuning and cache keys. */
typedef struct shunt_op_desc {
    uint32_t kind, flags;
    uint32_t ninputs, noutputs;
    uint32_t constant_inputs; /* bit i: input i never changes, so the op may have it packed once by op_pack */
    uint32_t reserved;
    shunt_tensor_desc inputs[SHUNT_MAX_INPUTS], outputs[SHUNT_MAX_OUTPUTS];
    shunt_op_attr attr;
} shunt_op_desc;

enum { SHUNT_ALGORITHM_CHARS = 24, SHUNT_PARAMS_CHARS = 40, SHUNT_REASON_CHARS = 128, SHUNT_MAX_CANDIDATES = 32 };

/* One way to compute an op. reason is empty for a usable candidate, or says why this algorithm refuses. */
typedef struct shunt_candidate {
    char algorithm[SHUNT_ALGORITHM_CHARS]; /* "direct", "gemm", "winograd4" ... */
    char params[SHUNT_PARAMS_CHARS];       /* its tuning parameters, "m=6 n=2"; may be empty */
    char reason[SHUNT_REASON_CHARS];
} shunt_candidate;

typedef struct shunt_op_candidates {
    uint32_t size;
    uint32_t count;                                   /* how many of the entries are filled */
    shunt_candidate list[SHUNT_MAX_CANDIDATES];       /* usable ones first, best guess first; then refused ones */
} shunt_op_candidates;

typedef struct shunt_prepare_options {
    uint32_t size;
    const char *algorithm; /* one that op_query listed; NULL: the best guess */
    const char *params;    /* its parameters; NULL: the best guess */
    uint64_t memory_limit; /* most workspace bytes allowed; 0: no limit */
} shunt_prepare_options;

typedef struct shunt_op_info {
    uint32_t size;
    uint32_t inplace_inputs; /* bit i: dst may be the very memory of input i */
    char algorithm[SHUNT_ALGORITHM_CHARS], params[SHUNT_PARAMS_CHARS];
    uint64_t workspace;      /* bytes of SCRATCH memory that op_launch needs */
    uint64_t flops, bytes;   /* arithmetic done (2 per multiply-add), least memory traffic */
    uint64_t packed_bytes[SHUNT_MAX_INPUTS]; /* 0: input i is used as it is */
    char packed_format[SHUNT_PARAMS_CHARS];  /* names the packing: ops that agree in format, bytes and the
                                                desc of the input may share one packed copy */
} shunt_op_info;

/* ---- Host services (runtime -> plugin) ------------------------------------------------------------------- */

enum { SHUNT_LOG_ERROR, SHUNT_LOG_WARN, SHUNT_LOG_INFO, SHUNT_LOG_DEBUG };

/* Lives as long as the process. Every function may be called from any thread. */
typedef struct shunt_host {
    uint32_t size;
    uint16_t abi_major, abi_minor;
    void (*log)(int level, const char *message); /* one line, no newline */
    /* Value of the user's option KEY ("SHUNT_" + upper case KEY in the environment), or NULL. Lives on. */
    const char *(*option)(const char *key);
    /* The disk cache. Keys are bytes of any length; ns keeps users apart ("opencl-program"). get returns
     * SHUNT_E_NOT_FOUND for what is absent or damaged; the blob is freed with cache_free. put replaces
     * atomically; its failure costs speed, never a result. */
    shunt_status (*cache_get)(const char *ns, const void *key, size_t nkey, void **blob, size_t *nblob);
    shunt_status (*cache_put)(const char *ns, const void *key, size_t nkey, const void *blob, size_t nblob);
    void (*cache_free)(void *blob);
} shunt_host;

/* ---- Devices (plugin -> runtime) --------------------------------------------------------------------------- */

typedef enum shunt_device_type { SHUNT_DEVICE_CPU = 1, SHUNT_DEVICE_GPU, SHUNT_DEVICE_OTHER } shunt_device_type;

enum { /* shunt_device_info.caps */
       SHUNT_CAP_HOST_MEMORY = 1u << 0 /* buffer_map returns the memory itself, at no cost */
};

typedef struct shunt_device_info {
    uint32_t size;
    uint32_t type; /* enum shunt_device_type */
    char name[128], vendor[64], platform[128];
    char driver[128]; /* version of driver and compiler: with name and platform, the key of cached results */
    int32_t score;    /* for SHUNT_DEVICE=auto, the highest wins: scalar has 10; a CPU driver 100, a GPU 1000 */
    uint32_t caps;
    uint64_t memory;    /* bytes in all */
    uint64_t max_alloc; /* bytes of the largest buffer */
    uint32_t alignment; /* of offsets in op arguments, in bytes, a power of two */
    uint32_t block;     /* the activation layout that this device wants */
} shunt_device_info;

typedef struct shunt_device_ops shunt_device_ops;

/* A plugin's own structs start with these, so the runtime can reach the table and knows nothing else. */
typedef struct shunt_bdevice {
    const shunt_device_ops *ops;
} shunt_bdevice;
typedef struct shunt_bbuffer shunt_bbuffer;
typedef struct shunt_bqueue shunt_bqueue;
typedef struct shunt_bevent shunt_bevent;
typedef struct shunt_bop shunt_bop;

enum { /* buffer usage, for placement; one or more */
       SHUNT_USE_WEIGHTS = 1u << 0,
       SHUNT_USE_ACTIVATION = 1u << 1,
       SHUNT_USE_SCRATCH = 1u << 2,
       SHUNT_USE_STAGING = 1u << 3
};

/* Where an argument lies. offset is in bytes, a multiple of device_info.alignment. */
typedef struct shunt_arg {
    shunt_bbuffer *buffer; /* NULL: absent (a workspace of 0 bytes) */
    uint64_t offset;
} shunt_arg;

/* "[opt]" marks a pointer that may be NULL, with what the runtime then does. A queue runs its commands in the order
 * they were given (or as if). Commands return before they are done; `event`, where not NULL, receives an event to be
 * given back by event_release. Memory named in a command must stay valid until the command is done. */
struct shunt_device_ops {
    uint32_t size;

    /* Frees the device. All that was made from it has been freed before. */
    void (*close)(shunt_bdevice *device);

    /* A buffer of `bytes` > 0 bytes, contents undefined. buffer_free(NULL) does nothing. */
    shunt_status (*buffer_alloc)(shunt_bdevice *device, uint64_t bytes, uint32_t usage, shunt_bbuffer **out);
    void (*buffer_free)(shunt_bdevice *device, shunt_bbuffer *buffer);
    /* [opt: read and write are used] The buffer's memory as a host pointer, until buffer_unmap. With
     * SHUNT_CAP_HOST_MEMORY a buffer may stay mapped while ops run; else no op may use it meanwhile. */
    shunt_status (*buffer_map)(shunt_bdevice *device, shunt_bbuffer *buffer, void **host);
    void (*buffer_unmap)(shunt_bdevice *device, shunt_bbuffer *buffer);

    /* profiling != 0: the queue's events can tell their times. */
    shunt_status (*queue_create)(shunt_bdevice *device, int profiling, shunt_bqueue **out);
    void (*queue_destroy)(shunt_bdevice *device, shunt_bqueue *queue);
    /* Starts what was given so far, without waiting. */
    shunt_status (*queue_flush)(shunt_bqueue *queue);
    /* Waits until all is done; reports the first failure of any command since the last finish. */
    shunt_status (*queue_finish)(shunt_bqueue *queue);

    /* src may lie at any address: weights come from where a mapped file has them. */
    shunt_status (*write)(shunt_bqueue *queue, shunt_arg dst, const void *src, uint64_t bytes, shunt_bevent **event);
    shunt_status (*read)(shunt_bqueue *queue, void *dst, shunt_arg src, uint64_t bytes, shunt_bevent **event);
    shunt_status (*copy)(shunt_bqueue *queue, shunt_arg dst, shunt_arg src, uint64_t bytes, shunt_bevent **event);
    /* Every 4-byte word of the range becomes `word`; bytes is a multiple of 4. */
    shunt_status (*fill)(shunt_bqueue *queue, shunt_arg dst, uint32_t word, uint64_t bytes, shunt_bevent **event);

    /* The queue goes on only after the event, which may be another queue's of this device. */
    shunt_status (*queue_wait)(shunt_bqueue *queue, shunt_bevent *event);
    shunt_status (*event_wait)(shunt_bevent *event);
    /* [opt: no times are shown] Start and end in nanoseconds of a clock of the device's. The event is done. */
    shunt_status (*event_time)(shunt_bevent *event, uint64_t *start, uint64_t *end);
    void (*event_release)(shunt_bevent *event);

    /* Candidates for an op, usable ones first. Cheap: compiles nothing. SHUNT_E_UNSUPPORTED when there is no usable
     * one; the first entry's reason then says why. out->size is set by the caller. */
    shunt_status (*op_query)(shunt_bdevice *device, const shunt_op_desc *desc, shunt_op_candidates *out);
    /* Makes the op ready: compiles, chooses, allocates what must live as long as it. May take seconds. */
    shunt_status (*op_prepare)(shunt_bdevice *device, const shunt_op_desc *desc, const shunt_prepare_options *options,
                               shunt_bop **out);
    /* info->size is set by the caller. */
    shunt_status (*op_info)(const shunt_bop *op, shunt_op_info *info);
    /* [opt: no op has packed_bytes] Puts constant input `input`, plain at src, into the op's own format at dst. */
    shunt_status (*op_pack)(shunt_bop *op, shunt_bqueue *queue, uint32_t input, shunt_arg src, shunt_arg dst);
    /* Runs the op. inputs[i] is packed where op_info says packed_bytes[i] > 0. workspace holds info.workspace bytes.
     * Allocates nothing and compiles nothing. */
    shunt_status (*op_launch)(shunt_bop *op, shunt_bqueue *queue, const shunt_arg *inputs, const shunt_arg *outputs,
                              shunt_arg workspace, shunt_bevent **event);
    void (*op_destroy)(shunt_bop *op);

    /* [opt: not known] What the device can do at best, measured now in about a second: multiply-adds on registers (two
     * operations each), and the copy of a buffer much larger than the caches (bytes read and bytes written). */
    shunt_status (*measure)(shunt_bdevice *device, double *flops_per_second, double *bytes_per_second);
};

typedef struct shunt_backend {
    uint32_t size;
    uint16_t abi_major, abi_minor;
    const char *name;    /* what SHUNT_DEVICE names: [a-z0-9_-]+, at most 31 characters, not "auto" */
    const char *version; /* free text */

    /* How many devices there are. Cheap: makes no context, compiles nothing. 0 devices is no error. */
    shunt_status (*probe)(uint32_t *ndevices);
    /* out->size is set by the caller. The order of devices is stable within a process. */
    shunt_status (*device_info)(uint32_t index, shunt_device_info *out);
    /* params: "key=value,..." or NULL; unknown keys are refused. Known to all: threads=N (CPU devices). */
    shunt_status (*device_open)(uint32_t index, const char *params, shunt_bdevice **out);
    /* Message of the last failed call of this plugin on this thread; never NULL. Valid until its next call. */
    const char *(*last_error)(void);
    /* [opt: none] A function outside this ABI by name, or NULL. */
    void *(*extension)(const char *name);
    /* [opt: nothing] Process end, all devices closed: releases what the driver and its libraries hold. */
    void (*shutdown)(void);
} shunt_backend;

/* The one symbol that a plugin exports. Returns a table that lives as long as the process, or NULL when the host does
 * not suit it. Runs no driver code. */
const shunt_backend *shunt_backend_entry(const shunt_host *host);
typedef const shunt_backend *(*shunt_backend_entry_fn)(const shunt_host *host);

/* ---- Copying a struct that may have grown ------------------------------------------------------------------------ */

/* Copies *src to *dst. Both begin with a uint32_t `size`, set by the owner of each, of at least sizeof(uint32_t); they are
 * the same struct by headers that may differ in age. What both have is copied, what only dst has becomes 0, and
 * dst->size stays. Nothing is written past dst->size, nothing is read past src->size. */
static inline void shunt_struct_copy(void *dst, const void *src)
{
    uint32_t room, given;
    memcpy(&room, dst, sizeof room);
    memcpy(&given, src, sizeof given);
    uint32_t both = room < given ? room : given;
    if (both < sizeof room) both = sizeof room;
    memcpy((char *)dst + sizeof room, (const char *)src + sizeof room, both - sizeof room);
    if (room > both) memset((char *)dst + both, 0, room - both);
}

/* ---- Arithmetic on descriptors, for both sides ------------------------------------------------------------------ */

static inline uint64_t shunt_dtype_bytes(uint8_t dtype)
{
    static const uint8_t bytes[] = {0, 4, 8, 4, 2, 2, 8, 2, 1, 1, 1};
    return dtype < sizeof bytes ? bytes[dtype] : 0;
}

/* The product of the dims: what the tensor holds for the mathematician. */
static inline uint64_t shunt_tensor_count(const shunt_tensor_desc *t)
{
    uint64_t count = 1;
    for (uint32_t i = 0; i < t->rank; i++) count *= (uint64_t)t->dims[i];
    return count;
}

/* Channels per block: SHUNT_CHANNELS_LAST stands for all of them. Rank 4 only. */
static inline int64_t shunt_tensor_block(const shunt_tensor_desc *t)
{
    return t->block == SHUNT_CHANNELS_LAST ? t->dims[1] : t->block;
}

/* Elements in memory, the zero lanes of a last block included. */
static inline uint64_t shunt_tensor_storage(const shunt_tensor_desc *t)
{
    if (t->rank != 4 || t->block <= 1) return shunt_tensor_count(t);
    uint64_t blocks = ((uint64_t)t->dims[1] + t->block - 1) / t->block;
    return (uint64_t)t->dims[0] * blocks * t->block * (uint64_t)t->dims[2] * (uint64_t)t->dims[3];
}

static inline uint64_t shunt_tensor_bytes(const shunt_tensor_desc *t)
{
    return shunt_tensor_storage(t) * shunt_dtype_bytes(t->dtype);
}

/* Index of element (n, c, h, w) of a rank-4 tensor. */
static inline uint64_t shunt_tensor_at(const shunt_tensor_desc *t, int64_t n, int64_t c, int64_t h, int64_t w)
{
    int64_t b = shunt_tensor_block(t), blocks = (t->dims[1] + b - 1) / b;
    return (uint64_t)(((n * blocks + c / b) * t->dims[2] * t->dims[3] + h * t->dims[3] + w) * b + c % b);
}

/* Bit i: input (output) i of this kind is plain in every layout of the activations. */
static inline uint32_t shunt_op_plain_inputs(uint32_t kind)
{
    switch (kind) {
    case SHUNT_OP_CONV:
        return 1u << 1;
    case SHUNT_OP_CONV_GRAD_SRC:
        return 1u << 0;
    case SHUNT_OP_SGD:
    case SHUNT_OP_MOVING_AVERAGE:
        return ~0u;
    default:
        return 0;
    }
}

static inline uint32_t shunt_op_plain_outputs(uint32_t kind)
{
    return kind == SHUNT_OP_CONV_GRAD_WEIGHTS || kind == SHUNT_OP_SGD || kind == SHUNT_OP_MOVING_AVERAGE ? ~0u : 0;
}

#ifdef __cplusplus
}
#endif
#endif
