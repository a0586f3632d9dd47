/* run.h - devices, and networks that run on them.
 *
 *     #include <stdio.h>
 *     int main(void)
 *     {
 *         shunt_device *device; // SHUNT_DEVICE, or the best there is
 *         if (shunt_device_open(NULL, NULL, &device)) return fprintf(stderr, "%s\n", shunt_last_error()), 1;
 *         printf("%s: %s\n", shunt_device_describe(device)->selector, shunt_device_describe(device)->info->name);
 *         shunt_device_close(device);
 *     }
 *
 * Runs that do not wait, and memory of a device that keeps its content between runs, are in async.h.
 */
#ifndef SHUNT_RUN_H
#define SHUNT_RUN_H

#include <shunt/process.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Devices ----------------------------------------------------------------------------------------------------- */

/* A device that can be opened. */
typedef struct shunt_device_entry {
    const char *selector; /* "opencl:0": what SHUNT_DEVICE takes */
    const shunt_device_info *info;
} shunt_device_entry;

/* All devices of all backends, best score first within a backend's order. An entry lives as long as its list. */
typedef struct shunt_device_list shunt_device_list;
SHUNT_API shunt_status shunt_devices_list(shunt_device_list **out);
SHUNT_API size_t shunt_devices_count(const shunt_device_list *devices);
SHUNT_API const shunt_device_entry *shunt_devices_at(const shunt_device_list *devices,
                                                     size_t index); /* NULL past the end */
SHUNT_API void shunt_devices_free(shunt_device_list *devices);

/* Every plugin file that was found, and whether it is used. Built-in backends are listed too, with path "built in". */
typedef struct shunt_plugin_entry {
    const char *path;
    const char *name, *version; /* "" if it was refused before they were known */
    const char *message;        /* why it, or some of its devices, were refused; "" if nothing was */
    shunt_status status;
    uint32_t devices;
} shunt_plugin_entry;
typedef struct shunt_plugin_list shunt_plugin_list;
SHUNT_API shunt_status shunt_plugins_list(shunt_plugin_list **out);
SHUNT_API size_t shunt_plugins_count(const shunt_plugin_list *plugins);
SHUNT_API const shunt_plugin_entry *shunt_plugins_at(const shunt_plugin_list *plugins,
                                                     size_t index); /* NULL past the end */
SHUNT_API void shunt_plugins_free(shunt_plugin_list *plugins);
/* The folders searched, in order, colon-separated. A folder or a plugin is listed as refused if it belongs
 * neither to the user nor to root, or if others may write to it. */
SHUNT_API const char *shunt_plugin_folders(void);
/* The folder where results are cached between processes. NULL, with shunt_last_error(), if there is none, or if it belongs neither
 * to the user nor to root, or if others may write to it: they could put programs there. */
SHUNT_API const char *shunt_cache_folder(void);
/* The folder of the data that comes with Shunt: models/, samples/, tuning/. The option "data_dir", or where it lies from the library's
 * own place, so that an installation may be moved; else the built-in path. */
SHUNT_API const char *shunt_data_folder(void);

/* selector: "scalar", "opencl", "opencl:N", "opencl:gpu", "opencl:cpu", "opencl:TEXT", "auto"; NULL: the option
 * "device" (SHUNT_DEVICE), or auto. TEXT is looked for in device, vendor and platform names, any case, GPUs first.
 * Fails with a message that lists the devices there are; only "auto" tries the next best one. A plugin that is new or has changed is
 * first tried in a child process (docs/drivers.md). The application may see its SIGCHLD.
 * params: NULL, or "key=value,..." as the backend knows them; "threads=2" is known to all that run on the CPU. */
SHUNT_API shunt_status shunt_device_open(const char *selector, const char *params, shunt_device **out);
SHUNT_API void shunt_device_close(shunt_device *device);
/* Lives as long as the device. */
SHUNT_API const shunt_device_entry *shunt_device_describe(const shunt_device *device);
/* The device's peak, measured now in about a second: float32 operations (a multiply-add counts as two) and bytes of memory read
 * or written. SHUNT_E_UNSUPPORTED if its backend cannot measure. */
SHUNT_API shunt_status shunt_device_measure(shunt_device *device, double *flops_per_second, double *bytes_per_second);

/* ---- Running a graph --------------------------------------------------------------------------------------------- */

/* Prepares to run the graph with these weights on the device. The graph is copied. Weights and device must outlive the
 * executor: a plan for another shape may need the weights in another format. Every parameter of the graph must be in the
 * weights, in its shape. */
SHUNT_API shunt_status shunt_executor_create(const shunt_graph *graph, const shunt_weights *weights,
                                             shunt_device *device, shunt_executor **out);
/* The same with options. The device must take data in the precision that is asked for (shunt_device_info.dtypes); ops that it
 * refuses in that precision run in float32. Tensors of the caller are float32 in any case. Where a run in "f16" on finite inputs has
 * an output that is not finite, it is repeated in float32, and the first step that overflowed is logged once. A weight that overflows
 * the type is refused by name when the plan is made. */
typedef struct shunt_executor_options {
    uint32_t size; /* sizeof(shunt_executor_options); 0: as in the first version */
    const char
        *precision; /* of activations and of what they are multiplied by: "f32", "f16", "bf16", or "fast": what `shunt
                            * tune` recorded for this network, batch and device, else f32. Nothing is measured for it, and what is
                            * recorded but fails, such as a weight that overflows, becomes f32. NULL: the option "precision"
                            * (SHUNT_PRECISION), or f32 */
    /* Of a graph that trains: with these ranks (shunt/ranks.h) it makes each update from the gradients of all, weighted by the size of
     * their batches. All of them create executors, run them, fetch and report in the same order, and hold the same weights. NULL: by
     * itself. */
    struct shunt_ranks *ranks;
    int sync_statistics; /* != 0: the statistics of batch norms are those of the pictures of all ranks; 0: of each rank's own */
    uint32_t
        streams; /* runs of shunt_executor_submit that the device may do at the same time (async.h); 0: 1. At most 16 */
    int bf16_gradients; /* != 0: with other ranks, gradients are sent as bfloat16, in half the bytes, and added in float32. Those in
                         * float64 are sent as they are. All ranks say the same */
} shunt_executor_options;
SHUNT_API shunt_status shunt_executor_create_with(const shunt_graph *graph, const shunt_weights *weights,
                                                  shunt_device *device, const shunt_executor_options *options,
                                                  shunt_executor **out);
SHUNT_API void shunt_executor_destroy(shunt_executor *executor);

/* A tensor in the caller's memory, or in memory of the executor's device. */
typedef struct shunt_tensor {
    shunt_tensor_desc desc; /* float32, plain: rows without gaps */
    void *data;             /* shunt_tensor_bytes(&desc) bytes, aligned for float; NULL with a buffer */
    shunt_buffer *buffer;   /* in place of data (async.h); else NULL */
    uint64_t offset; /* where in the buffer it begins, in bytes: a multiple of shunt_device_info.alignment; else 0 */
} shunt_tensor;

/* Makes the plan for inputs of these shapes, if there is none yet; shunt_executor_run does that too. Slow the first time (compiling).
 * Inputs may differ from the graph's own in batch and, where the ops allow it, in image size. */
SHUNT_API shunt_status shunt_executor_prepare(shunt_executor *executor, const shunt_tensor_desc *inputs,
                                              size_t ninputs);
/* handler hears how far a plan is made, which takes seconds where kernels have to be compiled: `done` of its `total` ops are prepared; 0 at
 * the beginning, and `total` at the end, also after a failure. It is called by the thread that makes the plan, and uses no function of the
 * executor. NULL: nobody hears. */
typedef void (*shunt_prepare_handler)(void *context, uint32_t done, uint32_t total);
SHUNT_API void shunt_set_prepare_handler(shunt_prepare_handler handler, void *context);
/* The descriptor of output `index` for inputs of these shapes. Makes the plan, like shunt_executor_prepare. */
SHUNT_API shunt_status shunt_executor_output(shunt_executor *executor, const shunt_tensor_desc *inputs, size_t ninputs,
                                             size_t index, shunt_tensor_desc *out);
/* Runs and waits for the end. inputs in the order of the graph's inputs; outputs[i].data receives output i, and outputs[i].desc
 * must be its descriptor. After a failure the outputs hold anything. */
SHUNT_API shunt_status shunt_executor_run(shunt_executor *executor, const shunt_tensor *inputs, size_t ninputs,
                                          const shunt_tensor *outputs, size_t noutputs);

/* After runs of a graph that trains: copies the graph's state (weights, running statistics, velocities) from the device into
 * `weights`, which may be those that the executor was made with. */
SHUNT_API shunt_status shunt_executor_fetch(shunt_executor *executor, shunt_weights *weights);

/* What a plan does, step by step. */
typedef struct shunt_step {
    const char *name, *kind; /* "layer1.0.conv1", "conv+bias+relu" */
    const char *device;      /* selector of where it runs */
    const char *algorithm, *params;
    const char *refused;   /* why the chosen device does not run it, or not in the plan's precision; NULL if it does */
    char src[64], dst[64]; /* "1x64x56x56 nchw16c", "1x64x56x56 nchw32c f16": the type where it is not f32 */
    uint64_t flops, bytes, workspace;
    uint64_t nanoseconds; /* in the last profiled run; 0: not known */
} shunt_step;
typedef struct shunt_plan_report {
    const shunt_step *const *steps; /* nsteps pointers */
    size_t nsteps;
    uint64_t activation_bytes, weight_bytes, workspace_bytes; /* device memory, all devices, all streams */
    uint64_t flops;
    char placement[128];   /* "21 ops opencl:0; softmax -> scalar" */
    const char *precision; /* "f32", "f16", "bf16": of the data of ops */
    uint64_t update_bytes; /* of activation_bytes: gradients and statistics that the updates at a step's end read */
} shunt_plan_report;
/* Makes the plan, like shunt_executor_prepare. The report lives until the next report is made or the executor is destroyed. */
SHUNT_API shunt_status shunt_executor_report(shunt_executor *executor, const shunt_tensor_desc *inputs, size_t ninputs,
                                             const shunt_plan_report **report);
/* What data is stored in, and why: "fast", "bf16", "1.84 times as fast as f32 in shunt tune, with results off by 0.0031". */
typedef struct shunt_precision {
    const char *asked, *taken, *reason;
} shunt_precision;
/* Of the plan that has run most often, or else was prepared last. The texts live until the executor makes another plan or is destroyed.
 * SHUNT_E_NOT_FOUND before the first plan. */
SHUNT_API shunt_status shunt_executor_precision(const shunt_executor *executor, shunt_precision *out);
/* on != 0: runs measure the time of each step (shunt_step.nanoseconds). Call it before the first plan is made. The option
 * "profile" (SHUNT_PROFILE=FILE) turns it on as well, and writes the steps of all runs as a Chrome trace when the executor is
 * destroyed. */
SHUNT_API void shunt_executor_profile(shunt_executor *executor, int on);

#ifdef __cplusplus
}
#endif
#endif
