/* host.c - the services that a plugin gets: log, options, disk cache. */
#include "runtime/shared/text.h"
#include "runtime/device/device.h"
#include "runtime/device/registry.h"
#include "runtime/base/error.h"

#include <stdio.h>
#include <stdlib.h>

static void host_log(int level, const char *message)
{
    if (!message) return;
    char text[1024];
    snprintf(text, sizeof text, "%s", message);
    text_make_printable(text); /* it may quote a driver */
    log_write(level < SHUNT_LOG_ERROR ? SHUNT_LOG_ERROR : level, "%s", text);
}

static void host_cache_free(void *blob)
{
    free(blob);
}

const shunt_host device_host_services = {
    .size = sizeof(shunt_host),
    .abi_major = SHUNT_ABI_MAJOR,
    .abi_minor = SHUNT_ABI_MINOR,
    .log = host_log,
    .option = shunt_option,
    .cache_get = cache_get,
    .cache_put = cache_put,
    .cache_free = host_cache_free,
};
