/* trial.h - whether a device does what its driver may only claim: a small kernel is run there once, and the verdict kept in the
 * host's cache, with all that it depends on.
 *
 * A driver may crash over it. So a mark is put into the cache before, and where it is still found, the verdict is no.
 * The runtime asks for devices in a process of its own first, which is all that is lost. */
#ifndef SHUNT_OPENCL_TRIAL_H
#define SHUNT_OPENCL_TRIAL_H

#include "kernels.h"

typedef struct ocl_trial {
    const char *what; /* is tried, for the log */
    const ocl_source *source;
    const char *options; /* the build's */
    /* Runs it. Returns whether the result is right; what a driver cannot do is no failure. */
    bool (*works)(const ocl_found *found, const struct ocl_trial *trial);
    const void *own;
} ocl_trial;

/* The verdict, from the cache or by works(). The device has been described but for what depends on this. */
bool ocl_trial_passes(const ocl_found *found, const ocl_trial *trial);

/* For works(): builds the source and runs its kernel once, in a context of its own, in one work-group of `items` items. The kernel's
 * arguments are the tensors, each with the offset 0, then the constants. The last tensor is read back. */
typedef struct trial_tensor {
    void *data;
    size_t bytes;
} trial_tensor;
typedef struct trial_run {
    const char *kernel;
    size_t items;
    uint32_t ntensors, nconstants;
    const trial_tensor *tensors;
    const ocl_constant *constants;
} trial_run;
cl_int ocl_trial_run(const ocl_found *found, const ocl_trial *trial, const trial_run *run);

#endif
