/* open_fails.c - the best score of all, but its devices cannot be opened, each in its own way. */
#include "fake.h"

static shunt_status probe(uint32_t *ndevices)
{
    *ndevices = 4;
    return SHUNT_OK;
}

static shunt_status device_info(uint32_t index, shunt_device_info *out)
{
    fake_describe(out, SHUNT_DEVICE_GPU, "Closed", "Nobody", 90000 - (int)index);
    return SHUNT_OK;
}

static int closed;

static void close_device(shunt_bdevice *device)
{
    (void)device;
    closed++;
}

static shunt_status device_open(uint32_t index, const char *params, shunt_bdevice **out)
{
    static const shunt_device_ops without_launch = {FAKE_DEVICE_OPS, .close = close_device, .op_launch = NULL};
    static const shunt_device_ops too_short = {FAKE_DEVICE_OPS, .size = offsetof(shunt_device_ops, write)};
    static shunt_bdevice devices[] = {{&without_launch}, {&too_short}};
    (void)params;
    if (index == 0) return fake_fail((shunt_status)99, "fakeCreateContext: in use");
    *out = index == 1 ? NULL : &devices[index - 2];
    return SHUNT_OK;
}

static int count_closed(void)
{
    return closed;
}

static void *extension(const char *name)
{
    int (*function)(void) = count_closed;
    void *pointer;
    memcpy(&pointer, &function, sizeof pointer);
    return strcmp(name, "closed") ? NULL : pointer;
}

static const shunt_backend backend = {FAKE_BACKEND("closed"), .probe = probe, .device_info = device_info,
                                      .device_open = device_open, .extension = extension};

const shunt_backend *shunt_backend_entry(const shunt_host *host)
{
    (void)host;
    return &backend;
}
