/* flat.c - see flat.h. */
#include "flat.h"

/* A block that every vector width divides; vectors of an item on a CPU. */
enum { FLAT = 16, CPU_RUN = 64 };

bool ocl_flat_has_spare(const shunt_tensor_desc *tensor)
{
    return shunt_tensor_storage(tensor) > shunt_tensor_count(tensor);
}

shunt_status ocl_flat_step(ocl_device *device, ocl_step *step, const shunt_tensor_desc *tensor,
                           const ocl_source *source, const char *option, const char *kernel)
{
    const int64_t block = ocl_flat_has_spare(tensor) ? tensor->block : FLAT;
    const uint64_t run = ocl_is_cpu(device) ? CPU_RUN : 1, piece = run * ocl_lanes(device, block);
    char options[OCL_OPTIONS_CHARS];
    ocl_block_options(device, block, options);
    ocl_add_option(options, " -DRUN=%d%s", (int)run, option);
    return ocl_step_create_flat(device, step, source, options, kernel,
                                (shunt_tensor_storage(tensor) + piece - 1) / piece);
}
