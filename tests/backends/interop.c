/* interop.c - an application's own OpenCL objects in Shunt's runs: no copy, no wait and no allocation per frame, counted by the layer
 * layers/fail_nth.c; the bits of the copying way; and what cannot be is refused with a reason. A plain main, for leak checkers.
 * Arguments: the plugin's folder, the layer, which OPENCL_LAYERS names too. SHUNT_TEST_DEVICE: selector (opencl:cpu).
 * Exit status 77: there is no such device, or the loader knows no layers. */
#include "tests/layers/fail_nth.h"
#include "tests/support/cl_application.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SKIPPED = 77, FRAMES = 40, PIXELS = SMALL_NET_IMAGES * 3 * SMALL_NET_SIDE * SMALL_NET_SIDE };
enum { SCORES = SMALL_NET_IMAGES * SMALL_NET_CLASSES, PITCH = 1024, IMAGE_BYTES = PIXELS * 4 };

/* A filter in front of the network, and an overlay behind it. */
static const char kernels[] =
    "kernel void filter(global const float *raw, global float *image, int frame)\n"
    "{ const size_t i = get_global_id(0); image[i] = raw[(i * 7 + frame * 31) % get_global_size(0)] * 0.5f; }\n"
    "kernel void overlay(global const float *scores, global float *drawn, int at)\n"
    "{ const size_t i = get_global_id(0); drawn[at + i] = scores[i] * 4; }\n";

static const fail_nth *layer;
static unsigned wrong;
static small_net net;
static float expected[FRAMES][SCORES];
static const char *selector;

static void complain(const char *what, const char *why)
{
    fprintf(stderr, "WRONG %s: %s\n", what, why);
    wrong++;
}

static void good(shunt_status status, const char *what)
{
    if (status) complain(what, shunt_last_error());
}

static void ok(cl_int code, const char *call)
{
    if (code) fprintf(stderr, "%s: %d\n", call, code), exit(2);
}

static void refused(shunt_status status, shunt_status wanted, const char *text)
{
    if (status != wanted)
        complain(text, status ? shunt_last_error() : "not refused");
    else if (!strstr(shunt_last_error(), text))
        complain(text, shunt_last_error());
}

static shunt_tensor image(float *data, shunt_buffer *buffer)
{
    return (shunt_tensor){.desc = {SHUNT_F32, 4, SHUNT_PLAIN, 0, {SMALL_NET_IMAGES, 3, SMALL_NET_SIDE, SMALL_NET_SIDE}},
                          .data = data,
                          .buffer = buffer};
}

static shunt_tensor scores(float *data, shunt_buffer *buffer)
{
    return (shunt_tensor){
        .desc = {SHUNT_F32, 2, SHUNT_PLAIN, 0, {SMALL_NET_IMAGES, SMALL_NET_CLASSES}}, .data = data, .buffer = buffer};
}

/* The copying way, on a device of Shunt's own, with the filter done by the host. */
static shunt_status find_expected(void)
{
    shunt_device *device;
    shunt_executor *executor = NULL;
    shunt_status status = shunt_device_open(selector, NULL, &device);
    if (status) return status;
    good(shunt_executor_create(net.graph, net.weights, device, &executor), "an executor");
    for (int f = 0; f < FRAMES; f++) {
        float filtered[PIXELS];
        for (int i = 0; i < PIXELS; i++) filtered[i] = net.images[(i * 7 + f * 31) % PIXELS] * 0.5f;
        const shunt_tensor src = image(filtered, NULL), dst = scores(expected[f], NULL);
        good(shunt_executor_run(executor, &src, 1, &dst, 1), "a run that copies");
    }
    shunt_executor_destroy(executor);
    shunt_device_close(device);
    return SHUNT_OK;
}

typedef struct scene {
    cl_application app;
    cl_program program;
    cl_kernel filter, overlay;
    cl_mem raw, image, scores, drawn;
    shunt_buffer *in, *out;
    shunt_executor *executor;
} scene;

static cl_mem memory_of(const scene *s, cl_mem_flags flags, size_t bytes, void *host)
{
    cl_int code;
    cl_mem memory = clCreateBuffer(s->app.context, flags, bytes, host, &code);
    ok(code, "clCreateBuffer");
    return memory;
}

static void open_scene(scene *s)
{
    const char *text = kernels;
    cl_int code;
    good(cl_application_open(selector, &s->app), "a device on the application's queue");
    if (!s->app.device) exit(2);
    s->program = clCreateProgramWithSource(s->app.context, 1, &text, NULL, &code);
    ok(code, "clCreateProgramWithSource");
    ok(clBuildProgram(s->program, 0, NULL, "", NULL, NULL), "clBuildProgram");
    s->filter = clCreateKernel(s->program, "filter", &code);
    ok(code, "clCreateKernel");
    s->overlay = clCreateKernel(s->program, "overlay", &code);
    ok(code, "clCreateKernel");
    s->raw = memory_of(s, CL_MEM_READ_ONLY | CL_MEM_COPY_HOST_PTR, IMAGE_BYTES, net.images);
    s->image = memory_of(s, CL_MEM_READ_WRITE, IMAGE_BYTES, NULL);
    s->scores = memory_of(s, CL_MEM_READ_WRITE, PITCH, NULL);
    s->drawn = memory_of(s, CL_MEM_READ_WRITE, FRAMES * PITCH, NULL);
    good(shunt_opencl_buffer(s->app.device, s->image, &s->in), "a buffer of the application");
    good(shunt_opencl_buffer(s->app.device, s->scores, &s->out), "a buffer of the application");
    good(shunt_executor_create(net.graph, net.weights, s->app.device, &s->executor), "an executor");
}

static void close_scene(scene *s)
{
    cl_mem all[] = {s->raw, s->image, s->scores, s->drawn};
    shunt_executor_destroy(s->executor);
    shunt_buffer_destroy(s->in);
    shunt_buffer_destroy(s->out);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) clReleaseMemObject(all[i]);
    clReleaseKernel(s->filter);
    clReleaseKernel(s->overlay);
    clReleaseProgram(s->program);
    cl_application_close(&s->app);
}

static void enqueue(const scene *s, cl_kernel kernel, cl_mem from, cl_mem to, cl_int number, size_t items)
{
    ok(clSetKernelArg(kernel, 0, sizeof from, &from), "clSetKernelArg");
    ok(clSetKernelArg(kernel, 1, sizeof to, &to), "clSetKernelArg");
    ok(clSetKernelArg(kernel, 2, sizeof number, &number), "clSetKernelArg");
    ok(clEnqueueNDRangeKernel(s->app.queue, kernel, 1, NULL, &items, NULL, 0, NULL, NULL), "clEnqueueNDRangeKernel");
}

/* Filter, network, overlay: all on one queue, in one context, nothing waits. */
static void draw_frame(const scene *s, int frame)
{
    const shunt_tensor src = image(NULL, s->in), dst = scores(NULL, s->out);
    enqueue(s, s->filter, s->raw, s->image, frame, PIXELS);
    good(shunt_opencl_submit(s->executor, &src, 1, &dst, 1, 0, NULL, NULL), "submit");
    enqueue(s, s->overlay, s->scores, s->drawn, frame * (PITCH / 4), SCORES);
}

static const char *const copies_and_waits[] = {
    "clFinish",           "clWaitForEvents", "clEnqueueReadBuffer", "clEnqueueWriteBuffer", "clEnqueueCopyBuffer",
    "clEnqueueMapBuffer", "clCreateBuffer",  "clCreateKernel",      "clCreateCommandQueue", "clBuildProgram"};
enum { NCALLS = sizeof copies_and_waits / sizeof *copies_and_waits };

static void draw_frames(const scene *s)
{
    long before[NCALLS], launched;
    draw_frame(s, 0); /* makes the plan */
    for (int c = 0; c < NCALLS; c++) before[c] = layer->calls(copies_and_waits[c]);
    launched = layer->calls("clEnqueueNDRangeKernel");
    for (int f = 0; f < FRAMES; f++) draw_frame(s, f);
    for (int c = 0; c < NCALLS; c++)
        if (layer->calls(copies_and_waits[c]) != before[c]) complain(copies_and_waits[c], "called for a frame");
    if (layer->calls("clEnqueueNDRangeKernel") < launched + 10 * FRAMES) complain("frames", "no kernels were run");
    for (int f = 0; f < FRAMES; f++) {
        float drawn[SCORES];
        ok(clEnqueueReadBuffer(s->app.queue, s->drawn, CL_TRUE, (size_t)f * PITCH, sizeof drawn, drawn, 0, NULL, NULL),
           "clEnqueueReadBuffer");
        for (int i = 0; i < SCORES; i++) drawn[i] /= 4; /* exact */
        if (memcmp(drawn, expected[f], sizeof drawn)) complain("a frame", "other bits than the copying way");
    }
}

/* A run that begins after an event of the application, and one of the application's that begins after the run. */
static void use_events(const scene *s)
{
    const shunt_tensor src = image(NULL, s->in), dst = scores(NULL, s->out);
    cl_int code;
    cl_event mine = clCreateUserEvent(s->app.context, &code), run = NULL, read;
    ok(code, "clCreateUserEvent");
    cl_command_queue other = clCreateCommandQueue(s->app.context, s->app.id, 0, &code);
    ok(code, "clCreateCommandQueue");
    shunt_event *event = NULL;
    float result[SCORES] = {0};
    int done = 1;
    enqueue(s, s->filter, s->raw, s->image, 3, PIXELS);
    good(shunt_opencl_submit(s->executor, &src, 1, &dst, 1, 1, &mine, &event), "a run after an event");
    good(shunt_opencl_event(event, &run), "an event of the run");
    ok(clEnqueueReadBuffer(other, s->scores, CL_FALSE, 0, sizeof result, result, 1, &run, &read),
       "clEnqueueReadBuffer");
    ok(clFlush(other), "clFlush");
    good(shunt_event_poll(event, &done), "poll");
    if (done) complain("a run", "did not wait for the application's event");
    ok(clSetUserEventStatus(mine, CL_COMPLETE), "clSetUserEventStatus");
    ok(clWaitForEvents(1, &read), "clWaitForEvents");
    if (memcmp(result, expected[3], sizeof result)) complain("events", "other bits");
    good(shunt_event_wait(event), "wait");
    shunt_event_release(event);
    const cl_event events[] = {mine, run, read};
    for (int i = 0; i < 3; i++) clReleaseEvent(events[i]);
    clReleaseCommandQueue(other);
}

/* Memory that Shunt made, in a kernel of the application. */
static void lend_memory(const scene *s)
{
    shunt_buffer *buffer = NULL;
    cl_mem memory = NULL;
    float result[SCORES];
    good(shunt_buffer_create(s->app.device, IMAGE_BYTES, &buffer), "a buffer");
    good(shunt_opencl_memory(buffer, &memory), "its memory");
    enqueue(s, s->filter, s->raw, memory, 5, PIXELS);
    const shunt_tensor src = image(NULL, buffer), dst = scores(result, NULL);
    good(shunt_executor_run(s->executor, &src, 1, &dst, 1), "a run on it");
    if (memcmp(result, expected[5], sizeof result)) complain("memory of Shunt's", "other bits");
    shunt_buffer_destroy(buffer);
}

/* ---- What is refused ----------------------------------------------------------------------------------------------- */

static void refuse_memory(const scene *s)
{
    static float aligned[PIXELS + 64];
    shunt_buffer *buffer = NULL;
    cl_application other;
    cl_int code;
    good(cl_application_open(selector, &other), "another context");
    refused(shunt_opencl_buffer(other.device, s->image, &buffer), SHUNT_E_INVALID, "another context");
    cl_event foreign = clCreateUserEvent(other.context, &code);
    ok(code, "clCreateUserEvent");
    const shunt_tensor src = image(NULL, s->in), dst = scores(NULL, s->out);
    refused(shunt_opencl_submit(s->executor, &src, 1, &dst, 1, 1, &foreign, NULL), SHUNT_E_DEVICE,
            "CL_INVALID_CONTEXT");
    clSetUserEventStatus(foreign, CL_COMPLETE);
    clReleaseEvent(foreign);
    cl_application_close(&other);
    cl_mem odd = memory_of(s, CL_MEM_USE_HOST_PTR, IMAGE_BYTES, (char *)aligned + 4);
    refused(shunt_opencl_buffer(s->app.device, odd, &buffer), SHUNT_E_INVALID, "host address");
    clReleaseMemObject(odd);
    refused(shunt_buffer_wrap(s->app.device, NULL, &buffer), SHUNT_E_INVALID, "NULL");
}

static void refuse_access(const scene *s, cl_mem_flags flags, size_t bytes, bool result, const char *text)
{
    cl_mem memory = memory_of(s, flags, bytes, NULL);
    shunt_buffer *buffer = NULL;
    good(shunt_opencl_buffer(s->app.device, memory, &buffer), "a buffer");
    const shunt_tensor src = image(NULL, result ? s->in : buffer), dst = scores(NULL, result ? buffer : s->out);
    refused(shunt_opencl_submit(s->executor, &src, 1, &dst, 1, 0, NULL, NULL), SHUNT_E_INVALID, text);
    shunt_buffer_destroy(buffer);
    clReleaseMemObject(memory);
}

/* Two buffers of one cl_mem are one memory. */
static void refuse_twice(const scene *s)
{
    shunt_buffer *again = NULL;
    good(shunt_opencl_buffer(s->app.device, s->image, &again), "the same memory again");
    const shunt_tensor src = image(NULL, s->in), dst = scores(NULL, again);
    refused(shunt_opencl_submit(s->executor, &src, 1, &dst, 1, 0, NULL, NULL), SHUNT_E_INVALID,
            "output 0 overlaps input 0");
    shunt_buffer_destroy(again);
}

static void refuse_queue(const scene *s)
{
    cl_int code;
    shunt_device *device = NULL;
    cl_command_queue queue =
        clCreateCommandQueue(s->app.context, s->app.id, CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE, &code);
    if (!code) refused(shunt_opencl_device(queue, &device), SHUNT_E_UNSUPPORTED, "out of order");
    if (!code) clReleaseCommandQueue(queue);
    refused(shunt_device_adopt("scalar", s->app.queue, &device), SHUNT_E_UNSUPPORTED, "takes no queues");
    refused(shunt_device_adopt("nosuch", s->app.queue, &device), SHUNT_E_NOT_FOUND, "nosuch");
    refused(shunt_device_adopt("opencl", NULL, &device), SHUNT_E_INVALID, "NULL");
}

static void refuse(const scene *s)
{
    refuse_memory(s);
    refuse_access(s, CL_MEM_READ_ONLY, PITCH, true, "output 0: its buffer was made for reading only");
    refuse_access(s, CL_MEM_WRITE_ONLY, IMAGE_BYTES, false, "input 0: its buffer was made for writing only");
    refuse_access(s, CL_MEM_READ_WRITE, IMAGE_BYTES - 4, false, "do not fit a buffer of");
    refuse_twice(s);
    refuse_queue(s);
}

int main(int argc, char **argv)
{
    void *library = argc == 3 ? dlopen(argv[2], RTLD_NOW) : NULL;
    scene s = {0};
    char text[256];
    layer = library ? dlsym(library, "fail_nth_control") : NULL;
    selector = getenv("SHUNT_TEST_DEVICE") ? getenv("SHUNT_TEST_DEVICE") : "opencl:cpu";
    if (!layer || small_net_create(&net)) return 2;
    shunt_set_option("plugin_path", argv[1]);
    if (find_expected() || layer->calls("clGetPlatformIDs") == 0) {
        fprintf(stderr, "skipped: %s, or this OpenCL loader does not read OPENCL_LAYERS\n", shunt_last_error());
        return SKIPPED;
    }
    open_scene(&s);
    draw_frames(&s);
    use_events(&s);
    lend_memory(&s);
    refuse(&s);
    draw_frames(&s); /* refusals leave no trace */
    close_scene(&s);
    small_net_destroy(&net);
    shunt_shutdown();
    if (layer->held(text, sizeof text)) complain("OpenCL objects left", text);
    return wrong > 0;
}
