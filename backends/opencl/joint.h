/* joint.h - ops that do a small thing for many other ops at once: a launch for each pair of buffers, with a list of what to do there,
 * instead of one for each of them. */
#ifndef SHUNT_OPENCL_JOINT_H
#define SHUNT_OPENCL_JOINT_H

#include "opencl.h"

/* A launch. The kernel takes src, dst and the list, then `count`; it runs in `groups` groups of ocl_group. */
typedef struct ocl_joint {
    const ocl_source *source;
    const char *options, *kernel;
    uint8_t data; /* the type of `real` */
    shunt_bbuffer *src, *dst;
    const void *list; /* copied; of `bytes` bytes */
    uint64_t bytes, groups;
    cl_int count; /* of its entries */
} ocl_joint;

/* An op of at most so many launches, none yet. After a failure destroy it. */
shunt_status ocl_joint_begin(ocl_device *device, const char *name, uint32_t most, shunt_bop **out);
shunt_status ocl_joint_add(shunt_bop *op, const ocl_joint *joint);
/* Runs it once, if something was compiled for it. */
shunt_status ocl_joint_end(shunt_bop *op);

#endif
