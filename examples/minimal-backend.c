/* minimal-backend.c - a whole backend for Shunt: buffers in host memory and one op, the linear layer. Copy it, give it a
 * name, and replace memory and arithmetic by those of a device. docs/writing-a-backend.md goes on from here.
 *
 *     cc -shared -fPIC -o minimal.so minimal-backend.c $(pkg-config --cflags shunt)
 *     SHUNT_PLUGIN_PATH=$PWD SHUNT_DEVICE=minimal shunt classify ...
 */
#include <shunt/backend.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct shunt_bbuffer { unsigned char *bytes; uint64_t size; };
struct shunt_bqueue { int unused; };     /* commands are done when they return, so a queue holds nothing ... */
struct shunt_bevent { int unused; };     /* ... and an event is always over */
struct shunt_bop { shunt_op_desc desc; };

static _Thread_local char message[128];

static shunt_status fail(shunt_status status, const char *why)
{
    snprintf(message, sizeof message, "%s", why);
    return status;
}

static shunt_status buffer_alloc(shunt_bdevice *device, uint64_t bytes, uint32_t usage, shunt_bbuffer **out)
{
    (void)device, (void)usage;
    shunt_bbuffer *b = malloc(sizeof *b);
    if (b) *b = (shunt_bbuffer){bytes < SIZE_MAX - 64 ? aligned_alloc(64, (bytes + 63) / 64 * 64) : NULL, bytes};
    if (b && b->bytes) return *out = b, SHUNT_OK;
    free(b);
    return fail(SHUNT_E_MEMORY, "no memory for a buffer");
}
static void buffer_free(shunt_bdevice *d, shunt_bbuffer *b) { (void)d; if (b) free(b->bytes); free(b); }

/* Everything made without contents is made here. */
static shunt_status make(size_t size, void *out)
{
    void *made = calloc(1, size);
    if (!made) return fail(SHUNT_E_MEMORY, "no memory");
    memcpy(out, &made, sizeof made);
    return SHUNT_OK;
}
static shunt_status event(shunt_bevent **e) { return e ? make(sizeof(shunt_bevent), e) : SHUNT_OK; }
static void event_release(shunt_bevent *e) { free(e); }
static shunt_status event_wait(shunt_bevent *e) { (void)e; return SHUNT_OK; }
static shunt_status queue_create(shunt_bdevice *d, int p, shunt_bqueue **q) { (void)d, (void)p; return make(sizeof **q, q); }
static void queue_destroy(shunt_bdevice *d, shunt_bqueue *q) { (void)d; free(q); }
static shunt_status queue_done(shunt_bqueue *q) { (void)q; return SHUNT_OK; }
static shunt_status queue_wait(shunt_bqueue *q, shunt_bevent *e) { (void)q, (void)e; return SHUNT_OK; }

static void *at(shunt_arg arg) { return arg.buffer->bytes + arg.offset; }
static shunt_status write(shunt_bqueue *q, shunt_arg dst, const void *src, uint64_t n, shunt_bevent **e)
{ (void)q; memcpy(at(dst), src, n); return event(e); }
static shunt_status read(shunt_bqueue *q, void *dst, shunt_arg src, uint64_t n, shunt_bevent **e)
{ (void)q; memcpy(dst, at(src), n); return event(e); }
static shunt_status copy(shunt_bqueue *q, shunt_arg dst, shunt_arg src, uint64_t n, shunt_bevent **e)
{ (void)q; memmove(at(dst), at(src), n); return event(e); }
static shunt_status fill(shunt_bqueue *q, shunt_arg dst, uint32_t word, uint64_t n, shunt_bevent **e)
{ (void)q; for (uint64_t i = 0; i < n; i += 4) memcpy((char *)at(dst) + i, &word, 4); return event(e); }

/* What is refused here runs in plain C; the reason is shown by shunt inspect. */
static const char *refuse(const shunt_op_desc *d)
{
    const shunt_tensor_desc *src = &d->inputs[0], *weights = &d->inputs[1], *dst = &d->outputs[0];
    uint32_t bias = d->flags & SHUNT_FLAG_BIAS ? 1 : 0;
    if (d->kind != SHUNT_OP_LINEAR) return "minimal does linear layers only";
    if (d->flags & ~(uint32_t)SHUNT_FLAG_BIAS) return "minimal adds a bias, no more";
    for (uint32_t i = 0; i < d->ninputs; i++) if (d->inputs[i].dtype != SHUNT_F32) return "minimal computes in float32";
    if (d->ninputs != 2 + bias || src->rank != 2 || weights->rank != 2 || dst->rank != 2 || dst->dtype != SHUNT_F32 ||
        weights->dims[1] != src->dims[1] || dst->dims[0] != src->dims[0] || dst->dims[1] != weights->dims[0])
        return "the shapes do not fit";
    return NULL;
}
static shunt_status op_query(shunt_bdevice *device, const shunt_op_desc *desc, shunt_op_candidates *out)
{
    (void)device;
    const char *why = refuse(desc);
    out->count = 1;
    out->list[0] = (shunt_candidate){.algorithm = "loops"};
    if (!why) return SHUNT_OK;
    snprintf(out->list[0].reason, sizeof out->list[0].reason, "%s", why);
    return fail(SHUNT_E_UNSUPPORTED, why);
}
static shunt_status op_prepare(shunt_bdevice *device, const shunt_op_desc *desc, const shunt_prepare_options *options,
                               shunt_bop **out)
{
    (void)device;
    if (refuse(desc)) return fail(SHUNT_E_UNSUPPORTED, refuse(desc));
    if (options && options->algorithm && strcmp(options->algorithm, "loops"))
        return fail(SHUNT_E_UNSUPPORTED, "the one algorithm is called loops");
    shunt_status status = make(sizeof **out, out);
    if (status == SHUNT_OK) (*out)->desc = *desc;
    return status;
}
static shunt_status op_info(const shunt_bop *op, shunt_op_info *info)
{
    (void)op;
    shunt_op_info own = {.size = sizeof own, .algorithm = "loops"};
    shunt_struct_copy(info, &own); /* never *info = own: the library may be older and its struct shorter */
    return SHUNT_OK;
}
static shunt_status op_launch(shunt_bop *op, shunt_bqueue *queue, const shunt_arg *inputs, const shunt_arg *outputs,
                              shunt_arg workspace, shunt_bevent **e)
{
    (void)queue, (void)workspace;
    int64_t N = op->desc.outputs[0].dims[0], K = op->desc.outputs[0].dims[1], C = op->desc.inputs[0].dims[1];
    const float *src = at(inputs[0]), *weights = at(inputs[1]);
    const float *bias = op->desc.flags & SHUNT_FLAG_BIAS ? at(inputs[2]) : NULL;
    float *dst = at(outputs[0]);
    for (int64_t n = 0; n < N; n++)
        for (int64_t k = 0; k < K; k++) {
            float sum = bias ? bias[k] : 0;
            for (int64_t c = 0; c < C; c++) sum += src[n * C + c] * weights[k * C + c];
            dst[n * K + k] = sum;
        }
    return event(e);
}
static void op_destroy(shunt_bop *op) { free(op); }

static void device_close(shunt_bdevice *device) { free(device); }
static const shunt_device_ops ops = {
    .size = sizeof ops, .close = device_close, .buffer_alloc = buffer_alloc, .buffer_free = buffer_free,
    .queue_create = queue_create, .queue_destroy = queue_destroy, .queue_flush = queue_done, .queue_finish = queue_done,
    .write = write, .read = read, .copy = copy, .fill = fill, .queue_wait = queue_wait, .event_wait = event_wait,
    .event_release = event_release, .op_query = op_query, .op_prepare = op_prepare, .op_info = op_info,
    .op_launch = op_launch, .op_destroy = op_destroy};

static shunt_status probe(uint32_t *ndevices) { *ndevices = 1; return SHUNT_OK; }
static shunt_status device_info(uint32_t index, shunt_device_info *out)
{
    (void)index;
    const shunt_device_info own = {.size = sizeof own, .type = SHUNT_DEVICE_CPU, .name = "the smallest device",
        .driver = "1", .score = 1, .memory = 1u << 30, .max_alloc = 1u << 30, .alignment = 64, .block = SHUNT_PLAIN};
    shunt_struct_copy(out, &own);
    return SHUNT_OK;
}
static shunt_status device_open(uint32_t index, const char *params, shunt_bdevice **out)
{
    (void)index;
    if (params && *params) return fail(SHUNT_E_INVALID, "minimal has no parameters");
    shunt_status status = make(sizeof **out, out);
    if (status == SHUNT_OK) (*out)->ops = &ops;
    return status;
}
static const char *last_error(void) { return message; }

static const shunt_backend backend = {
    .size = sizeof backend, .abi_major = SHUNT_ABI_MAJOR, .abi_minor = SHUNT_ABI_MINOR, .name = "minimal", .version = "1",
    .probe = probe, .device_info = device_info, .device_open = device_open, .last_error = last_error};

const shunt_backend *shunt_backend_entry(const shunt_host *host) { return host ? &backend : NULL; }
