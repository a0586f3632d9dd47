/* opencl.h - OpenCL objects of an application in Shunt's runs, without copies: the only header that includes OpenCL's.
 *
 *     static int classify(cl_command_queue queue, cl_mem pixels, cl_mem scores, cl_event filtered, cl_event *done)
 *     {
 *         shunt_device *device; shunt_model *model; shunt_executor *executor; shunt_buffer *in, *out; shunt_event *event;
 *         if (shunt_opencl_device(queue, &device) || shunt_model_open("mine.safetensors", NULL, &model) ||
 *             shunt_model_executor(model, device, &executor) || shunt_opencl_buffer(device, pixels, &in) ||
 *             shunt_opencl_buffer(device, scores, &out)) return 1;
 *         const int64_t shape[] = {1, 3, 224, 224}, classes[] = {1, 1000};
 *         const shunt_tensor src = {shunt_tensor_make(SHUNT_F32, 4, shape), NULL, in, 0};
 *         const shunt_tensor dst = {shunt_tensor_make(SHUNT_F32, 2, classes), NULL, out, 0};
 *         if (shunt_opencl_submit(executor, &src, 1, &dst, 1, 1, &filtered, &event)) return 1;
 *         return shunt_opencl_event(event, done); // and at the end, destroy all that was made
 *     }
 *
 * Link libOpenCL besides libshunt. A whole program: examples/overlay.c. docs/embedding.md has the rules.
 */
#ifndef SHUNT_OPENCL_INTEROP_H
#define SHUNT_OPENCL_INTEROP_H

#ifndef CL_TARGET_OPENCL_VERSION
#define CL_TARGET_OPENCL_VERSION 120
#endif
#include <CL/cl.h>
#include <shunt/async.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A device on this in-order queue, in its context. Shunt gives the commands of each run to the queue and flushes it, so the application's
 * own commands before and after a run need no synchronisation with it. The queue is retained until the device is closed. Several
 * threads may use the queue if its driver allows that. */
static inline shunt_status shunt_opencl_device(cl_command_queue queue, shunt_device **out)
{
    return shunt_device_adopt("opencl", queue, out);
}

/* A buffer object (no image) of the device's context, retained until the buffer is destroyed. */
static inline shunt_status shunt_opencl_buffer(shunt_device *device, cl_mem memory, shunt_buffer **out)
{
    return shunt_buffer_wrap(device, memory, out);
}

/* The buffer object of a buffer of the device, for the application's own kernels; it lives as long as the buffer. */
static inline shunt_status shunt_opencl_memory(shunt_buffer *buffer, cl_mem *memory)
{
    void *found = NULL;
    const shunt_status status = shunt_buffer_memory(buffer, &found);
    *memory = (cl_mem)found;
    return status;
}

/* shunt_executor_submit, where the run begins after these events of the context: commands of other queues. */
static inline shunt_status shunt_opencl_submit(shunt_executor *executor, const shunt_tensor *inputs, size_t ninputs,
                                               const shunt_tensor *outputs, size_t noutputs, uint32_t nwaits,
                                               const cl_event *waits, shunt_event **event)
{
    shunt_submit_options options = {sizeof(shunt_submit_options), nwaits, NULL, NULL, NULL};
    options.waits = (void *const *)waits;
    return shunt_executor_submit(executor, inputs, ninputs, outputs, noutputs, &options, event);
}

/* The event of the run's last command, to be released with clReleaseEvent. NULL: the run is done and had to be waited for. */
static inline shunt_status shunt_opencl_event(shunt_event *event, cl_event *out)
{
    void *own = NULL;
    const shunt_status status = shunt_event_own(event, &own);
    *out = (cl_event)own;
    return status;
}

#ifdef __cplusplus
}
#endif
#endif
