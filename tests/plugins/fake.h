/* fake.h - the least that makes a plugin whole: devices that open, hold nothing and do no op. The plugins of this folder
 * include it and change one thing each. */
#ifndef FAKE_H
#define FAKE_H

#include <shunt/backend.h>
#include <stdio.h>
#include <string.h>

#define FAKE_EXPORT __attribute__((visibility("default")))

static _Thread_local char fake_message[256];

static inline shunt_status fake_fail(shunt_status status, const char *message)
{
    snprintf(fake_message, sizeof fake_message, "%s", message);
    return status;
}

static inline const char *fake_last_error(void)
{
    return fake_message;
}

/* ---- A device's table ---- */

static inline shunt_status fake_refuse(void)
{
    return fake_fail(SHUNT_E_UNSUPPORTED, "a fake device does nothing");
}

static inline void fake_close(shunt_bdevice *device)
{
    (void)device;
}

static inline shunt_status fake_buffer_alloc(shunt_bdevice *device, uint64_t bytes, uint32_t usage, shunt_bbuffer **out)
{
    (void)device, (void)bytes, (void)usage, (void)out;
    return fake_refuse();
}

static inline void fake_buffer_free(shunt_bdevice *device, shunt_bbuffer *buffer)
{
    (void)device, (void)buffer;
}

static inline shunt_status fake_queue_create(shunt_bdevice *device, int profiling, shunt_bqueue **out)
{
    (void)device, (void)profiling, (void)out;
    return fake_refuse();
}

static inline void fake_queue_destroy(shunt_bdevice *device, shunt_bqueue *queue)
{
    (void)device, (void)queue;
}

static inline shunt_status fake_queue(shunt_bqueue *queue)
{
    (void)queue;
    return fake_refuse();
}

static inline shunt_status fake_write(shunt_bqueue *queue, shunt_arg dst, const void *src, uint64_t bytes,
                                      shunt_bevent **event)
{
    (void)queue, (void)dst, (void)src, (void)bytes, (void)event;
    return fake_refuse();
}

static inline shunt_status fake_read(shunt_bqueue *queue, void *dst, shunt_arg src, uint64_t bytes,
                                     shunt_bevent **event)
{
    (void)queue, (void)dst, (void)src, (void)bytes, (void)event;
    return fake_refuse();
}

static inline shunt_status fake_copy(shunt_bqueue *queue, shunt_arg dst, shunt_arg src, uint64_t bytes,
                                     shunt_bevent **event)
{
    (void)queue, (void)dst, (void)src, (void)bytes, (void)event;
    return fake_refuse();
}

static inline shunt_status fake_fill(shunt_bqueue *queue, shunt_arg dst, uint32_t word, uint64_t bytes,
                                     shunt_bevent **event)
{
    (void)queue, (void)dst, (void)word, (void)bytes, (void)event;
    return fake_refuse();
}

static inline shunt_status fake_queue_wait(shunt_bqueue *queue, shunt_bevent *event)
{
    (void)queue, (void)event;
    return fake_refuse();
}

static inline shunt_status fake_event_wait(shunt_bevent *event)
{
    (void)event;
    return fake_refuse();
}

static inline void fake_event_release(shunt_bevent *event)
{
    (void)event;
}

static inline shunt_status fake_op_query(shunt_bdevice *device, const shunt_op_desc *desc, shunt_op_candidates *out)
{
    (void)device, (void)desc;
    out->count = 0;
    return fake_refuse();
}

static inline shunt_status fake_op_prepare(shunt_bdevice *device, const shunt_op_desc *desc,
                                           const shunt_prepare_options *options, shunt_bop **out)
{
    (void)device, (void)desc, (void)options, (void)out;
    return fake_refuse();
}

static inline shunt_status fake_op_info(const shunt_bop *op, shunt_op_info *info)
{
    (void)op, (void)info;
    return fake_refuse();
}

static inline shunt_status fake_op_launch(shunt_bop *op, shunt_bqueue *queue, const shunt_arg *inputs,
                                          const shunt_arg *outputs, shunt_arg workspace, shunt_bevent **event)
{
    (void)op, (void)queue, (void)inputs, (void)outputs, (void)workspace, (void)event;
    return fake_refuse();
}

static inline void fake_op_destroy(shunt_bop *op)
{
    (void)op;
}

#define FAKE_DEVICE_OPS                                                                                                \
    .size = sizeof(shunt_device_ops), .close = fake_close, .buffer_alloc = fake_buffer_alloc,                          \
    .buffer_free = fake_buffer_free, .queue_create = fake_queue_create, .queue_destroy = fake_queue_destroy,           \
    .queue_flush = fake_queue, .queue_finish = fake_queue, .write = fake_write, .read = fake_read, .copy = fake_copy,  \
    .fill = fake_fill, .queue_wait = fake_queue_wait, .event_wait = fake_event_wait,                                   \
    .event_release = fake_event_release, .op_query = fake_op_query, .op_prepare = fake_op_prepare,                     \
    .op_info = fake_op_info, .op_launch = fake_op_launch, .op_destroy = fake_op_destroy

/* ---- A backend with one processor ---- */

static inline void fake_describe(shunt_device_info *out, shunt_device_type type, const char *name, const char *vendor,
                                 int score)
{
    out->type = type;
    snprintf(out->name, sizeof out->name, "%s", name);
    snprintf(out->vendor, sizeof out->vendor, "%s", vendor);
    snprintf(out->platform, sizeof out->platform, "Fake Platform");
    snprintf(out->driver, sizeof out->driver, "fake 1.0");
    out->score = score;
    out->memory = 1u << 30;
    out->max_alloc = 1u << 28;
    out->alignment = 64;
    out->block = 1;
}

static inline shunt_status fake_probe(uint32_t *ndevices)
{
    *ndevices = 1;
    return SHUNT_OK;
}

static inline shunt_status fake_device_info(uint32_t index, shunt_device_info *out)
{
    (void)index;
    fake_describe(out, SHUNT_DEVICE_CPU, "Fake CPU", "Nobody", 1);
    return SHUNT_OK;
}

static inline shunt_status fake_device_open(uint32_t index, const char *params, shunt_bdevice **out)
{
    static const shunt_device_ops ops = {FAKE_DEVICE_OPS};
    static shunt_bdevice device = {&ops};
    (void)index;
    if (params) return fake_fail(SHUNT_E_INVALID, params);
    *out = &device;
    return SHUNT_OK;
}

#define FAKE_BACKEND(its_name)                                                                                         \
    .size = sizeof(shunt_backend), .abi_major = SHUNT_ABI_MAJOR, .abi_minor = SHUNT_ABI_MINOR, .name = its_name,       \
    .version = "1.0", .probe = fake_probe, .device_info = fake_device_info, .device_open = fake_device_open,           \
    .last_error = fake_last_error

FAKE_EXPORT const shunt_backend *shunt_backend_entry(const shunt_host *host);

#endif
