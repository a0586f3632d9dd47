/* cl_application.h - an application with OpenCL of its own, for tests of include/shunt/opencl.h: a context and a queue on the device that
 * Shunt has found, and the device that Shunt makes of the queue. A failing call of its own gives SHUNT_E_DEVICE with the call and the
 * code in the message, as the library's do. */
#ifndef SHUNT_TESTS_CL_APPLICATION_H
#define SHUNT_TESTS_CL_APPLICATION_H

#include "tests/support/small_net.h"
#include <shunt/opencl.h>

typedef struct cl_application {
    cl_device_id id;
    cl_context context;
    cl_command_queue queue;
    shunt_device *device;
} cl_application;

/* To be closed whatever it returns. */
shunt_status cl_application_open(const char *selector, cl_application *app);
void cl_application_close(cl_application *app);
/* SHUNT_OK for CL_SUCCESS. */
shunt_status cl_application_check(const char *call, cl_int code);

/* The small network on images and to scores that lie in the application's memory; polled, waited for, its event taken. */
shunt_status cl_application_run(const char *selector, const small_net *net, small_net_result result);

#endif
