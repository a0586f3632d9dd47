/* joint.h - ops that convert an operand of many other ops at once (shunt_joint): a launch for each kernel and pair of buffers, with a list
 * of what to do there, instead of one for each of them. */
#ifndef SHUNT_OPENCL_JOINT_H
#define SHUNT_OPENCL_JOINT_H

#include "opencl.h"

/* What converts an operand. It takes src, dst and the list, then the number of its entries, and runs in groups of ocl_group. */
typedef struct ocl_joint_kernel {
    const ocl_source *source;
    const char *name;
    char options[OCL_OPTIONS_CHARS];
    uint8_t data; /* the type of `real` */
} ocl_joint_kernel;

typedef struct ocl_joining {
    const char *name;
    const char *(*refuse)(const shunt_joint *joint); /* why the operand cannot be converted, or NULL */
    void (*choose)(const shunt_joint *joint, ocl_joint_kernel *out);
    uint32_t (*count)(const shunt_joint *joint); /* entries of its list */
    /* Writes them; their work-groups begin with number `first`. Returns how many these are. */
    uint64_t (*list)(const shunt_joint *joint, uint64_t first, void *entries);
    size_t entry_bytes;
} ocl_joining;

/* packs_prepare and sums_prepare of backend.h. Runs the op once if something was compiled for it. */
shunt_status ocl_joint_prepare(ocl_device *device, const ocl_joining *joining, const shunt_joint *joints,
                               uint32_t count, shunt_bop **out);

#endif
