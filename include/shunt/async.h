/* async.h - runs that do not wait, and memory of a device that keeps its content between runs.
 *
 *     #include <stdio.h>
 *     #include <stdlib.h>
 *     int main(int argc, char **argv)
 *     {
 *         shunt_device *device; shunt_model *model; shunt_executor *executor; shunt_event *events[2];
 *         if (argc < 2 || shunt_device_open(NULL, NULL, &device) || shunt_model_open(argv[1], NULL, &model) ||
 *             shunt_model_executor(model, device, &executor)) return fprintf(stderr, "%s\n", shunt_last_error()), 1;
 *         const int64_t in[] = {1, 3, 64, 64}, out[] = {1, shunt_model_classes(model)};
 *         float *data = calloc(3 * 64 * 64, sizeof *data), *scores = calloc(2 * (size_t)out[1], sizeof *scores);
 *         shunt_tensor src = {shunt_tensor_make(SHUNT_F32, 4, in), data}, dst = {shunt_tensor_make(SHUNT_F32, 2, out)};
 *         for (int i = 0; i < 2; i++) {
 *             dst.data = scores + i * out[1];
 *             if (shunt_executor_submit(executor, &src, 1, &dst, 1, NULL, &events[i])) return 1;
 *         }
 *         for (int i = 0; i < 2; i++, shunt_event_release(events[i - 1]))
 *             if (shunt_event_wait(events[i])) return fprintf(stderr, "%s\n", shunt_last_error()), 1;
 *         printf("%g %g\n", scores[0], scores[out[1]]);
 *         free(data), free(scores);
 *         shunt_model_destroy(model), shunt_device_close(device);
 *     }
 *
 * Order: runs of one executor take effect in the order of their submission, and so do runs of one device that use the same buffer,
 * whichever executors they belong to. Runs that share no buffer may overlap when their executor has several streams.
 * What a run names, memory of the caller and buffers, stays as it is until the run is done; results are there from then on.
 * Devices that work within the call (plain C, oneDNN), plans with steps on another device than the executor's, and executors that
 * measure the time of each step: submit returns when the run is done.
 * An object that has been destroyed must not be used: the library cannot know that. It does know, and refuses, buffers of other
 * devices, buffers that are too small, offsets that do not suit the device, and tensors of one run that overlap where one is a result.
 */
#ifndef SHUNT_ASYNC_H
#define SHUNT_ASYNC_H

#include <shunt/model.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Memory of a device ------------------------------------------------------------------------------------------ */

/* Memory of `bytes` > 0 bytes, contents undefined. A tensor of a run lies in it when shunt_tensor.buffer names it. Any number of runs and
 * executors of the device may use it, one after another. */
SHUNT_API shunt_status shunt_buffer_create(shunt_device *device, uint64_t bytes, shunt_buffer **out);
/* Waits for runs that use it. Destroy buffers before their device is closed. */
SHUNT_API void shunt_buffer_destroy(shunt_buffer *buffer);
SHUNT_API uint64_t shunt_buffer_bytes(const shunt_buffer *buffer);
/* Copies `bytes` bytes from or to the caller's memory, after all runs submitted so far that use the buffer. Both wait for the end. */
SHUNT_API shunt_status shunt_buffer_write(shunt_buffer *buffer, uint64_t offset, const void *src, uint64_t bytes);
SHUNT_API shunt_status shunt_buffer_read(shunt_buffer *buffer, uint64_t offset, void *dst, uint64_t bytes);
/* The buffer's memory as a pointer, once the runs that use it are done, and until unmap. No run may use it meanwhile: those are refused.
 * On devices with SHUNT_CAP_HOST_MEMORY mapping costs nothing. SHUNT_E_UNSUPPORTED where the device cannot. */
SHUNT_API shunt_status shunt_buffer_map(shunt_buffer *buffer, void **host);
SHUNT_API void shunt_buffer_unmap(shunt_buffer *buffer);

/* ---- Runs -------------------------------------------------------------------------------------------------------- */

/* Called once when the run is done, in a thread of the library: status as from shunt_event_wait, and shunt_last_error says why. It may
 * submit further runs. It must not destroy the executor. Runs of an executor that have handlers are reported in their order. */
typedef void (*shunt_run_handler)(void *context, shunt_status status);

typedef struct shunt_submit_options {
    uint32_t size;             /* sizeof(shunt_submit_options) */
    uint32_t nwaits;           /* events of the device's own API that the run waits for, on the device (opencl.h) */
    void *const *waits;        /* nwaits events; their owner keeps them */
    shunt_run_handler handler; /* or NULL */
    void *context;             /* the handler's */
} shunt_submit_options;

/* Starts a run, like shunt_executor_run, and returns. *event stands for its end. event may be NULL. When it fails, the run has no effect
 * that lasts and no handler is called. It waits only for a plan that is made first, and while 64 runs of the executor are not done. A
 * run in "f16" that overflows is not repeated in float32. */
SHUNT_API shunt_status shunt_executor_submit(shunt_executor *executor, const shunt_tensor *inputs, size_t ninputs,
                                             const shunt_tensor *outputs, size_t noutputs,
                                             const shunt_submit_options *options, shunt_event **event);
/* Whether the run is done; does not wait. Returns the failure of a run that failed. Any thread may poll and wait, also after the executor
 * was destroyed. */
SHUNT_API shunt_status shunt_event_poll(shunt_event *event, int *done);
/* Waits for the end of the run, and returns its failure, if any. */
SHUNT_API shunt_status shunt_event_wait(shunt_event *event);
/* Forgets the event; the run goes on. Release events before their device is closed. */
SHUNT_API void shunt_event_release(shunt_event *event);

/* ---- Objects of the device's own API ----------------------------------------------------------------------------- */

/* For backends whose header says what the pointers are, such as opencl.h, which has these functions with their types.
 * SHUNT_E_UNSUPPORTED where the backend has none. */
/* A device that gives its commands to this queue of the application, in order. */
SHUNT_API shunt_status shunt_device_adopt(const char *backend, void *queue, shunt_device **out);
/* The application's memory as a buffer of the device; kept until the buffer is destroyed. */
SHUNT_API shunt_status shunt_buffer_wrap(shunt_device *device, void *memory, shunt_buffer **out);
/* A buffer's memory; lives as long as the buffer. */
SHUNT_API shunt_status shunt_buffer_memory(shunt_buffer *buffer, void **memory);
/* The run's end as an event of the API, which the caller then owns. *own is NULL if the run is done and has no such event. */
SHUNT_API shunt_status shunt_event_own(shunt_event *event, void **own);

#ifdef __cplusplus
}
#endif
#endif
