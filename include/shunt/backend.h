/* backend.h - the whole contract between the Shunt runtime and a backend plugin.
 *
 * A plugin is a shared object that exports one symbol, shunt_backend_entry(). It includes this header,
 * links no Shunt library, and is never unloaded. It gets the services of the process (options, log, disk cache) through
 * the shunt_host table.
 *
 * Growth: a struct that begins with `size` may grow at its end, and only there. Fields are never moved, removed or given
 * a new meaning. `size` is set by the side that owns the memory, and says which fields that memory has. The other side
 * may have an older or a newer header, so it never assigns such a struct as a whole. It copies with shunt_struct_copy(),
 * or reads and writes fields of ABI 1.0 in place. The runtime fills what it gives with zeros first, so a field that an older
 * plugin does not know stays 0. A pointer beyond the other side's size counts as NULL. All other structs never change.
 * A change that cannot be made like this raises SHUNT_ABI_MAJOR.
 *
 * Threads: any thread may call any function at any time, unless its comment says otherwise. The runtime uses each queue, op
 * and buffer in one thread at a time. But several threads use different queues, ops and buffers of one device, and devices
 * of one driver, at once. Where a driver or library does not allow that, the plugin must lock by itself. An event may be waited for in
 * one thread while its queue is given commands in another. An op may be launched again, also on another queue and with other
 * workspace, before its earlier launches are done.
 * Errors: a function that returns shunt_status changes nothing when it fails, and leaves a message for
 * shunt_backend.last_error() on the calling thread. A plugin never prints, exits, aborts or calls getenv, and no C++
 * exception leaves it.
 * Names are the field's: src, weights, bias, dst; N C H W for activations, K C R S for weights, P Q for the
 * spatial size of a result.
 *
 *     static shunt_status device_info(uint32_t index, shunt_device_info *out)
 *     {
 *         const shunt_device_info own = {.size = sizeof own, .type = SHUNT_DEVICE_GPU, .name = "my accelerator",
 *                                        .driver = "1.0", .score = 500, .memory = 1u << 30, .max_alloc = 1u << 28,
 *                                        .alignment = 256, .block = SHUNT_PLAIN};
 *         if (index > 0) return SHUNT_E_NOT_FOUND;
 *         shunt_struct_copy(out, &own);
 *         return SHUNT_OK;
 *     }
 *
 * examples/minimal-backend.c is a whole plugin.
 */
#ifndef SHUNT_BACKEND_H
#define SHUNT_BACKEND_H

#include <shunt/half.h>
#include <shunt/op.h>
#include <shunt/resize.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SHUNT_ABI_MAJOR 1
#define SHUNT_ABI_MINOR 0

/* ---- Copying structs that may have grown ------------------------------------------------------------------------- */

/* Copies *src to *dst. Both begin with a uint32_t `size`, set by the owner of each, of at least sizeof(uint32_t); they are
 * the same struct, by headers of perhaps different age. Fields that both have are copied, fields that only dst has become 0,
 * and dst->size stays. Nothing is written past dst->size or read past src->size. */
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

/* ---- Preparing ops ----------------------------------------------------------------------------------------------- */

enum { SHUNT_ALGORITHM_CHARS = 24, SHUNT_PARAMS_CHARS = 40, SHUNT_MAX_CANDIDATES = 32 };

/* One way to compute an op. reason is empty for a usable candidate, or says why this algorithm refuses. */
typedef struct shunt_candidate {
    char algorithm[SHUNT_ALGORITHM_CHARS]; /* "direct", "gemm", "winograd4" ... */
    char params[SHUNT_PARAMS_CHARS];       /* its tuning parameters, "m=6 n=2"; may be empty */
    char reason[SHUNT_REASON_CHARS];
} shunt_candidate;

typedef struct shunt_op_candidates {
    uint32_t size;
    uint32_t count;                             /* how many of the entries are filled */
    shunt_candidate list[SHUNT_MAX_CANDIDATES]; /* usable ones first, best guess first; then refused ones */
} shunt_op_candidates;

typedef struct shunt_prepare_options {
    uint32_t size;
    const char *algorithm; /* one that op_query listed; NULL: the best guess */
    const char *params;    /* its parameters; NULL: the best guess */
    uint64_t memory_limit; /* most workspace bytes allowed; 0: no limit */
    uint32_t
        ahead_inputs; /* bit i: input i changes between runs of the network alone, so that it may have packed_bytes, too:
                         packs_prepare then packs it in each run, before the op is launched */
    uint32_t
        later_outputs; /* bit i: output i is read some steps later, so that it may have parts_bytes: sums_prepare then makes
                               it from its parts in each run, behind the op */
} shunt_prepare_options;

typedef struct shunt_op_info {
    uint32_t size;
    uint32_t inplace_inputs; /* bit i: dst may be the same memory as input i */
    char algorithm[SHUNT_ALGORITHM_CHARS], params[SHUNT_PARAMS_CHARS];
    uint64_t workspace;                      /* bytes of SCRATCH memory that op_launch needs */
    uint64_t flops, bytes;                   /* ignored: the runtime counts them itself, alike for all backends */
    uint64_t packed_bytes[SHUNT_MAX_INPUTS]; /* 0: input i is used as it is */
    char packed_format[SHUNT_PARAMS_CHARS];  /* names the packing: ops with the same format, bytes and
                                                descriptor of the input share one packed copy */
    float
        error_scale; /* the algorithm's rounding error, as a multiple of a plain sum's: 1 .. 64; 0: 1. Algorithms that compute
                          on transformed inputs have more than 1; they may also spread a NaN or an infinity to
                          neighbouring outputs */
    uint64_t parts_bytes[SHUNT_MAX_OUTPUTS]; /* 0: op_launch makes output i itself */
} shunt_op_info;

/* ---- Host services (runtime -> plugin) --------------------------------------------------------------------------- */

/* Lives as long as the process. Every function may be called from any thread. */
typedef struct shunt_host {
    uint32_t size;
    uint16_t abi_major, abi_minor;
    void (*log)(int level, const char *message); /* one line, no newline */
    /* Value of the user's option KEY ("SHUNT_" + upper case KEY in the environment), or NULL. Lives on. */
    const char *(*option)(const char *key);
    /* The disk cache. Keys are bytes of any length; ns ("opencl-program") separates the users. cache_get returns
     * SHUNT_E_NOT_FOUND for an absent or damaged entry; free the blob with cache_free. cache_put replaces an entry
     * atomically. If it fails, only speed is lost. */
    shunt_status (*cache_get)(const char *ns, const void *key, size_t nkey, void **blob, size_t *nblob);
    shunt_status (*cache_put)(const char *ns, const void *key, size_t nkey, const void *blob, size_t nblob);
    void (*cache_free)(void *blob);
} shunt_host;

/* ---- Devices (plugin -> runtime) --------------------------------------------------------------------------------- */

typedef struct shunt_device_ops shunt_device_ops;

/* A plugin's own device struct starts with this one. The runtime uses only the table. */
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

/* An operand that one op converts for several others: an input that may be packed ahead, plain at src, packed at dst; or an output
 * that has parts_bytes, its parts at src, the output at dst. */
typedef struct shunt_joint {
    const shunt_bop *op;
    uint32_t operand; /* the number of the input or of the output */
    shunt_arg src, dst;
} shunt_joint;

/* "[opt: X]" marks a pointer that may be NULL; the runtime then does X. The results are as if a queue ran its commands in the
 * order given. A command returns before it is done. If `event` is not NULL, it receives an event, which event_release frees.
 * Memory named in a command stays valid until the command is done. */
struct shunt_device_ops {
    uint32_t size;

    /* Frees the device. Everything made from it has been freed before. */
    void (*close)(shunt_bdevice *device);

    /* A buffer of `bytes` > 0 bytes, contents undefined. buffer_free(NULL) does nothing. */
    shunt_status (*buffer_alloc)(shunt_bdevice *device, uint64_t bytes, uint32_t usage, shunt_bbuffer **out);
    void (*buffer_free)(shunt_bdevice *device, shunt_bbuffer *buffer);
    /* [opt: read and write are used] The buffer's memory as a host pointer, until buffer_unmap. With
     * SHUNT_CAP_HOST_MEMORY a buffer may stay mapped while ops run; else no op may use it meanwhile. */
    shunt_status (*buffer_map)(shunt_bdevice *device, shunt_bbuffer *buffer, void **host);
    void (*buffer_unmap)(shunt_bdevice *device, shunt_bbuffer *buffer);

    /* profiling != 0: event_time works for the queue's events. */
    shunt_status (*queue_create)(shunt_bdevice *device, int profiling, shunt_bqueue **out);
    void (*queue_destroy)(shunt_bdevice *device, shunt_bqueue *queue);
    /* Starts all commands given so far; does not wait. */
    shunt_status (*queue_flush)(shunt_bqueue *queue);
    /* Waits until all commands are done; returns the first failure of a command since the last finish. */
    shunt_status (*queue_finish)(shunt_bqueue *queue);

    /* src may have any alignment: weights come directly from a mapped file. */
    shunt_status (*write)(shunt_bqueue *queue, shunt_arg dst, const void *src, uint64_t bytes, shunt_bevent **event);
    shunt_status (*read)(shunt_bqueue *queue, void *dst, shunt_arg src, uint64_t bytes, shunt_bevent **event);
    shunt_status (*copy)(shunt_bqueue *queue, shunt_arg dst, shunt_arg src, uint64_t bytes, shunt_bevent **event);
    /* Every 4-byte word of the range becomes `word`; bytes is a multiple of 4. */
    shunt_status (*fill)(shunt_bqueue *queue, shunt_arg dst, uint32_t word, uint64_t bytes, shunt_bevent **event);

    /* Later commands of the queue wait for the event, which may belong to another queue of this device. */
    shunt_status (*queue_wait)(shunt_bqueue *queue, shunt_bevent *event);
    shunt_status (*event_wait)(shunt_bevent *event);
    /* [opt: no times are shown] Start and end in nanoseconds of a device clock. The event is done. */
    shunt_status (*event_time)(shunt_bevent *event, uint64_t *start, uint64_t *end);
    void (*event_release)(shunt_bevent *event);

    /* Lists candidates for an op, usable ones first. Cheap: compiles nothing. SHUNT_E_UNSUPPORTED if none is usable; the
     * reason of the first entry then says why. The caller sets out->size. */
    shunt_status (*op_query)(shunt_bdevice *device, const shunt_op_desc *desc, shunt_op_candidates *out);
    /* Prepares the op: compiles, chooses, and allocates everything that lives as long as the op. May take seconds. */
    shunt_status (*op_prepare)(shunt_bdevice *device, const shunt_op_desc *desc, const shunt_prepare_options *options,
                               shunt_bop **out);
    /* The caller sets info->size. */
    shunt_status (*op_info)(const shunt_bop *op, shunt_op_info *info);
    /* [opt: no op has packed_bytes] Puts constant input `input`, plain at src, into the op's own format at dst. */
    shunt_status (*op_pack)(shunt_bop *op, shunt_bqueue *queue, uint32_t input, shunt_arg src, shunt_arg dst);
    /* Runs the op. inputs[i] is packed where op_info says packed_bytes[i] > 0; outputs[i] is memory for its parts where that says
     * parts_bytes[i] > 0. workspace holds info.workspace bytes.
     * Allocates nothing and compiles nothing. */
    shunt_status (*op_launch)(shunt_bop *op, shunt_bqueue *queue, const shunt_arg *inputs, const shunt_arg *outputs,
                              shunt_arg workspace, shunt_bevent **event);
    void (*op_destroy)(shunt_bop *op);

    /* [opt: not known] The device's peak, measured now in about a second: multiply-adds on registers (two
     * operations each), and the copy of a buffer much larger than the caches (bytes read and bytes written). */
    shunt_status (*measure)(shunt_bdevice *device, double *flops_per_second, double *bytes_per_second);

    /* [opt: ahead_inputs is 0] Prepares an op that packs all of these, in as few launches as can be, and is launched without inputs,
     * outputs and workspace. The ops and the memory outlive it. It may pack once already. */
    shunt_status (*packs_prepare)(shunt_bdevice *device, const shunt_joint *packs, uint32_t count, shunt_bop **out);

    /* [opt: event_wait is used, so asking waits] *done: whether the event's commands are done. Does not wait. */
    shunt_status (*event_poll)(shunt_bevent *event, int *done);

    /* [opt: later_outputs is 0] Prepares an op that makes all of these outputs from their parts, in as few launches as can be, and is
     * launched without inputs, outputs and workspace. The ops and the memory outlive it. It may write to dst already. */
    shunt_status (*sums_prepare)(shunt_bdevice *device, const shunt_joint *sums, uint32_t count, shunt_bop **out);

    /* [opt: nothing] Says which ops will be prepared next, and how, so that what they need may be compiled together. What fails here is
     * no failure: op_prepare meets it again. */
    void (*foresee)(shunt_bdevice *device, const shunt_op_desc *const *descs,
                    const shunt_prepare_options *const *options, uint32_t count);
};

/* What extension(SHUNT_INTEROP) returns: work on objects that the application made with the device's own API. Each `void *` is such an
 * object; the plugin's header for applications says which (opencl.h: a cl_command_queue, a cl_mem, a cl_event). */
#define SHUNT_INTEROP "interop"
enum { SHUNT_ACCESS_READ = 1u << 0, SHUNT_ACCESS_WRITE = 1u << 1 }; /* what ops may do with a buffer */
typedef struct shunt_interop {
    uint32_t size;
    /* A device that gives all its commands to this queue, in order, between those of the application. It keeps the queue until it is
     * closed. The caller sets info->size; info is as by device_info. */
    shunt_status (*device_open)(void *queue, shunt_device_info *info, shunt_bdevice **out);
    /* The application's memory as a buffer, kept until buffer_free. *bytes: its size; *access: SHUNT_ACCESS_* bits. */
    shunt_status (*buffer_wrap)(shunt_bdevice *device, void *memory, uint64_t *bytes, uint32_t *access,
                                shunt_bbuffer **out);
    /* The memory of any buffer of the device; lives as long as the buffer. */
    shunt_status (*buffer_memory)(shunt_bbuffer *buffer, void **memory);
    /* Later commands of the queue wait for these events of the application. */
    shunt_status (*queue_wait)(shunt_bqueue *queue, uint32_t count, void *const *events);
    /* The last command of what the event stands for, as the API's own event, which the caller then owns. */
    shunt_status (*event_own)(shunt_bevent *event, void **own);
} shunt_interop;

typedef struct shunt_backend {
    uint32_t size;
    uint16_t abi_major, abi_minor;
    const char *name;    /* the name in SHUNT_DEVICE: [a-z0-9_-]+, at most 31 characters, not "auto" */
    const char *version; /* free text */

    /* The number of devices. Cheap: makes no context, compiles nothing. 0 devices is not an error. */
    shunt_status (*probe)(uint32_t *ndevices);
    /* The caller sets out->size. The order of devices does not change within a process. */
    shunt_status (*device_info)(uint32_t index, shunt_device_info *out);
    /* params: "key=value,..." or NULL; unknown keys are refused. All CPU devices know threads=N. */
    shunt_status (*device_open)(uint32_t index, const char *params, shunt_bdevice **out);
    /* Message of the last failed call of this plugin on this thread; never NULL. Valid until its next call. */
    const char *(*last_error)(void);
    /* [opt: none] What is outside this table, by name, or NULL: SHUNT_INTEROP, a shunt_interop. */
    void *(*extension)(const char *name);
    /* [opt: nothing] At the end of the process, after all devices are closed: releases the driver's resources. */
    void (*shutdown)(void);
} shunt_backend;

/* The one symbol that a plugin exports. Returns a table that lives as long as the process, or NULL if the host does
 * not suit the plugin. Runs no driver code. */
const shunt_backend *shunt_backend_entry(const shunt_host *host);
typedef const shunt_backend *(*shunt_backend_entry_fn)(const shunt_host *host);

#ifdef __cplusplus
}
#endif
#endif
