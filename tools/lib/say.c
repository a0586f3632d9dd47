/* say.c - lines for stderr. A progress bar is cleared before and drawn again after. */
#include "say.h"
#include "args.h"
#include "progress.h"
#include "runtime/shared/text.h"
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char prefix[64] = "shunt";

void say_as(const char *name)
{
    snprintf(prefix, sizeof prefix, "shunt %s", name);
}

/* One line, whatever the text holds: file names may have control characters, which a terminal would obey. */
static void print_line(const char *lead, const char *text)
{
    char line[4096];
    snprintf(line, sizeof line, "%s: %s", lead, text);
    text_make_printable(line);
    progress_lock();
    fprintf(stderr, "%s\n", line);
    progress_unlock();
}

static void print_format(const char *format, va_list arguments) __attribute__((format(printf, 1, 0)));
static void print_format(const char *format, va_list arguments)
{
    char text[4000];
    vsnprintf(text, sizeof text, format, arguments);
    print_line(prefix, text);
}

int say_failure(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    print_format(format, arguments);
    va_end(arguments);
    return EXIT_FAILED;
}

int say_usage(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    print_format(format, arguments);
    va_end(arguments);
    return EXIT_USAGE;
}

/* The message was made printable, so its subject is compared as it is there. */
static bool begins_with(const char *message, const char *subject)
{
    char shown[4096];
    snprintf(shown, sizeof shown, "%s", subject);
    text_make_printable(shown);
    return !strncmp(message, shown, strlen(shown));
}

int say_library_failure(const char *subject)
{
    const char *message = shunt_last_error();
    if (subject && !begins_with(message, subject)) return say_failure("%s: %s", subject, message);
    return say_failure("%s", message);
}

void say_line(const char *format, ...)
{
    char *text = NULL;
    va_list arguments;
    va_start(arguments, format);
    int length = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (length < 0) {
        say_failure("no memory");
        return;
    }
    text_make_printable(text);
    puts(text);
    free(text);
}

void say_log(void *context, int level, const char *message)
{
    static const char *const names[] = {"error", "warning", "info", "debug"};
    char lead[80];
    (void)context;
    snprintf(lead, sizeof lead, "%s: %s", prefix, level >= 0 && level < 4 ? names[level] : "log");
    print_line(lead, message);
}

void say_info(const char *message)
{
    const char *level = shunt_option("log");
    if (!level || (strcmp(level, "error") != 0 && strcmp(level, "warn") != 0)) say_log(NULL, SHUNT_LOG_INFO, message);
}

void say_warning(const char *message)
{
    const char *level = shunt_option("log");
    if (!level || strcmp(level, "error") != 0) say_log(NULL, SHUNT_LOG_WARN, message);
}

int say_end(int status)
{
    int broken = ferror(stdout);
    errno = 0;
    if (fclose(stdout) != 0 || broken)
        return say_failure("standard output: %s", errno ? strerror(errno) : "could not be written");
    return status;
}
