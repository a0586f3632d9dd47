/* channels.h - the geometry of ops that treat each channel of an activation alone (kernels-cl/channels.cl). */
#ifndef SHUNT_OPENCL_CHANNELS_H
#define SHUNT_OPENCL_CHANNELS_H

#include "opencl.h"

/* The same fields as in channels.cl. */
typedef struct channel_dims {
    cl_int C, pixels, total, slice;
} channel_dims;

typedef struct channel_plan {
    channel_dims dims;
    char options[OCL_OPTIONS_CHARS];
    uint64_t items[2];
    size_t local[2];
    uint64_t partial; /* bytes for two sums of each channel and slice */
} channel_plan;

/* Why a tensor cannot be walked so, or NULL. */
const char *ocl_channels_refuse(const shunt_tensor_desc *tensor);
/* Whether a tensor holds one number per channel of `activation`. */
bool ocl_per_channel(const shunt_tensor_desc *tensor, const shunt_tensor_desc *activation);

channel_plan ocl_channels_plan(const ocl_device *device, const shunt_tensor_desc *tensor);
/* A step over all slices. */
shunt_status ocl_channels_step(ocl_device *device, ocl_step *step, const channel_plan *plan, const ocl_source *source,
                               const char *kernel);
/* A step that merges the slices' sums. */
shunt_status ocl_channels_merge(ocl_device *device, ocl_step *step, const channel_plan *plan, const ocl_source *source,
                                const char *kernel);

#endif
