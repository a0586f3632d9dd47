/* tunable.c - a device for testing the tuner: the scalar backend's, with several candidates for a convolution.
 *   tunable_list=slow,fast   the candidates, best guess first; without it: slow,fast. What they do:
 *       slow medium quick fast   are right, after 24, 8, 2, 0 ms: far enough apart for a busy machine
 *       fades                is right, at once where it is prepared for the first time, after 100 ms from then on
 *       wrong                doubles a result and is at once
 *       spills               writes behind dst
 *       refuses              cannot be prepared
 *       fails                cannot be launched
 *       loses                cannot be launched, nor anything else on the device after it
 *       crashes, hangs       do
 *       other                is listed as refused
 *   tunable_tires=N          after N launches each takes 30 ms more
 *   tunable_load=SEED        a busy machine: three of four launches, drawn from SEED, take eight times as long; 0: every other
 *   tunable_wide=MS          a convolution of float32 takes MS milliseconds more; tunable_narrow=MS: of 16 bits
 *   tunable_16=TYPE:wrong    one of TYPE (f16, bf16) doubles its result; or TYPE:crashes, TYPE:hangs, which it does
 *   tunable_block=B          the layout that the device wants
 *   tunable_open=crashes     opening the device does; it leaves a line "open" in the trace
 *   tunable_trace=FILE       gets a line "NAME" per op that is launched, in append mode */
#include <shunt/backend.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const shunt_backend *scalar_entry(const shunt_host *host);

static const shunt_host *services;
static const shunt_backend *scalar;
static shunt_backend tunable;
static shunt_device_ops ops;
static const shunt_device_ops *scalar_ops;
static shunt_bdevice *the_device;
static int lost, fades;
static unsigned launches;
static _Thread_local const char *message;

struct shunt_bop {
    shunt_bop *inner; /* the scalar backend's */
    char name[SHUNT_ALGORITHM_CHARS];
    shunt_tensor_desc dst;
    uint8_t data; /* the type */
    int faded, is_conv;
};

static const char *last_error(void)
{
    const char *text = message ? message : scalar->last_error();
    message = NULL;
    return text;
}

static shunt_status fail(const char *text)
{
    message = text;
    return SHUNT_E_DEVICE;
}

static shunt_status device_info(uint32_t index, shunt_device_info *out)
{
    const char *block = services->option("tunable_block");
    shunt_status status = scalar->device_info(index, out);
    if (status == SHUNT_OK && block) out->block = (uint32_t)atoi(block);
    return status;
}

static shunt_status op_query(shunt_bdevice *device, const shunt_op_desc *desc, shunt_op_candidates *out)
{
    shunt_status status = scalar_ops->op_query(device, desc, out);
    if (desc->kind != SHUNT_OP_CONV || status != SHUNT_OK) return status;
    const char *list = services->option("tunable_list");
    if (!list) list = "slow,fast";
    for (out->count = 0; *list; list += strcspn(list, ","), list += *list == ',') {
        shunt_candidate *candidate = &out->list[out->count++];
        *candidate = (shunt_candidate){0};
        snprintf(candidate->algorithm, sizeof candidate->algorithm, "%.*s", (int)strcspn(list, ","), list);
        strcpy(candidate->params, "p=1");
        if (!strcmp(candidate->algorithm, "other")) strcpy(candidate->reason, "not for this shape");
    }
    return SHUNT_OK;
}

static shunt_status op_prepare(shunt_bdevice *device, const shunt_op_desc *desc, const shunt_prepare_options *options,
                               shunt_bop **out)
{
    shunt_op_candidates all = {.size = sizeof all};
    shunt_status status = op_query(device, desc, &all);
    const char *name = options->algorithm ? options->algorithm : all.list[0].algorithm;
    if (status != SHUNT_OK) return status;
    if (!strcmp(name, "refuses")) return fail("told to refuse");
    shunt_bop *op = calloc(1, sizeof *op);
    if (!op) return SHUNT_E_MEMORY;
    shunt_prepare_options inner = {.size = sizeof inner};
    status = scalar_ops->op_prepare(device, desc, &inner, &op->inner);
    if (status != SHUNT_OK) {
        free(op);
        return status;
    }
    snprintf(op->name, sizeof op->name, "%s", name);
    if (!strcmp(name, "fades")) op->faded = fades++;
    op->dst = desc->outputs[0];
    op->data = shunt_op_data_type(desc);
    op->is_conv = desc->kind == SHUNT_OP_CONV;
    *out = op;
    return SHUNT_OK;
}

static shunt_status op_info(const shunt_bop *op, shunt_op_info *info)
{
    shunt_status status = scalar_ops->op_info(op->inner, info);
    memcpy(info->algorithm, op->name, sizeof op->name);
    return status;
}

static void trace(const char *name)
{
    const char *path = services->option("tunable_trace");
    int fd = path ? open(path, O_WRONLY | O_CREAT | O_APPEND, 0666) : -1;
    char line[64];
    int length = snprintf(line, sizeof line, "%s\n", name);
    if (fd < 0) return;
    if (write(fd, line, (size_t)length) != length) abort();
    close(fd);
}

/* Writes over dst and what lies behind it. */
static shunt_status spoil(shunt_bqueue *queue, const shunt_bop *op, const shunt_arg *dst)
{
    uint64_t bytes = shunt_tensor_bytes(&op->dst), whole = bytes + (strcmp(op->name, "spills") ? 0 : 4);
    float *data = calloc(1, whole);
    uint16_t *halves = (uint16_t *)data;
    shunt_status status = data ? scalar_ops->read(queue, data, *dst, bytes, NULL) : SHUNT_E_MEMORY;
    if (status == SHUNT_OK && whole == bytes && op->dst.dtype == SHUNT_F32)
        for (uint64_t i = 0; i < bytes / sizeof *data; i++) data[i] *= 2;
    for (uint64_t i = 0; status == SHUNT_OK && op->dst.dtype != SHUNT_F32 && i < bytes / sizeof *halves; i++)
        halves[i] = op->dst.dtype == SHUNT_F16 ? shunt_to_f16(2 * shunt_from_f16(halves[i]))
                                               : shunt_to_bf16(2 * shunt_from_bf16(halves[i]));
    if (status == SHUNT_OK) status = scalar_ops->write(queue, *dst, data, whole, NULL);
    free(data);
    return status;
}

/* What a launch of so many milliseconds takes. */
static void spend(useconds_t milliseconds)
{
    static unsigned drawn;
    const char *load = services->option("tunable_load");
    if (load) {
        drawn = drawn ? drawn * 1103515245u + 12345u : (unsigned)atoi(load) * 747796405u + 1;
        if (atoi(load) ? drawn >> 30 : launches & 1u) milliseconds *= 8;
    }
    usleep(milliseconds * 1000);
}

/* What the option says of convolutions of this type; or "". */
static const char *told_of_type(const shunt_bop *op)
{
    const char *told = services->option("tunable_16"), *name = op->data == SHUNT_F16 ? "f16" : "bf16";
    const size_t length = strlen(name);
    return told && op->is_conv && op->data != SHUNT_F32 && !strncmp(told, name, length) && told[length] == ':'
               ? told + length + 1
               : "";
}

static shunt_status op_launch(shunt_bop *op, shunt_bqueue *queue, const shunt_arg *inputs, const shunt_arg *outputs,
                              shunt_arg workspace, shunt_bevent **event)
{
    trace(op->name);
    if (!strcmp(op->name, "crashes")) abort();
    while (!strcmp(op->name, "hangs")) pause();
    const char *told = told_of_type(op);
    const char *more = services->option(op->data == SHUNT_F32 ? "tunable_wide" : "tunable_narrow");
    if (!strcmp(told, "crashes")) abort();
    while (!strcmp(told, "hangs")) pause();
    if (more && op->is_conv) usleep((useconds_t)atoi(more) * 1000);
    if (!strcmp(op->name, "fails")) return fail("told to fail");
    if (!strcmp(op->name, "loses")) lost = 1;
    if (lost) return fail("the device is gone");
    const char *tires = services->option("tunable_tires");
    launches++;
    if (tires && launches > (unsigned)atoi(tires)) usleep(30000);
    if (!strcmp(op->name, "slow")) spend(24);
    if (!strcmp(op->name, "medium")) spend(8);
    if (!strcmp(op->name, "quick")) spend(2);
    if (op->faded) spend(100);
    shunt_status status = scalar_ops->op_launch(op->inner, queue, inputs, outputs, workspace, event);
    if (status == SHUNT_OK && (!strcmp(op->name, "wrong") || !strcmp(op->name, "spills") || !strcmp(told, "wrong")))
        status = spoil(queue, op, outputs);
    return status;
}

static shunt_status write_bytes(shunt_bqueue *queue, shunt_arg dst, const void *src, uint64_t bytes,
                                shunt_bevent **event)
{
    return lost ? fail("the device is gone") : scalar_ops->write(queue, dst, src, bytes, event);
}

static void op_destroy(shunt_bop *op)
{
    scalar_ops->op_destroy(op->inner);
    free(op);
}

static shunt_status device_open(uint32_t index, const char *params, shunt_bdevice **out)
{
    if (services->option("tunable_open")) {
        trace("open");
        abort();
    }
    shunt_status status = scalar->device_open(index, params, &the_device);
    if (status != SHUNT_OK) return status;
    scalar_ops = the_device->ops;
    ops = *scalar_ops;
    ops.op_query = op_query;
    ops.op_prepare = op_prepare;
    ops.op_info = op_info;
    ops.op_launch = op_launch;
    ops.op_destroy = op_destroy;
    ops.write = write_bytes;
    the_device->ops = &ops;
    *out = the_device;
    return SHUNT_OK;
}

__attribute__((visibility("default"))) const shunt_backend *shunt_backend_entry(const shunt_host *host)
{
    services = host;
    scalar = scalar_entry(host);
    if (!scalar) return NULL;
    tunable = *scalar;
    tunable.name = "tunable";
    tunable.device_info = device_info;
    tunable.device_open = device_open;
    tunable.last_error = last_error;
    return &tunable;
}
