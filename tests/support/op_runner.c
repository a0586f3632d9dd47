/* op_runner.c - see op_runner.h. Every tensor has a slot: a device buffer with guard bytes before and after it. */
#include "tests/support/op_runner.h"

#include "tests/support/layout.h"

#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Floats and doubles of NAN_BYTE are NaN, so what is read around an input, or in dst, shows in the result. What is written
 * has GUARD around it: a NaN that is read past an input and written past dst shall not look as if nothing happened. */
enum { NAN_BYTE = 0xff, GUARD = 0xa5, TAIL_BYTES = 512, SLOTS = 2 * SHUNT_MAX_INPUTS + 2 };

typedef struct slot {
    uint64_t offset, bytes, total;
    unsigned char *image; /* what the buffer holds, guards included */
    shunt_bbuffer *buffer;
} slot;

typedef struct session {
    shunt_device *device;
    shunt_bqueue *queue;
    shunt_bop *op;
    slot slots[SLOTS];
    uint32_t nslots;
    char message[512];
} session;

static char last_message[512];

static bool fail(session *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
static bool fail(session *s, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(s->message, sizeof s->message, format, args);
    va_end(args);
    return false;
}

/* Passes a success on and turns a failure into a message. */
static bool call(session *s, shunt_status status, const char *what)
{
    return status ? fail(s, "%s: %s: %s", what, shunt_status_name(status), s->device->backend->last_error()) : true;
}

shunt_device *op_runner_open(void)
{
    const char *selector = getenv("SHUNT_TEST_DEVICE");
    shunt_device *device = NULL;
    shunt_status status = shunt_device_open(selector ? selector : "scalar", NULL, &device);
    cr_assert_eq(status, SHUNT_OK, "%s", shunt_last_error());
    return device;
}

/* A slot of `bytes` bytes with these contents, or to be written (NULL), on the device. */
static slot *add_slot(session *s, uint64_t bytes, const void *contents)
{
    slot *made = &s->slots[s->nslots++];
    made->offset = (2 * s->nslots + 1) * (uint64_t)s->device->entry.info.alignment;
    made->bytes = bytes;
    made->total = made->offset + bytes + TAIL_BYTES;
    made->image = malloc(made->total);
    if (!made->image) {
        fail(s, "no memory");
        return NULL;
    }
    memset(made->image, contents ? NAN_BYTE : GUARD, made->total);
    if (contents)
        memcpy(made->image + made->offset, contents, bytes);
    else
        memset(made->image + made->offset, NAN_BYTE, bytes);
    const shunt_device_ops *ops = s->device->ops;
    if (!call(s, ops->buffer_alloc(s->device->handle, made->total, SHUNT_USE_ACTIVATION, &made->buffer),
              "buffer_alloc"))
        return NULL;
    shunt_arg whole = {.buffer = made->buffer};
    return call(s, ops->write(s->queue, whole, made->image, made->total, NULL), "write") ? made : NULL;
}

static shunt_arg argument(const slot *at)
{
    return at ? (shunt_arg){.buffer = at->buffer, .offset = at->offset} : (shunt_arg){0};
}

/* Reads the slot back: all but its own bytes must be as they were, and those too unless `written`. */
static bool check_slot(session *s, slot *at, bool written, const char *name)
{
    unsigned char *now = malloc(at->total);
    if (!now) return fail(s, "no memory");
    const shunt_device_ops *ops = s->device->ops;
    shunt_arg whole = {.buffer = at->buffer};
    bool good = call(s, ops->read(s->queue, now, whole, at->total, NULL), "read") &&
                call(s, ops->queue_finish(s->queue), "queue_finish");
    if (good && written) memcpy(at->image + at->offset, now + at->offset, at->bytes);
    for (uint64_t i = 0; good && i < at->total; i++)
        if (now[i] != at->image[i])
            good = fail(s, "byte %lld of %s changed (it has %llu bytes)", (long long)(i - at->offset), name,
                        (unsigned long long)at->bytes);
    free(now);
    return good;
}

static bool prepare(session *s, const shunt_op_desc *desc, const op_variant *variant, shunt_op_info *info)
{
    const shunt_device_ops *ops = s->device->ops;
    shunt_prepare_options options = {
        .size = sizeof options, .algorithm = variant->algorithm, .params = variant->params};
    if (!call(s, ops->op_prepare(s->device->handle, desc, &options, &s->op), "op_prepare")) return false;
    *info = (shunt_op_info){.size = sizeof *info};
    return call(s, ops->op_info(s->op, info), "op_info");
}

/* Puts the inputs on the device, and packs those that the op wants packed. args[i] is what op_launch gets. */
static bool place_inputs(session *s, const shunt_op_desc *desc, const shunt_op_info *info, const void *const *inputs,
                         slot **slots, shunt_arg *args)
{
    for (uint32_t i = 0; i < desc->ninputs; i++) {
        slots[i] = add_slot(s, shunt_tensor_bytes(&desc->inputs[i]), inputs[i]);
        if (!slots[i]) return false;
        args[i] = argument(slots[i]);
        if (info->packed_bytes[i] == 0) continue;
        if (!(desc->constant_inputs >> i & 1)) return fail(s, "input %u is to be packed but is not constant", i);
        slot *packed = add_slot(s, info->packed_bytes[i], NULL);
        if (!packed) return false;
        args[i] = argument(packed);
        if (!call(s, s->device->ops->op_pack(s->op, s->queue, i, argument(slots[i]), args[i]), "op_pack")) return false;
        if (!check_slot(s, packed, true, "the packed input")) return false;
    }
    return true;
}

static bool run(session *s, const shunt_op_desc *desc, const op_variant *variant, const void *const *inputs,
                void *output, shunt_op_info *info)
{
    slot *slots[SHUNT_MAX_INPUTS], *dst, *workspace = NULL;
    shunt_arg args[SHUNT_MAX_INPUTS];
    const shunt_device_ops *ops = s->device->ops;
    uint64_t bytes = shunt_tensor_bytes(&desc->outputs[0]);
    if (!call(s, ops->queue_create(s->device->handle, 0, &s->queue), "queue_create")) return false;
    if (!prepare(s, desc, variant, info) || !place_inputs(s, desc, info, inputs, slots, args)) return false;
    dst = variant->inplace == OP_NOT_IN_PLACE ? add_slot(s, bytes, NULL) : slots[variant->inplace];
    if (!dst) return false;
    if (info->workspace && !(workspace = add_slot(s, info->workspace, NULL))) return false;
    shunt_arg out = argument(dst);
    if (!call(s, ops->op_launch(s->op, s->queue, args, &out, argument(workspace), NULL), "op_launch")) return false;
    if (!check_slot(s, dst, true, "dst")) return false;
    if (workspace && !check_slot(s, workspace, true, "the workspace")) return false;
    for (uint32_t i = 0; i < s->nslots; i++)
        if (&s->slots[i] != dst && &s->slots[i] != workspace && !check_slot(s, &s->slots[i], false, "an input"))
            return false;
    memcpy(output, dst->image + dst->offset, bytes);
    return true;
}

const char *op_run_stored(shunt_device *device, const shunt_op_desc *desc, const op_variant *variant,
                          const void *const *inputs, void *output, shunt_op_info *info)
{
    session s = {.device = device};
    shunt_op_info unused;
    bool good = run(&s, desc, variant, inputs, output, info ? info : &unused);
    if (s.queue && device->ops->queue_finish(s.queue) && good) good = fail(&s, "queue_finish failed");
    if (s.op) device->ops->op_destroy(s.op);
    for (uint32_t i = 0; i < s.nslots; i++) {
        device->ops->buffer_free(device->handle, s.slots[i].buffer);
        free(s.slots[i].image);
    }
    if (s.queue) device->ops->queue_destroy(device->handle, s.queue);
    memcpy(last_message, s.message, sizeof last_message);
    return good ? NULL : last_message;
}

const char *op_run(shunt_device *device, const shunt_op_desc *desc, const op_variant *variant,
                   const double *const *inputs, double *output, shunt_op_info *info)
{
    void *stored[SHUNT_MAX_INPUTS + 1] = {NULL};
    for (uint32_t i = 0; i <= desc->ninputs; i++) {
        const shunt_tensor_desc *tensor = i < desc->ninputs ? &desc->inputs[i] : &desc->outputs[0];
        stored[i] = malloc(shunt_tensor_bytes(tensor));
        cr_assert_not_null(stored[i]);
        if (i < desc->ninputs) layout_store(tensor, inputs[i], stored[i]);
    }
    const char *wrong = op_run_stored(device, desc, variant, (const void *const *)stored, stored[desc->ninputs], info);
    if (!wrong && !layout_load(&desc->outputs[0], stored[desc->ninputs], output))
        wrong = "a lane of dst past its channels is not zero";
    for (uint32_t i = 0; i <= desc->ninputs; i++) free(stored[i]);
    return wrong;
}
