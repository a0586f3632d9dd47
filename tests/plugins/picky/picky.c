/* picky.c - a device for testing the planner: the scalar backend's, made difficult by options.
 *   picky_refuse=conv,relu   op kinds that it refuses
 *   picky_refuse16=add,conv  op kinds that it refuses on data in 16 bits
 *   picky_single=1           it says that it takes float32 data only
 *   picky_max_alloc=BYTES    the largest buffer it grants and reports
 *   picky_fail_launch=N      the N-th launch fails, of those since this or the next one was set
 *   picky_lose=N             with the N-th launch, which is taken, the device is lost: all that is asked of it fails */
#include <shunt/backend.h>

#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const shunt_backend *scalar_entry(const shunt_host *host);

static const shunt_host *services;
static const shunt_backend *scalar;
static shunt_backend picky;
static shunt_device_ops ops;
static const shunt_device_ops *scalar_ops;
static atomic_long launches;
static atomic_bool lost;
static _Thread_local const char *message;

static const char *const kinds[SHUNT_OP_KINDS] = {
    [SHUNT_OP_CONV] = "conv",         [SHUNT_OP_LINEAR] = "linear",
    [SHUNT_OP_BATCH_NORM] = "norm",   [SHUNT_OP_RELU] = "relu",
    [SHUNT_OP_ADD] = "add",           [SHUNT_OP_MAX_POOL] = "max_pool",
    [SHUNT_OP_AVG_POOL] = "avg_pool", [SHUNT_OP_GLOBAL_POOL] = "global_pool",
    [SHUNT_OP_SOFTMAX] = "softmax",   [SHUNT_OP_SHORTCUT] = "shortcut",
    [SHUNT_OP_REORDER] = "reorder",   [SHUNT_OP_CONV_GRAD_WEIGHTS] = "conv_grad_weights",
    [SHUNT_OP_SGD] = "sgd",           [SHUNT_OP_MOVING_AVERAGE] = "moving_average",
    [SHUNT_OP_SHRINK] = "shrink",     [SHUNT_OP_BATCH_NORM_TRAIN] = "norm_train"};

static uint64_t max_alloc(void)
{
    const char *bytes = services->option("picky_max_alloc");
    return bytes ? strtoull(bytes, NULL, 10) : UINT64_C(1) << 40;
}

static const char *last_error(void)
{
    const char *text = message ? message : scalar->last_error();
    message = NULL;
    return text;
}

static shunt_status device_info(uint32_t index, shunt_device_info *out)
{
    shunt_status status = scalar->device_info(index, out);
    if (status != SHUNT_OK) return status;
    out->max_alloc = max_alloc();
    if (services->option("picky_single")) out->dtypes = 0;
    return status;
}

/* Whether a call must fail, with the message set. */
static bool is_lost(void)
{
    if (lost) message = "the device is lost";
    return lost;
}

static shunt_status buffer_alloc(shunt_bdevice *device, uint64_t bytes, uint32_t usage, shunt_bbuffer **out)
{
    if (is_lost()) return SHUNT_E_DEVICE;
    if (bytes <= max_alloc()) return scalar_ops->buffer_alloc(device, bytes, usage, out);
    message = "larger than picky_max_alloc";
    return SHUNT_E_MEMORY;
}

/* Whether the comma-separated list has the kind. */
static bool refuses(const char *list, uint32_t kind)
{
    const char *name = kind < SHUNT_OP_KINDS ? kinds[kind] : NULL;
    for (const char *at = list; at && name && (at = strstr(at, name)); at++)
        if ((at == list || at[-1] == ',') && (at[strlen(name)] == ',' || !at[strlen(name)])) return true;
    return false;
}

static shunt_status op_query(shunt_bdevice *device, const shunt_op_desc *desc, shunt_op_candidates *out)
{
    const bool narrow = shunt_dtype_bytes(shunt_op_data_type(desc)) == 2;
    if (!refuses(services->option("picky_refuse"), desc->kind) &&
        !(narrow && refuses(services->option("picky_refuse16"), desc->kind)))
        return scalar_ops->op_query(device, desc, out);
    out->count = 1;
    out->list[0] = (shunt_candidate){.reason = "picky refuses it"};
    return SHUNT_E_UNSUPPORTED;
}

static shunt_status op_launch(shunt_bop *op, shunt_bqueue *queue, const shunt_arg *inputs, const shunt_arg *outputs,
                              shunt_arg workspace, shunt_bevent **event)
{
    const char *failing = services->option("picky_fail_launch"), *losing = services->option("picky_lose");
    if (is_lost()) return SHUNT_E_DEVICE;
    long number = failing || losing ? atomic_fetch_add(&launches, 1) + 1 : 0;
    if (failing && number == atol(failing)) {
        message = "this launch was told to fail";
        return SHUNT_E_DEVICE;
    }
    shunt_status status = scalar_ops->op_launch(op, queue, inputs, outputs, workspace, event);
    if (losing && number == atol(losing)) lost = true;
    return status;
}

/* Claims a cost that the library must not believe. */
static shunt_status op_info(const shunt_bop *op, shunt_op_info *info)
{
    shunt_status status = scalar_ops->op_info(op, info);
    info->flops = info->bytes = 1;
    return status;
}

static shunt_status queue_create(shunt_bdevice *device, int profiling, shunt_bqueue **out)
{
    return is_lost() ? SHUNT_E_DEVICE : scalar_ops->queue_create(device, profiling, out);
}

static shunt_status queue_finish(shunt_bqueue *queue)
{
    return is_lost() ? SHUNT_E_DEVICE : scalar_ops->queue_finish(queue);
}

static shunt_status write_buffer(shunt_bqueue *queue, shunt_arg dst, const void *src, uint64_t bytes,
                                 shunt_bevent **event)
{
    return is_lost() ? SHUNT_E_DEVICE : scalar_ops->write(queue, dst, src, bytes, event);
}

static shunt_status read_buffer(shunt_bqueue *queue, void *dst, shunt_arg src, uint64_t bytes, shunt_bevent **event)
{
    return is_lost() ? SHUNT_E_DEVICE : scalar_ops->read(queue, dst, src, bytes, event);
}

static shunt_status device_open(uint32_t index, const char *params, shunt_bdevice **out)
{
    shunt_status status = scalar->device_open(index, params, out);
    if (status != SHUNT_OK) return status;
    scalar_ops = (*out)->ops;
    ops = *scalar_ops;
    ops.buffer_alloc = buffer_alloc;
    ops.op_query = op_query;
    ops.op_info = op_info;
    ops.op_launch = op_launch;
    ops.queue_create = queue_create;
    ops.queue_finish = queue_finish;
    ops.write = write_buffer;
    ops.read = read_buffer;
    (*out)->ops = &ops;
    return SHUNT_OK;
}

__attribute__((visibility("default"))) const shunt_backend *shunt_backend_entry(const shunt_host *host)
{
    services = host;
    scalar = scalar_entry(host);
    if (!scalar) return NULL;
    picky = *scalar;
    picky.name = "picky";
    picky.device_info = device_info;
    picky.device_open = device_open;
    picky.last_error = last_error;
    return &picky;
}
