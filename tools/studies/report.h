/* report.h - a study's report.md: paragraphs, tables, pictures, and a verdict, which the command prints, too. */
#ifndef SHUNT_TOOLS_STUDIES_REPORT_H
#define SHUNT_TOOLS_STUDIES_REPORT_H

#include "lib/output.h"
#include "lib/plot.h"
#include "lib/table.h"

typedef struct report {
    output file;
    const char *folder;
    char *verdict; /* NULL: none yet */
    int failed;    /* an EXIT_ number */
} report;

/* FOLDER/report.md. What goes wrong is kept in `failed`, and report_end returns it. */
void report_begin(report *self, const char *folder, const char *title);
int report_end(report *self);

void report_paragraph(report *self, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Takes the table: it is not to be ended. */
void report_table(report *self, table *cells);
/* FOLDER/NAME.svg and .png, the latter shown in the report. */
void report_picture(report *self, const plot *picture, const char *name);
void report_bars(report *self, const plot_bars *picture, const char *name);
void report_map(report *self, const plot_map *picture, const char *name);
/* A sentence or several, once. */
void report_verdict(report *self, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
