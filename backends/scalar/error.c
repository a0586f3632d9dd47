/* error.c - the message of the last failed call on each thread. */
#include "scalar.h"

#include <stdarg.h>
#include <stdio.h>

static _Thread_local char message[512];

shunt_status scalar_fail(shunt_status status, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    return status;
}

shunt_status scalar_fail_memory(void)
{
    return scalar_fail(SHUNT_E_MEMORY, "out of host memory");
}

const char *scalar_last_error(void)
{
    return message;
}
