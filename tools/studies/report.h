/* report.h - a study's report.md: paragraphs, tables, pictures, and a verdict, which the command prints, too. */
#ifndef SHUNT_TOOLS_STUDIES_REPORT_H
#define SHUNT_TOOLS_STUDIES_REPORT_H

#include "lib/output.h"
#include "lib/plot.h"
#include "lib/table.h"
#include "runtime/shared/os.h"

typedef struct report {
    output file;
    const char *folder;
    char *verdict; /* NULL: none yet */
    bool quick;    /* the verdict says that it is not the finding itself */
    int failed;    /* an EXIT_ number */
    os_text text;  /* of a verdict under way */
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
/* A sentence or several, once. Or what is written between these two, however long; where nothing is, `none`. NULL: no memory, which is
 * kept in `failed`; then there is no end. */
FILE *report_verdict_begin(report *self);
void report_verdict_end(report *self, const char *none);
void report_verdict(report *self, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
