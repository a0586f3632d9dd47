/* cl_application.c - see cl_application.h. */
#include "tests/support/cl_application.h"

#include "runtime/base/error.h"

shunt_status cl_application_check(const char *call, cl_int code)
{
    const char *name = code == CL_OUT_OF_RESOURCES ? "CL_OUT_OF_RESOURCES" : "a code";
    return code ? error_fail(SHUNT_E_DEVICE, "the application's %s: %s (%d)", call, name, code) : SHUNT_OK;
}

/* By way of a buffer's memory: the device that the selector names. */
static shunt_status find_device(const char *selector, cl_device_id *id)
{
    shunt_device *device;
    shunt_buffer *buffer = NULL;
    cl_mem memory = NULL;
    cl_context context;
    shunt_status status = shunt_device_open(selector, NULL, &device);
    if (status) return status;
    status = shunt_buffer_create(device, 64, &buffer);
    if (!status) status = shunt_opencl_memory(buffer, &memory);
    if (!status)
        status = cl_application_check("clGetMemObjectInfo",
                                      clGetMemObjectInfo(memory, CL_MEM_CONTEXT, sizeof context, &context, NULL));
    if (!status)
        status = cl_application_check("clGetContextInfo",
                                      clGetContextInfo(context, CL_CONTEXT_DEVICES, sizeof *id, id, NULL));
    shunt_buffer_destroy(buffer);
    shunt_device_close(device);
    return status;
}

shunt_status cl_application_open(const char *selector, cl_application *app)
{
    cl_int code;
    *app = (cl_application){0};
    shunt_status status = find_device(selector, &app->id);
    if (status) return status;
    app->context = clCreateContext(NULL, 1, &app->id, NULL, NULL, &code);
    if (code) return cl_application_check("clCreateContext", code);
    app->queue = clCreateCommandQueue(app->context, app->id, 0, &code);
    if (code) return cl_application_check("clCreateCommandQueue", code);
    return shunt_opencl_device(app->queue, &app->device);
}

void cl_application_close(cl_application *app)
{
    shunt_device_close(app->device);
    if (app->queue) clReleaseCommandQueue(app->queue);
    if (app->context) clReleaseContext(app->context);
}

static shunt_status submit(const cl_application *app, const small_net *net, shunt_buffer *in, shunt_buffer *out,
                           cl_event *own)
{
    const shunt_tensor src = {
        .desc = {SHUNT_F32, 4, SHUNT_PLAIN, 0, {SMALL_NET_IMAGES, 3, SMALL_NET_SIDE, SMALL_NET_SIDE}}, .buffer = in};
    const shunt_tensor dst = {.desc = {SHUNT_F32, 2, SHUNT_PLAIN, 0, {SMALL_NET_IMAGES, SMALL_NET_CLASSES}},
                              .buffer = out};
    shunt_executor *executor;
    shunt_event *event = NULL;
    int done = 0;
    shunt_status status = shunt_executor_create(net->graph, net->weights, app->device, &executor);
    if (status) return status;
    status = shunt_opencl_submit(executor, &src, 1, &dst, 1, 0, NULL, &event);
    if (!status) status = shunt_opencl_event(event, own);
    if (!status) status = shunt_event_poll(event, &done);
    if (!status) status = shunt_event_wait(event);
    shunt_event_release(event);
    shunt_executor_destroy(executor);
    return status;
}

static shunt_status run(const cl_application *app, const small_net *net, cl_mem memory[2], small_net_result result)
{
    shunt_buffer *in = NULL, *out = NULL;
    cl_event own = NULL;
    shunt_status status = shunt_opencl_buffer(app->device, memory[0], &in);
    if (!status) status = shunt_opencl_buffer(app->device, memory[1], &out);
    if (!status) status = submit(app, net, in, out, &own);
    if (!status) status = shunt_buffer_read(out, 0, result, sizeof(small_net_result));
    if (own) clReleaseEvent(own);
    shunt_buffer_destroy(in);
    shunt_buffer_destroy(out);
    return status;
}

shunt_status cl_application_run(const char *selector, const small_net *net, small_net_result result)
{
    cl_application app;
    cl_mem memory[2] = {NULL};
    cl_int code = CL_SUCCESS;
    shunt_status status = cl_application_open(selector, &app);
    if (!status)
        memory[0] = clCreateBuffer(app.context, CL_MEM_READ_ONLY | CL_MEM_COPY_HOST_PTR, sizeof net->images,
                                   (void *)net->images, &code);
    if (!status && !code)
        memory[1] = clCreateBuffer(app.context, CL_MEM_READ_WRITE, sizeof(small_net_result), NULL, &code);
    if (!status) status = cl_application_check("clCreateBuffer", code);
    if (!status) status = run(&app, net, memory, result);
    for (int i = 0; i < 2; i++)
        if (memory[i]) clReleaseMemObject(memory[i]);
    cl_application_close(&app);
    return status;
}
