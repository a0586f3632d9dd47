/* measure.c - what the device does at best, so that a kernel's speed can be given as a share of it. */
#include "kernels.h"

#include <time.h>

enum { CPU_CHAINS = 12, GPU_CHAINS = 8, REPEATS = 8, CPU_ITEMS_PER_UNIT = 4, GPU_ITEMS_PER_UNIT = 4096 };
static const uint64_t COPY_BYTES = 256u << 20;

typedef struct roof {
    ocl_device *device;
    shunt_bqueue *queue;
    uint64_t items; /* of the arithmetic */
    uint32_t lanes;
    char options[OCL_OPTIONS_CHARS];
} roof;

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* The shortest of several runs; the first, which may compile, does not count. */
static shunt_status time_step(roof *r, ocl_step *step, uint32_t ntensors, const shunt_arg *tensors, double *best)
{
    *best = 0;
    for (int i = 0; i <= REPEATS; i++) {
        double start = seconds();
        shunt_status status = ocl_step_run(step, r->queue, ntensors, tensors);
        if (!status) status = ocl_queue_finish(r->queue);
        if (status) return status;
        double time = seconds() - start;
        if (i > 0 && (*best == 0 || time < *best)) *best = time;
    }
    return SHUNT_OK;
}

static shunt_status measure_arithmetic(roof *r, double *flops_per_second)
{
    const cl_int chains = ocl_is_cpu(r->device) ? CPU_CHAINS : GPU_CHAINS,
                 steps = ocl_is_cpu(r->device) ? 200000 : 2000;
    const ocl_constant constants[] = {{sizeof steps, &steps}};
    shunt_arg dst = {0};
    ocl_step step = {0};
    double time = 0;
    shunt_status status =
        ocl_buffer_alloc(&r->device->base, r->items * r->lanes * sizeof(float), SHUNT_USE_SCRATCH, &dst.buffer);
    if (!status) status = ocl_step_create_flat(r->device, &step, &ocl_measure_cl, r->options, "multiply_add", r->items);
    if (!status) status = ocl_step_constants(&step, 2, 1, constants);
    if (!status) status = time_step(r, &step, 1, &dst, &time);
    ocl_step_destroy(&step);
    ocl_buffer_free(&r->device->base, dst.buffer);
    *flops_per_second = 2.0 * (double)r->items * r->lanes * chains * steps / time;
    return status;
}

static shunt_status measure_memory(roof *r, double *bytes_per_second)
{
    const shunt_device_info *info = &r->device->found.info;
    const uint64_t most = info->max_alloc < info->memory / 4 ? info->max_alloc : info->memory / 4;
    const uint64_t group = ocl_group(r->device), vector = r->lanes * sizeof(float);
    const uint64_t vectors = (most < COPY_BYTES ? most : COPY_BYTES) / vector;
    const cl_ulong run = ocl_is_cpu(r->device) ? vectors / (r->items * group) : 1;
    const uint64_t items = run > 0 ? vectors / run / group * group : 0; /* whole groups, within the buffers */
    const ocl_constant constants[] = {{sizeof run, &run}};
    shunt_arg tensors[2] = {{0}};
    ocl_step step = {0};
    double time = 0;
    if (items == 0) return ocl_fail(SHUNT_E_MEMORY, "too little memory to measure its speed");
    shunt_status status = SHUNT_OK;
    for (int i = 0; i < 2 && !status; i++)
        status = ocl_buffer_alloc(&r->device->base, vectors * vector, SHUNT_USE_SCRATCH, &tensors[i].buffer);
    for (int i = 0; i < 2 && !status; i++) status = ocl_fill(r->queue, tensors[i], 0, vectors * vector, NULL);
    if (!status) status = ocl_step_create_flat(r->device, &step, &ocl_measure_cl, r->options, "copy", items);
    if (!status) status = ocl_step_constants(&step, 4, 1, constants);
    if (!status) status = time_step(r, &step, 2, tensors, &time);
    ocl_queue_finish(r->queue); /* its failure, if any, is that of the run before */
    ocl_step_destroy(&step);
    for (int i = 0; i < 2; i++) ocl_buffer_free(&r->device->base, tensors[i].buffer);
    *bytes_per_second = 2.0 * (double)(items * run * vector) / time;
    return status;
}

shunt_status ocl_measure(shunt_bdevice *base, double *flops_per_second, double *bytes_per_second)
{
    ocl_device *device = (ocl_device *)base;
    const int64_t block = 16;
    const bool cpu = ocl_is_cpu(device);
    roof r = {.device = device, .lanes = ocl_lanes(device, block)};
    r.items =
        (uint64_t)device->found.limits.units * (cpu ? CPU_ITEMS_PER_UNIT * ocl_group(device) : GPU_ITEMS_PER_UNIT);
    ocl_block_options(device, block, r.options);
    ocl_add_option(r.options, " -DCHAINS=%d", cpu ? CPU_CHAINS : GPU_CHAINS);
    shunt_status status = ocl_queue_create(base, 0, &r.queue);
    if (!status) status = measure_arithmetic(&r, flops_per_second);
    if (!status) status = measure_memory(&r, bytes_per_second);
    ocl_queue_destroy(base, r.queue);
    return status;
}
