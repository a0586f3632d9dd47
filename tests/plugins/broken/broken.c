/* broken.c - the scalar backend under another name and with one fault, SHUNT_BROKEN=
 *   padding   a convolution's padding before and after change places
 *   stale     an op gives the result of its first launch for ever
 *   bounds    a launch writes one word past its first output
 *   random    every other launch is off by one unit in the last place
 *   narrow    the first element of a result in 16 bits is off by one unit in the last place
 *   single    it says that it takes float32 data only
 *   order     a fill of a queue takes effect only when the next fill is given
 *   excuse    a convolution's algorithm claims that it may be off by 1e9 times as much as others
 *   greedy    any buffer is granted, even one of an exabyte
 *   crash     looking for devices kills the process */
#include <shunt/backend.h>

#include <stdlib.h>
#include <string.h>

const shunt_backend *scalar_entry(const shunt_host *host);

static const shunt_host *services;
static const shunt_backend *scalar;
static const shunt_device_ops *real;
static shunt_backend broken;
static shunt_device_ops table;

static int is(const char *fault)
{
    const char *asked = services->option("broken");
    return asked && !strcmp(asked, fault);
}

struct shunt_bop { /* a scalar op, and what `stale` remembers */
    shunt_bop *real;
    shunt_op_desc desc;
    unsigned launches;
    void *first;
};

static shunt_status op_prepare(shunt_bdevice *device, const shunt_op_desc *desc, const shunt_prepare_options *options,
                               shunt_bop **out)
{
    shunt_bop *made = calloc(1, sizeof *made);
    if (!made) return SHUNT_E_MEMORY;
    made->desc = *desc;
    if (is("padding") && desc->kind == SHUNT_OP_CONV)
        for (int i = 0; i < 2; i++) {
            made->desc.attr.conv.pad_before[i] = desc->attr.conv.pad_after[i];
            made->desc.attr.conv.pad_after[i] = desc->attr.conv.pad_before[i];
        }
    shunt_status status = real->op_prepare(device, &made->desc, options, &made->real);
    if (status == SHUNT_OK)
        *out = made;
    else
        free(made);
    return status;
}

static shunt_status op_info(const shunt_bop *op, shunt_op_info *info)
{
    shunt_status status = real->op_info(op->real, info);
    if (is("excuse") && op->desc.kind == SHUNT_OP_CONV) info->error_scale = 1e9f;
    return status;
}

static void op_destroy(shunt_bop *op)
{
    real->op_destroy(op->real);
    free(op->first);
    free(op);
}

static shunt_status spoil(shunt_bop *op, shunt_bqueue *queue, shunt_arg dst)
{
    uint64_t bytes = shunt_tensor_bytes(&op->desc.outputs[0]);
    shunt_arg end = {.buffer = dst.buffer, .offset = dst.offset + (bytes + 63) / 64 * 64};
    uint32_t word;
    op->launches++;
    if (is("bounds")) return real->fill(queue, end, 0, sizeof word, NULL);
    if (is("random") && op->launches % 2 == 0) {
        real->read(queue, &word, dst, sizeof word, NULL);
        word ^= 1;
        return real->write(queue, dst, &word, sizeof word, NULL);
    }
    if (is("narrow") && shunt_dtype_bytes(op->desc.outputs[0].dtype) == 2) {
        real->read(queue, &word, dst, sizeof word, NULL);
        word ^= 1; /* little endian: of the first half */
        return real->write(queue, dst, &word, sizeof word, NULL);
    }
    if (is("stale") && op->first) return real->write(queue, dst, op->first, bytes, NULL);
    if (is("stale") && (op->first = malloc(bytes))) return real->read(queue, op->first, dst, bytes, NULL);
    return SHUNT_OK;
}

static shunt_status op_launch(shunt_bop *op, shunt_bqueue *queue, const shunt_arg *inputs, const shunt_arg *outputs,
                              shunt_arg workspace, shunt_bevent **event)
{
    shunt_status status = real->op_launch(op->real, queue, inputs, outputs, workspace, event);
    return status == SHUNT_OK ? spoil(op, queue, outputs[0]) : status;
}

static shunt_status fill(shunt_bqueue *queue, shunt_arg dst, uint32_t word, uint64_t bytes, shunt_bevent **event)
{
    static uint32_t late;
    uint32_t now = is("order") ? late : word;
    late = word;
    return real->fill(queue, dst, now, bytes, event);
}

static shunt_status buffer_alloc(shunt_bdevice *device, uint64_t bytes, uint32_t usage, shunt_bbuffer **out)
{
    if (is("greedy") && bytes > UINT64_C(1) << 40) bytes = 64;
    return real->buffer_alloc(device, bytes, usage, out);
}

static shunt_status probe(uint32_t *ndevices)
{
    if (is("crash")) abort();
    return scalar->probe(ndevices);
}

static shunt_status device_info(uint32_t index, shunt_device_info *out)
{
    shunt_status status = scalar->device_info(index, out);
    if (status == SHUNT_OK && is("single")) out->dtypes = 0;
    return status;
}

static shunt_status device_open(uint32_t index, const char *params, shunt_bdevice **out)
{
    shunt_status status = scalar->device_open(index, params, out);
    if (status != SHUNT_OK) return status;
    real = (*out)->ops;
    table = *real;
    table.buffer_alloc = buffer_alloc;
    table.fill = fill;
    table.op_prepare = op_prepare;
    table.op_info = op_info;
    table.op_launch = op_launch;
    table.op_destroy = op_destroy;
    (*out)->ops = &table;
    return SHUNT_OK;
}

__attribute__((visibility("default"))) const shunt_backend *shunt_backend_entry(const shunt_host *host)
{
    services = host;
    scalar = scalar_entry(host);
    if (!scalar) return NULL;
    broken = *scalar;
    broken.name = "broken";
    broken.probe = probe;
    broken.device_info = device_info;
    broken.device_open = device_open;
    return &broken;
}
