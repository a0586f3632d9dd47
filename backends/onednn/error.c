/* error.c - the message of the last failed call on each thread. */
#include "onednn.h"

#include <stdarg.h>
#include <stdio.h>

static _Thread_local char message[512];

shunt_status onednn_fail(shunt_status status, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    return status;
}

shunt_status onednn_check(dnnl_status_t status, const char *what)
{
    switch (status) {
    case dnnl_success:
        return SHUNT_OK;
    case dnnl_out_of_memory:
        return onednn_fail(SHUNT_E_MEMORY, "%s: out of memory", what);
    case dnnl_invalid_arguments:
        return onednn_fail(SHUNT_E_INVALID, "%s: these shapes or attributes do not fit each other", what);
    case dnnl_unimplemented:
        return onednn_fail(SHUNT_E_UNSUPPORTED, "%s: oneDNN has no implementation for it", what);
    default:
        return onednn_fail(SHUNT_E_DEVICE, "%s failed with status %d", what, (int)status);
    }
}

const char *onednn_last_error(void)
{
    return message;
}
