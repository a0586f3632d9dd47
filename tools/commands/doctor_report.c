/* doctor_report.c - see doctor_report.h. */
#include "doctor_report.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_CHARS = 1024 };

const char *doctor_state_name(doctor_state state)
{
    return state == DOCTOR_GOOD ? "good" : state == DOCTOR_NOTE ? "note" : "problem";
}

void doctor_report_free(doctor_report *report)
{
    for (size_t i = 0; i < report->count; i++) {
        free(report->items[i].subject);
        free(report->items[i].text);
        free(report->items[i].fix);
    }
    free(report->items);
    *report = (doctor_report){0};
}

static char *printable_copy(const char *text)
{
    char *copy = strdup(text);
    for (char *c = copy; c && *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f) *c = '?';
    return copy;
}

void doctor_add(doctor_report *report, doctor_state state, const char *kind, const char *subject, const char *format,
                ...)
{
    char text[TEXT_CHARS];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    doctor_item *grown = realloc(report->items, (report->count + 1) * sizeof *grown);
    if (grown) report->items = grown;
    doctor_item item = {.state = state, .kind = kind, .subject = printable_copy(subject), .text = printable_copy(text)};
    if (grown && item.subject && item.text) {
        report->items[report->count++] = item;
        return;
    }
    free(item.subject);
    free(item.text);
    report->failed = true;
}

/* NULL when memory ran out before one was added. */
static doctor_item *last_item(doctor_report *report)
{
    return report->failed || report->count == 0 ? NULL : &report->items[report->count - 1];
}

void doctor_fix(doctor_report *report, const char *format, ...)
{
    doctor_item *item = last_item(report);
    va_list args;
    va_start(args, format);
    if (item && vasprintf(&item->fix, format, args) < 0) {
        item->fix = NULL;
        report->failed = true;
    }
    va_end(args);
}

void doctor_fix_by_package(doctor_report *report, const char *root, const char *package)
{
    doctor_item *item = last_item(report);
    if (!item || !package) return;
    item->package = package;
    item->installed = doctor_package_installed(root, package);
}

const char *doctor_quoted(const char *path, char *text, size_t size)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+:@%,=";
    if (*path && strspn(path, plain) == strlen(path)) {
        snprintf(text, size, "%s", path);
        return text;
    }
    size_t at = 0;
    text[at++] = '\'';
    for (; *path && at + 6 < size; path++) { /* a quote within quotes: '\'' */
        if (*path == '\'') at += (size_t)snprintf(text + at, size - at, "'\\'");
        text[at++] = *path;
    }
    text[at++] = '\'';
    text[at] = 0;
    return text;
}

/* ---- The remedy ---- */

void doctor_remedy_free(doctor_remedy *remedy)
{
    for (size_t i = 0; i < remedy->count; i++) free(remedy->commands[i]);
    *remedy = (doctor_remedy){0};
}

static void add_command(doctor_remedy *remedy, const char *command)
{
    for (size_t i = 0; i < remedy->count; i++)
        if (!strcmp(remedy->commands[i], command)) return;
    if (remedy->count == DOCTOR_COMMANDS) return;
    char *copy = strdup(command);
    if (copy)
        remedy->commands[remedy->count++] = copy;
    else
        remedy->failed = true;
}

typedef struct packages {
    const char *names[16];
    size_t count;
    bool again; /* one is installed, but not whole */
} packages;

static void collect(packages *self, const doctor_item *item)
{
    for (size_t i = 0; i < self->count; i++)
        if (!strcmp(self->names[i], item->package)) return;
    if (self->count == sizeof self->names / sizeof *self->names) return;
    self->names[self->count++] = item->package;
    self->again |= item->installed;
}

static void add_install(doctor_remedy *remedy, const char *root, const packages *wanted)
{
    char text[TEXT_CHARS];
    int at = snprintf(text, sizeof text, "%s",
                      !doctor_is_debian(root) ? "install what Debian's packages have that are called"
                      : wanted->again         ? "apt-get install --reinstall"
                                              : "apt-get install");
    for (size_t i = 0; i < wanted->count && at > 0 && (size_t)at < sizeof text; i++)
        at += snprintf(text + at, sizeof text - (size_t)at, " %s", wanted->names[i]);
    add_command(remedy, text);
}

void doctor_prescribe(const char *root, const doctor_report *const *reports, size_t count, doctor_remedy *out)
{
    packages wanted = {0};
    bool said = false;
    *out = (doctor_remedy){0};
    for (size_t r = 0; r < count; r++)
        for (size_t i = 0; i < reports[r]->count; i++) {
            const doctor_item *item = &reports[r]->items[i];
            if (item->state == DOCTOR_PROBLEM && item->package) collect(&wanted, item);
        }
    for (size_t r = 0; r < count; r++)
        for (size_t i = 0; i < reports[r]->count; i++) {
            const doctor_item *item = &reports[r]->items[i];
            if (item->state != DOCTOR_PROBLEM) continue;
            if (item->package && !said) add_install(out, root, &wanted);
            said |= item->package != NULL;
            if (item->fix) add_command(out, item->fix);
        }
}
