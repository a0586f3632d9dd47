/* doctor_report.c - see doctor_opencl.h. */
#include "doctor_opencl.h"

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

bool doctor_report_add(doctor_report *report, doctor_state state, const char *kind, const char *subject,
                       const char *package, const char *format, va_list args)
{
    char text[TEXT_CHARS];
    vsnprintf(text, sizeof text, format, args);
    doctor_item *grown = realloc(report->items, (report->count + 1) * sizeof *grown);
    if (grown) report->items = grown;
    doctor_item item = {state, kind, printable_copy(subject), printable_copy(text), package};
    if (grown && item.subject && item.text) {
        report->items[report->count++] = item;
        return true;
    }
    free(item.subject);
    free(item.text);
    return false;
}
