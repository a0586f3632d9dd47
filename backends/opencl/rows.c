/* rows.c - see rows.h. */
#include "rows.h"

enum { CPU_RUN = 256 };

const char *ocl_rows_refuse(const shunt_tensor_desc *tensor)
{
    return tensor->block == SHUNT_PLAIN ? NULL : "a layout other than plain";
}

cl_int ocl_row_run(const ocl_device *device, uint64_t width)
{
    if (!ocl_is_cpu(device)) return 1;
    return width < CPU_RUN ? (cl_int)width : CPU_RUN;
}

cl_int8 ocl_row_dims(const shunt_tensor_desc *tensor)
{
    cl_int8 dims = {{0}};
    for (uint32_t i = 0; i < tensor->rank; i++) dims.s[i] = (cl_int)tensor->dims[i];
    return dims;
}

shunt_status ocl_rows_step(ocl_device *device, ocl_step *step, const shunt_tensor_desc *dst, const ocl_source *source,
                           const char *kernel)
{
    const uint64_t width = (uint64_t)dst->dims[dst->rank - 1];
    const cl_int run = ocl_row_run(device, width);
    const cl_ulong pieces = shunt_tensor_count(dst) / width * ((width + (uint64_t)run - 1) / (uint64_t)run);
    const ocl_constant constants[] = {{sizeof pieces, &pieces}, {sizeof run, &run}};
    char options[OCL_OPTIONS_CHARS] = "";
    ocl_add_option(options, "-DWG=%zu -DRANK=%u", ocl_group(device), dst->rank);
    shunt_status status = ocl_step_create_flat(device, step, source, options, kernel, pieces);
    return status ? status : ocl_step_constants(step, 4, 2, constants);
}
