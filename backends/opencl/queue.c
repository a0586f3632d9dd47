/* queue.c - in-order queues, transfers, and events. */
#include "opencl.h"

#include <stdlib.h>
#include <time.h>

enum { PAUSES = 2000, PAUSES_OF_A_FAILURE = 20, PAUSE_NS = 100000 };

/* A command that has ended holds its queue while the driver's thread puts it away. PoCL's thread still reads the device then, which
 * the queue does not hold: a part of a device would be freed under it. A driver that never lets go is waited for 0.2 s,
 * one that does not answer 2 ms. */
static void wait_for_driver(cl_command_queue queue)
{
    for (int i = 0, failed = 0; i < PAUSES && failed < PAUSES_OF_A_FAILURE; i++) {
        cl_uint references = 0;
        cl_int code = clGetCommandQueueInfo(queue, CL_QUEUE_REFERENCE_COUNT, sizeof references, &references, NULL);
        if (!code && references <= 1) return;
        failed += code != CL_SUCCESS;
        nanosleep(&(struct timespec){0, PAUSE_NS}, NULL);
    }
}

void ocl_queue_release(const ocl_device *device, cl_command_queue queue)
{
    const bool last = !device->adopted && queue != device->shared, part = device->id != device->found.id;
    if (last && part) wait_for_driver(queue);
    clReleaseCommandQueue(queue);
}

shunt_status ocl_queue_create(shunt_bdevice *base, int profiling, shunt_bqueue **out)
{
    ocl_device *device = (ocl_device *)base;
    shunt_bqueue *queue = calloc(1, sizeof *queue);
    if (!queue) return ocl_fail_memory();
    queue->device = device;
    const bool shares = device->shared && (!profiling || device->adopted);
    const char *call = shares ? "clRetainCommandQueue" : "clCreateCommandQueue";
    cl_int code;
    queue->queue = device->shared;
    if (shares)
        code = clRetainCommandQueue(device->shared);
    else
        queue->queue =
            clCreateCommandQueue(device->context, device->id, profiling ? CL_QUEUE_PROFILING_ENABLE : 0, &code);
    if (code) {
        free(queue);
        return ocl_failed(call, code);
    }
    *out = queue;
    return SHUNT_OK;
}

/* clFinish. A queue that others use, too, may never be empty: what was given so far is waited for. *call: what failed. */
static cl_int wait_for_all(shunt_bqueue *queue, const char **call)
{
    cl_event marker;
    *call = "clFinish";
    if (queue->queue != queue->device->shared) return clFinish(queue->queue);
    cl_int code = clEnqueueMarkerWithWaitList(queue->queue, 0, NULL, &marker);
    if (code) {
        clFinish(queue->queue);
        *call = "clEnqueueMarkerWithWaitList";
        return code;
    }
    code = clWaitForEvents(1, &marker);
    *call = "clWaitForEvents";
    clReleaseEvent(marker);
    return code;
}

void ocl_queue_destroy(shunt_bdevice *base, shunt_bqueue *queue)
{
    const char *call;
    (void)base;
    if (!queue) return;
    wait_for_all(queue, &call); /* its failure is of no use to anybody any more */
    ocl_turn_over(queue);
    ocl_queue_release(queue->device, queue->queue);
    free(queue);
}

shunt_status ocl_queue_flush(shunt_bqueue *queue)
{
    cl_int code = clFlush(queue->queue);
    return code ? ocl_failed("clFlush", code) : SHUNT_OK;
}

shunt_status ocl_queue_finish(shunt_bqueue *queue)
{
    const char *call;
    const cl_int code = wait_for_all(queue, &call), before = ocl_turn_over(queue);
    if (code) return ocl_failed(call, code);
    return before ? ocl_failed("clFinish", before) : SHUNT_OK;
}

/* ---- Events ----------------------------------------------------------------------------------------------------- */

shunt_status ocl_record_begin(shunt_bqueue *queue, shunt_bevent **out)
{
    queue->recording = NULL;
    if (!out) return SHUNT_OK;
    queue->recording = calloc(1, sizeof *queue->recording);
    return queue->recording ? SHUNT_OK : ocl_fail_memory();
}

shunt_status ocl_record_end(shunt_bqueue *queue, shunt_bevent **out, shunt_status status)
{
    shunt_bevent *event = queue->recording;
    queue->recording = NULL;
    if (!out) return status;
    if (!status && !event->first) { /* there was nothing to do */
        cl_int code = clEnqueueMarkerWithWaitList(queue->queue, 0, NULL, &event->first);
        if (code) status = ocl_failed("clEnqueueMarkerWithWaitList", code);
    }
    if (status)
        ocl_event_release(event);
    else
        *out = event;
    return status;
}

cl_event *ocl_record_slot(const shunt_bqueue *queue, cl_event *slot)
{
    *slot = NULL;
    return queue->recording ? slot : NULL;
}

void ocl_recorded(shunt_bqueue *queue, cl_event event)
{
    if (!event) return;
    shunt_bevent *recording = queue->recording;
    if (!recording->first)
        recording->first = event;
    else if (recording->last)
        clReleaseEvent(recording->last);
    if (recording->first != event) recording->last = event;
}

cl_event ocl_event_last(const shunt_bevent *event)
{
    return event->last ? event->last : event->first;
}

shunt_status ocl_queue_wait(shunt_bqueue *queue, shunt_bevent *event)
{
    cl_event last = ocl_event_last(event);
    cl_int code = clEnqueueBarrierWithWaitList(queue->queue, 1, &last, NULL);
    return code ? ocl_failed("clEnqueueBarrierWithWaitList", code) : SHUNT_OK;
}

shunt_status ocl_event_wait(shunt_bevent *event)
{
    cl_event last = ocl_event_last(event);
    cl_int code = clWaitForEvents(1, &last);
    return code ? ocl_failed("clWaitForEvents", code) : SHUNT_OK;
}

shunt_status ocl_event_poll(shunt_bevent *event, int *done)
{
    cl_int state;
    cl_int code = clGetEventInfo(ocl_event_last(event), CL_EVENT_COMMAND_EXECUTION_STATUS, sizeof state, &state, NULL);
    if (code) return ocl_failed("clGetEventInfo", code);
    *done = state <= CL_COMPLETE; /* below: it failed */
    return state < CL_COMPLETE ? ocl_failed("a command", state) : SHUNT_OK;
}

shunt_status ocl_event_time(shunt_bevent *event, uint64_t *start, uint64_t *end)
{
    cl_ulong from, to;
    cl_int code = clGetEventProfilingInfo(event->first, CL_PROFILING_COMMAND_START, sizeof from, &from, NULL);
    if (!code) code = clGetEventProfilingInfo(ocl_event_last(event), CL_PROFILING_COMMAND_END, sizeof to, &to, NULL);
    if (code) return ocl_failed("clGetEventProfilingInfo", code);
    *start = from;
    *end = to;
    return SHUNT_OK;
}

void ocl_event_release(shunt_bevent *event)
{
    if (!event) return;
    if (event->first) clReleaseEvent(event->first);
    if (event->last) clReleaseEvent(event->last);
    free(event);
}

/* ---- Transfers --------------------------------------------------------------------------------------------------- */

/* What every transfer ends with: the command's code becomes a status, its event part of the recorded one. */
static shunt_status done(shunt_bqueue *queue, const char *call, cl_int code, cl_event event, shunt_bevent **out)
{
    if (code) return ocl_record_end(queue, out, ocl_failed(call, code));
    ocl_recorded(queue, event);
    return ocl_record_end(queue, out, SHUNT_OK);
}

shunt_status ocl_write(shunt_bqueue *queue, shunt_arg dst, const void *src, uint64_t bytes, shunt_bevent **out)
{
    cl_event event;
    shunt_status status = ocl_record_begin(queue, out);
    if (status) return status;
    cl_int code = clEnqueueWriteBuffer(queue->queue, dst.buffer->memory, CL_FALSE, dst.offset, bytes, src, 0, NULL,
                                       ocl_record_slot(queue, &event));
    return done(queue, "clEnqueueWriteBuffer", code, event, out);
}

shunt_status ocl_read(shunt_bqueue *queue, void *dst, shunt_arg src, uint64_t bytes, shunt_bevent **out)
{
    cl_event event;
    shunt_status status = ocl_record_begin(queue, out);
    if (status) return status;
    cl_int code = clEnqueueReadBuffer(queue->queue, src.buffer->memory, CL_FALSE, src.offset, bytes, dst, 0, NULL,
                                      ocl_record_slot(queue, &event));
    return done(queue, "clEnqueueReadBuffer", code, event, out);
}

shunt_status ocl_copy(shunt_bqueue *queue, shunt_arg dst, shunt_arg src, uint64_t bytes, shunt_bevent **out)
{
    cl_event event;
    shunt_status status = ocl_record_begin(queue, out);
    if (status) return status;
    cl_int code = clEnqueueCopyBuffer(queue->queue, src.buffer->memory, dst.buffer->memory, src.offset, dst.offset,
                                      bytes, 0, NULL, ocl_record_slot(queue, &event));
    return done(queue, "clEnqueueCopyBuffer", code, event, out);
}

shunt_status ocl_fill(shunt_bqueue *queue, shunt_arg dst, uint32_t word, uint64_t bytes, shunt_bevent **out)
{
    cl_event event;
    shunt_status status = ocl_record_begin(queue, out);
    if (status) return status;
    cl_int code = clEnqueueFillBuffer(queue->queue, dst.buffer->memory, &word, sizeof word, dst.offset, bytes, 0, NULL,
                                      ocl_record_slot(queue, &event));
    return done(queue, "clEnqueueFillBuffer", code, event, out);
}
