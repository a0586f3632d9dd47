/* error.c - statuses, this thread's message, and the log. */
#include "runtime/base/error.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "runtime/shared/text.h"

enum { MESSAGE_CHARS = 4096 }; /* a list of wrong tensors can be long */

/* Aligned, as mold 1.10 else puts it where the page of what becomes read-only has not begun, and the program does not start. */
static _Thread_local _Alignas(16) char message[MESSAGE_CHARS];

const char *shunt_version(void)
{
    return SHUNT_VERSION;
}

const char *shunt_status_name(shunt_status status)
{
    switch (status) {
    case SHUNT_OK:
        return "success";
    case SHUNT_E_INVALID:
        return "invalid argument or file";
    case SHUNT_E_UNSUPPORTED:
        return "not supported";
    case SHUNT_E_NOT_FOUND:
        return "not found";
    case SHUNT_E_MEMORY:
        return "out of memory";
    case SHUNT_E_IO:
        return "input/output error";
    case SHUNT_E_DEVICE:
        return "device error";
    case SHUNT_E_ABI:
        return "plugin does not fit";
    }
    return "unknown status";
}

const char *shunt_last_error(void)
{
    return message;
}

/* Formats into a copy first: an argument may be the message itself. */
static __attribute__((format(printf, 1, 0))) void set_message(const char *format, va_list args)
{
    char text[MESSAGE_CHARS];
    vsnprintf(text, sizeof text, format, args);
    text_make_printable(text);
    memcpy(message, text, sizeof text);
}

shunt_status error_fail(shunt_status status, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    set_message(format, args);
    va_end(args);
    return status;
}

shunt_status error_context(shunt_status status, const char *format, ...)
{
    char inner[MESSAGE_CHARS];
    memcpy(inner, message, sizeof inner);
    va_list args;
    va_start(args, format);
    set_message(format, args);
    va_end(args);
    size_t used = strlen(message);
    snprintf(message + used, sizeof message - used, ": %s", inner);
    text_make_printable(message);
    return status;
}

shunt_status error_null(const char *function, const char *names)
{
    return error_fail(SHUNT_E_INVALID, "%s: NULL where a pointer is needed (%s)", function, names);
}

shunt_status error_memory(void)
{
    return error_fail(SHUNT_E_MEMORY, "out of host memory");
}

static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;
static shunt_log_handler log_handler;
static void *log_context;

void shunt_set_log_handler(shunt_log_handler handler, void *context)
{
    pthread_mutex_lock(&log_lock);
    log_handler = handler;
    log_context = context;
    pthread_mutex_unlock(&log_lock);
}

static int log_level(void)
{
    static const char *const names[] = {"error", "warn", "info", "debug"};
    const char *wanted = shunt_option("log");
    for (int i = 0; wanted && i < 4; i++)
        if (!strcmp(wanted, names[i])) return i;
    return SHUNT_LOG_WARN;
}

void log_after_fork(void)
{
    log_lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
}

void log_write(int level, const char *format, ...)
{
    if (level > log_level()) return;
    char text[MESSAGE_CHARS];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    text_make_printable(text);
    pthread_mutex_lock(&log_lock);
    if (log_handler) log_handler(log_context, level, text);
    pthread_mutex_unlock(&log_lock);
}
