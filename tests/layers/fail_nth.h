/* fail_nth.h - an OpenCL layer that makes chosen calls fail, and counts objects. The loader takes it from OPENCL_LAYERS
 * (ocl-icd 2.3). A test finds its control as the symbol fail_nth_control of the library that it names there; for a program
 * that you only see from outside, OPENCL_FAIL=FUNCTION:N or FUNCTION:N+ arms it with CL_OUT_OF_RESOURCES.
 *
 * A call that fails never reaches the driver. But for releases, unmapping, clFinish and clWaitForEvents, which do their
 * work and then report the failure: an object that was not released would be the layer's leak, not the caller's. */
#ifndef SHUNT_TESTS_FAIL_NTH_H
#define SHUNT_TESTS_FAIL_NTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct fail_nth {
    /* Call number n (from 1, from now on) of `function` ("any": of all) fails with `code`; with `onward` all later ones
     * of any function too, as on a device that is lost. function NULL: nothing fails any more. */
    void (*arm)(const char *function, unsigned n, bool onward, int32_t code);
    /* The function that was made to fail first since then, or NULL. */
    const char *(*fired)(void);
    /* Calls of the function so far, failed ones included. -1: the layer does not know it. */
    long (*calls)(const char *function);
    /* Name of known function number `index`, NULL past the end. */
    const char *(*function)(unsigned index);
    /* How many references are held of objects of all kinds, mapped buffers among them. text: "2 events, 1 kernel". */
    long (*held)(char *text, size_t size);
} fail_nth;

extern const fail_nth fail_nth_control;

#endif
