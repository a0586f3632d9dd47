/* channels.c - see channels.h. */
#include "channels.h"

/* Pixels of a slice: on a CPU the work of some microseconds; GPUs need many groups, but not so many that adding up their sums takes
 * long. None may depend on the device's size, for results shall not. */
enum { CPU_SLICE = 1024, CPU_SLICES = 4096, GPU_SLICE = 256, GPU_SLICES = 256 };

const char *ocl_channels_refuse(const shunt_tensor_desc *tensor)
{
    if (tensor->rank < 2) return "an activation without a channel dimension";
    if (tensor->dims[0] * ocl_inner_count(tensor, 2) > INT32_MAX - CPU_SLICES) return "2^31 pixels or nearly so";
    return NULL;
}

bool ocl_per_channel(const shunt_tensor_desc *tensor, const shunt_tensor_desc *activation)
{
    return tensor->rank == 1 && tensor->dims[0] == activation->dims[1];
}

channel_plan ocl_channels_plan(const ocl_device *device, const shunt_tensor_desc *tensor)
{
    const int64_t block = tensor->rank == 4 ? shunt_tensor_block(tensor) : SHUNT_PLAIN;
    const int64_t pixels = ocl_inner_count(tensor, 2), total = tensor->dims[0] * pixels;
    const uint64_t channels = shunt_tensor_storage(tensor) / (uint64_t)total;
    const uint32_t lanes = ocl_lanes(device, block);
    const size_t group = ocl_reduce_group(device, 2 * lanes * sizeof(float) + sizeof(cl_int));
    const bool cpu = ocl_is_cpu(device);
    const int64_t least = cpu ? CPU_SLICE : GPU_SLICE, most = cpu ? CPU_SLICES : GPU_SLICES;
    const int64_t even = (total + most - 1) / most;
    const int64_t slice = even > least ? even : least, slices = (total + slice - 1) / slice;
    size_t parts = 1;
    while (parts * 2 <= group && block / lanes % (int64_t)(parts * 2) == 0) parts *= 2;
    channel_plan plan = {.dims = {(cl_int)tensor->dims[1], (cl_int)pixels, (cl_int)total, (cl_int)slice},
                         .items = {channels / lanes / parts * group, (uint64_t)slices},
                         .local = {group, 1},
                         .partial = (uint64_t)slices * 2 * channels * sizeof(float)};
    ocl_add_option(plan.options, "-DB=%lld -DV=%u -DWG=%zu -DPARTS=%zu", (long long)block, lanes, group, parts);
    return plan;
}

shunt_status ocl_channels_step(ocl_device *device, ocl_step *step, const channel_plan *plan, const ocl_source *source,
                               const char *kernel)
{
    return ocl_step_create(device, step, source, plan->options, kernel, 2, plan->items, plan->local);
}

shunt_status ocl_channels_merge(ocl_device *device, ocl_step *step, const channel_plan *plan, const ocl_source *source,
                                const char *kernel)
{
    const uint64_t items[] = {plan->items[0], 1};
    return ocl_step_create(device, step, source, plan->options, kernel, 2, items, plan->local);
}
