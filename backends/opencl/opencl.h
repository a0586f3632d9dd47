/* opencl.h - what the files of the OpenCL plugin share. Names start with ocl_.
 *
 * platform.c finds devices, device.c opens them, program.c compiles kernels, cached.c keeps what was compiled, op.c holds the table of
 * algorithms; each algorithm has a host file here and a kernel file of the same name in kernels-cl/.
 */
#ifndef SHUNT_OPENCL_H
#define SHUNT_OPENCL_H

#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>
#include <pthread.h>
#include <shunt/backend.h>
#include <stdbool.h>

/* ---- Services and errors (entry.c, error.c) ------------------------------------------------------------------- */

extern const shunt_host *ocl_host;

void ocl_log(int level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Sets this thread's message and returns status. */
shunt_status ocl_fail(shunt_status status, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Puts "CONTEXT: " before this thread's message and returns status. */
shunt_status ocl_fail_context(shunt_status status, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The status for an OpenCL call that returned `code`; the message is "CALL: NAME OF CODE". */
shunt_status ocl_failed(const char *call, cl_int code);
shunt_status ocl_fail_memory(void);
const char *ocl_code_name(cl_int code);
const char *ocl_last_error(void);

/* ---- Devices there are (platform.c) ------------------------------------------------------------------------------ */

/* What the code asks of a device, read once. */
typedef struct ocl_limits {
    cl_uint units;       /* compute units: what runs a work-group */
    cl_uint float_width; /* native vector width */
    size_t group;        /* most work-items of a work-group, also along its first dimension */
    uint64_t local;      /* bytes of local memory of a work-group */
    bool doubles;        /* it computes in float64 */
} ocl_limits;

/* What multiplies small matrices of bfloat16 (kernels-cl/matrix.cl): nothing but vectors; the dot products of AVX512_BF16; the tile
 * registers of x86. */
typedef enum ocl_matrix { OCL_MATRIX_PLAIN, OCL_MATRIX_AVX512_BF16, OCL_MATRIX_AMX } ocl_matrix;

/* How a GPU's matrix units are reached (kernels-cl/wave.cl): mma.sync with an inner dimension of 16, or of 8 before sm_80; WMMA of
 * gfx11; dpas by 8 or by 16 lanes. */
typedef enum ocl_wave {
    OCL_WAVE_NONE,
    OCL_WAVE_NVIDIA,
    OCL_WAVE_NVIDIA8,
    OCL_WAVE_AMD,
    OCL_WAVE_INTEL8,
    OCL_WAVE_INTEL16,
    OCL_NWAVES
} ocl_wave;

typedef struct ocl_found {
    cl_platform_id platform;
    cl_device_id id;
    shunt_device_info info;
    ocl_limits limits;
    ocl_matrix matrix;
    ocl_wave wave_f16, wave_bf16; /* by the type of data */
} ocl_found;

/* All usable devices of all platforms, looked for once in the process. */
shunt_status ocl_find_devices(const ocl_found **found, uint32_t *count);
/* The same about a device of the application, which may be a part of one (a sub-device). */
shunt_status ocl_describe_device(cl_device_id id, ocl_found *out);

/* ---- An open device (device.c, program.c) ------------------------------------------------------------------------ */

typedef struct ocl_kernel {
    const char *name;
    uint32_t
        data; /* bit i: tensor i is of the type `real` (kernels-cl/common.cl); all others have elements of four bytes */
} ocl_kernel;

/* A kernel file, its includes expanded (made by kernels-cl/embed.py). */
typedef struct ocl_source {
    const char *name, *text;
    const ocl_kernel *kernels;
    uint32_t nkernels;
    const char *const *names, *const *macros; /* what it declares at file scope, and defines; each ends with NULL */
} ocl_source;

/* A program that has the kernels of a source. */
typedef struct ocl_built {
    cl_program program;
    char suffix[12]; /* behind the names of these kernels in there (bundle.h) */
    bool fresh;      /* no process before this one has run it, as far as the cache knows */
} ocl_built;

typedef struct ocl_program ocl_program;
typedef struct ocl_units ocl_units; /* bundle.h */

typedef struct ocl_device {
    shunt_bdevice base;
    ocl_found found; /* limits.units counts those of a sub-device */
    cl_device_id id; /* found.id, or a sub-device of it */
    cl_context context;
    cl_command_queue maps;   /* for buffer_map */
    cl_command_queue shared; /* the queue of all shunt_bqueues; NULL: each has one of its own */
    bool adopted;            /* `shared` is the application's, also for profiling */
    pthread_mutex_t lock;    /* of programs */
    ocl_program *programs;   /* one per source and options */
    ocl_units *foreseen; /* what steps would be made from, which then have no kernels (foresee.c); NULL: they have */
} ocl_device;

shunt_status ocl_device_open(uint32_t index, const char *params, shunt_bdevice **out);
/* A device on the application's queue. */
shunt_status ocl_device_open_on(cl_command_queue queue, const ocl_found *found, shunt_bdevice **out);

static inline bool ocl_is_cpu(const ocl_device *device)
{
    return device->found.info.type == SHUNT_DEVICE_CPU;
}

/* From the device's table, the disk cache or the compiler. It stays the device's. */
shunt_status ocl_program_get(ocl_device *device, const ocl_source *source, const char *options, const ocl_built **out);
/* Gets what will be asked for, and compiles together what no cache has. A failure shows when it is asked for. */
void ocl_programs_foresee(ocl_device *device, const ocl_units *units);
/* Puts what was compiled and not yet saved into the disk cache. */
void ocl_programs_save(ocl_device *device);
void ocl_programs_free(ocl_device *device);

/* ---- Buffers and queues (buffer.c, queue.c) ------------------------------------------------------------------------ */

struct shunt_bbuffer {
    cl_mem memory;
    uint64_t bytes;
    void *mapped; /* while mapped */
};

shunt_status ocl_buffer_alloc(shunt_bdevice *device, uint64_t bytes, uint32_t usage, shunt_bbuffer **out);
void ocl_buffer_free(shunt_bdevice *device, shunt_bbuffer *buffer);
shunt_status ocl_buffer_map(shunt_bdevice *device, shunt_bbuffer *buffer, void **host);
void ocl_buffer_unmap(shunt_bdevice *device, shunt_bbuffer *buffer);

/* From the first to the last command of what it stands for; they may be the same. */
struct shunt_bevent {
    cl_event first, last;
};

struct shunt_bqueue {
    ocl_device *device;
    cl_command_queue queue;  /* retained */
    shunt_bevent *recording; /* commands given meanwhile belong to this event; NULL: to none */
    cl_int failed;           /* what another queue's turn found when it finished this one (turn.c) */
};

shunt_status ocl_queue_create(shunt_bdevice *device, int profiling, shunt_bqueue **out);
void ocl_queue_destroy(shunt_bdevice *device, shunt_bqueue *queue);
/* Gives back one reference of ours; with the last one of a part of a device, once the driver is done with the queue. */
void ocl_queue_release(const ocl_device *device, cl_command_queue queue);
shunt_status ocl_queue_flush(shunt_bqueue *queue);
shunt_status ocl_queue_finish(shunt_bqueue *queue);
shunt_status ocl_write(shunt_bqueue *queue, shunt_arg dst, const void *src, uint64_t bytes, shunt_bevent **event);
shunt_status ocl_read(shunt_bqueue *queue, void *dst, shunt_arg src, uint64_t bytes, shunt_bevent **event);
shunt_status ocl_copy(shunt_bqueue *queue, shunt_arg dst, shunt_arg src, uint64_t bytes, shunt_bevent **event);
shunt_status ocl_fill(shunt_bqueue *queue, shunt_arg dst, uint32_t word, uint64_t bytes, shunt_bevent **event);
shunt_status ocl_queue_wait(shunt_bqueue *queue, shunt_bevent *event);
shunt_status ocl_event_wait(shunt_bevent *event);
shunt_status ocl_event_time(shunt_bevent *event, uint64_t *start, uint64_t *end);
shunt_status ocl_event_poll(shunt_bevent *event, int *done);
void ocl_event_release(shunt_bevent *event);
/* The event of the last command. */
cl_event ocl_event_last(const shunt_bevent *event);

/* Objects of the application (interop.c); what the plugin's extension() gives. */
void *ocl_extension(const char *name);

/* Between begin and end all commands of the queue make up one event. end frees it where status is a failure, else gives
 * it out; it returns status. With out = NULL both do nothing. */
shunt_status ocl_record_begin(shunt_bqueue *queue, shunt_bevent **out);
shunt_status ocl_record_end(shunt_bqueue *queue, shunt_bevent **out, shunt_status status);
/* Where a command should store its event: *slot, or NULL if no event is needed. ocl_recorded then takes it over. */
cl_event *ocl_record_slot(const shunt_bqueue *queue, cl_event *slot);
void ocl_recorded(shunt_bqueue *queue, cl_event event);

/* ---- One queue at a time, where the driver needs it (turn.c) ------------------------------------------------------------ */

/* Whether the driver is PoCL. */
bool ocl_is_pocl(const shunt_device_info *info);
/* Whether the device's driver needs that. */
bool ocl_takes_turns(const shunt_device_info *info);
/* Between the two the queue is given a kernel, and no other queue runs one; with queue NULL none runs. */
void ocl_turn_begin(const ocl_device *device, shunt_bqueue *queue);
void ocl_turn_end(const ocl_device *device);
/* The queue is finished. Returns the code with which it failed when another queue took its turn. */
cl_int ocl_turn_over(shunt_bqueue *queue);

/* ---- Ops (op.c, packs.c, sums.c) ------------------------------------------------------------------------------------------------------ */

/* A kernel with its constant arguments and its geometry: an op is one or a few of them. A kernel takes its tensors first,
 * each as a buffer and the index of its first element (ulong), then its constants. */
typedef struct ocl_step {
    cl_kernel kernel;
    bool fresh;            /* of a program that was not in the cache */
    uint8_t data;          /* the type of `real`, set before the step is created; 0: float32 */
    uint32_t data_tensors; /* bit i: tensor i is of this type */
    cl_uint dims;
    size_t global[3], local[3];
} ocl_step;

enum { OCL_MAX_STEPS = 4, OCL_TILE_RANK = 1000, OCL_OPTIONS_CHARS = 160 };

typedef struct ocl_algorithm ocl_algorithm;
typedef struct ocl_packings ocl_packings; /* packs.h */
typedef struct group_grad group_grad;     /* conv_grad_group.h */

struct shunt_bop {
    ocl_device *device;
    const ocl_algorithm *algorithm;
    shunt_op_desc desc;
    shunt_op_info info;
    ocl_step steps[OCL_MAX_STEPS];
    ocl_step pack;          /* of the weights; runs in op_pack, or at the head of op_launch when they change */
    void *own;              /* the algorithm's, freed by free() */
    bool run_ahead;         /* once in op_prepare, since what it calls compiles on first use */
    uint64_t pack_offset;   /* in the workspace, of weights packed at launch */
    uint32_t ahead;         /* shunt_prepare_options.ahead_inputs */
    ocl_packings *packings; /* of weights that are packed ahead; NULL: there are none */
    uint32_t later;         /* shunt_prepare_options.later_outputs */
    group_grad *parts;      /* of output 0, which are added up later; NULL: there are none */
};

/* One way to do one kind of op. */
struct ocl_algorithm {
    uint32_t kind;
    const char *name;
    /* The higher, the better a guess; OCL_TILE_RANK times the estimated gain over the direct convolution. NULL: 0. */
    int (*rank)(const ocl_device *device, const shunt_op_desc *desc);
    /* Why it does no 16-bit types; NULL: it does. */
    const char *float32_only;
    /* Why it cannot, or NULL when it can. */
    const char *(*refuse)(const ocl_device *device, const shunt_op_desc *desc);
    /* Writes the index-th parameter string, best guess first; false past the last. NULL: no parameters. */
    bool (*variant)(const ocl_device *device, const shunt_op_desc *desc, uint32_t index, char *params);
    /* Fills steps and info (algorithm and params are filled in already). After a failure the op is
     * destroyed. */
    shunt_status (*prepare)(shunt_bop *op);
    /* NULL: the first step with the tensors inputs, outputs. */
    shunt_status (*launch)(shunt_bop *op, shunt_bqueue *queue, const shunt_arg *inputs, const shunt_arg *outputs,
                           shunt_arg workspace);
    /* Releases what `own` refers to; it may be NULL yet. NULL: nothing. */
    void (*destroy)(shunt_bop *op);
};

extern const ocl_algorithm ocl_conv_direct, ocl_conv_group, ocl_conv_matrix, ocl_conv_matrix_plain, ocl_conv_tile,
    ocl_conv_winograd2, ocl_conv_winograd4, ocl_conv_product, ocl_conv_grad_src_tile, ocl_conv_grad_src_matrix,
    ocl_conv_grad_src_matrix_plain, ocl_conv_grad_weights_matrix, ocl_conv_grad_weights_matrix_plain,
    ocl_conv_grad_src_group, ocl_conv_grad_src_winograd2, ocl_conv_grad_src_winograd4, ocl_conv_grad_weights_tile,
    ocl_conv_grad_weights_group, ocl_conv_grad_weights_winograd4, ocl_conv_grad_src_direct,
    ocl_conv_grad_weights_direct;
extern const ocl_algorithm ocl_conv_wave, ocl_conv_wave_plain, ocl_conv_grad_src_wave, ocl_conv_grad_src_wave_plain,
    ocl_conv_grad_weights_wave, ocl_conv_grad_weights_wave_plain, ocl_conv_group_winograd2, ocl_conv_group_winograd4,
    ocl_conv_grad_src_group_winograd2, ocl_conv_grad_src_group_winograd4;
extern const ocl_algorithm ocl_linear, ocl_linear_product, ocl_batch_norm, ocl_relu, ocl_add, ocl_max_pool,
    ocl_avg_pool, ocl_global_pool, ocl_softmax, ocl_shortcut, ocl_reorder;
extern const ocl_algorithm ocl_batch_statistics, ocl_batch_norm_grad, ocl_relu_grad, ocl_linear_grad_src,
    ocl_linear_grad_weights, ocl_cross_entropy, ocl_sgd, ocl_moving_average, ocl_max_pool_grad, ocl_avg_pool_grad,
    ocl_global_pool_grad, ocl_shortcut_grad;
extern const ocl_algorithm ocl_transpose, ocl_reshape, ocl_concat, ocl_pad, ocl_clip, ocl_log_softmax, ocl_matmul,
    ocl_cast;
extern const ocl_algorithm ocl_sigmoid, ocl_sigmoid_grad, ocl_add_broadcast, ocl_mul, ocl_mul_broadcast, ocl_reduce_sum,
    ocl_lrn, ocl_count_nonfinite, ocl_batch_norm_train, ocl_resize, ocl_resize_grad, ocl_roi_align, ocl_shrink,
    ocl_sum_squares, ocl_step_op, ocl_gather, ocl_scatter, ocl_accumulate, ocl_focal_loss, ocl_smooth_l1;

/* Why a description is not a linear layer, or NULL. */
const char *ocl_linear_refuse(const ocl_device *device, const shunt_op_desc *desc);

shunt_status ocl_op_query(shunt_bdevice *device, const shunt_op_desc *desc, shunt_op_candidates *out);
shunt_status ocl_op_prepare(shunt_bdevice *device, const shunt_op_desc *desc, const shunt_prepare_options *options,
                            shunt_bop **out);
shunt_status ocl_op_info(const shunt_bop *op, shunt_op_info *info);
shunt_status ocl_op_pack(shunt_bop *op, shunt_bqueue *queue, uint32_t input, shunt_arg src, shunt_arg dst);
shunt_status ocl_packs_prepare(shunt_bdevice *device, const shunt_joint *packs, uint32_t count, shunt_bop **out);
shunt_status ocl_sums_prepare(shunt_bdevice *device, const shunt_joint *sums, uint32_t count, shunt_bop **out);
shunt_status ocl_op_launch(shunt_bop *op, shunt_bqueue *queue, const shunt_arg *inputs, const shunt_arg *outputs,
                           shunt_arg workspace, shunt_bevent **event);
void ocl_op_destroy(shunt_bop *op);
/* An op whose steps are made, not yet run. */
shunt_status ocl_op_make(ocl_device *device, const shunt_op_desc *desc, const shunt_prepare_options *options,
                         shunt_bop **out);
/* foresee.c. And for one op: on a device with `foreseen`. */
void ocl_foresee_op(ocl_device *notes, const shunt_op_desc *desc, const shunt_prepare_options *options);
void ocl_foresee(shunt_bdevice *device, const shunt_op_desc *const *descs, const shunt_prepare_options *const *options,
                 uint32_t count);
/* Runs a prepared op once (warm.c). Having no memory for that is no failure. */
shunt_status ocl_op_warm(shunt_bop *op);

/* measure.c; see shunt_device_ops. */
shunt_status ocl_measure(shunt_bdevice *device, double *flops_per_second, double *bytes_per_second);

/* ---- For algorithms (desc.c, step.c) --------------------------------------------------------------------------------------------- */

/* Same dims and same place of every element. */
bool ocl_same_desc(const shunt_tensor_desc *a, const shunt_tensor_desc *b);
/* The product of the dims from `first` on. */
int64_t ocl_inner_count(const shunt_tensor_desc *tensor, uint32_t first);
/* dst = (src + padding - (dilation * (window - 1) + 1)) / stride + 1, of sane arguments. */
bool ocl_window_fits(int64_t src, int64_t dst, int64_t window, int64_t stride, int64_t dilation, int64_t pad_before,
                     int64_t pad_after);

/* Lanes for a tensor of this block: the most that the device likes and that divide it. */
uint32_t ocl_lanes(const ocl_device *device, int64_t block);
/* Work-items of a group for kernels whose items are independent, and for those that reduce `bytes` of local memory per
 * item; a power of two. */
size_t ocl_group(const ocl_device *device);
size_t ocl_reduce_group(const ocl_device *device, size_t bytes);

/* Pieces of rows of `width` vectors that kernels treat at once (common.cl), and how long they are. */
uint64_t ocl_pieces(const ocl_device *device, const shunt_tensor_desc *tensor, int64_t width, cl_int *run);

/* Build options for a tensor of this block: "-DB= -DV= -DWG=". */
void ocl_block_options(const ocl_device *device, int64_t block, char *options);
/* Appends to options. */
void ocl_add_option(char *options, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Builds the kernel and fixes its geometry: at least `items` work-items along each dimension, in groups of `local`. */
shunt_status ocl_step_create(ocl_device *device, ocl_step *step, const ocl_source *source, const char *options,
                             const char *kernel, cl_uint dims, const uint64_t *items, const size_t *local);
/* One dimension, groups of ocl_group. */
shunt_status ocl_step_create_flat(ocl_device *device, ocl_step *step, const ocl_source *source, const char *options,
                                  const char *kernel, uint64_t items);
void ocl_step_destroy(ocl_step *step);
/* Sets constants from argument `first` on. */
typedef struct ocl_constant {
    size_t bytes;
    const void *value;
} ocl_constant;
shunt_status ocl_step_constants(ocl_step *step, cl_uint first, uint32_t count, const ocl_constant *constants);
shunt_status ocl_step_run(ocl_step *step, shunt_bqueue *queue, uint32_t ntensors, const shunt_arg *tensors);

#endif
