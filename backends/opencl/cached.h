/* cached.h - compiled programs in the host's disk cache. The driver's binary is kept under all that it depends on: the device, its driver,
 * source and options. What is damaged, or what the driver does not take any more, costs a compilation, never a failure: nothing but the
 * source is trusted.
 *
 * PoCL keeps what it compiles in a cache of its own, and builds a source that is in there in 0.03 s. Asked for a binary, it compiles every
 * kernel of the program once more, for grids of any size. So it is not asked, but with the option pocl_binaries "on": an entry then notes
 * that the program has been compiled, and has the text of a bundle. */
#ifndef SHUNT_OPENCL_CACHED_H
#define SHUNT_OPENCL_CACHED_H

#include "bundle.h"

/* The unit's own program, or NULL; *kept: the driver has it, so that its source is built soon. */
cl_program ocl_cached_program(const ocl_device *device, const ocl_unit *unit, bool *kept);
void ocl_cached_keep_program(const ocl_device *device, const ocl_unit *unit, cl_program program);

/* The number of the bundle that has the unit; 0: none. */
uint64_t ocl_cached_bundle_of(const ocl_device *device, const ocl_unit *unit);
/* That bundle; or NULL, and *text, which the caller frees, where the driver has what it made of that. Both NULL: it is not there. */
cl_program ocl_cached_bundle(const ocl_device *device, uint64_t number, char **text);
/* Returns its number. */
uint64_t ocl_cached_keep_bundle(const ocl_device *device, const ocl_unit *units, uint32_t count, const char *text,
                                cl_program program);

#endif
