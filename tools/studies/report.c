/* report.c - see report.h. */
#include "report.h"
#include "lib/args.h"
#include "lib/say.h"
#include <stdarg.h>
#include <stdlib.h>

void report_begin(report *self, const char *folder, const char *title)
{
    char path[4096];
    *self = (report){.folder = folder};
    snprintf(path, sizeof path, "%s/report.md", folder);
    self->failed = output_begin(&self->file, path);
    if (!self->failed) fprintf(self->file.file, "# %s\n", title);
}

int report_end(report *self)
{
    int status = output_end(&self->file, !self->failed);
    free(self->verdict);
    self->verdict = NULL;
    return self->failed ? self->failed : status;
}

void report_paragraph(report *self, const char *format, ...)
{
    va_list arguments;
    if (self->failed) return;
    fputc('\n', self->file.file);
    va_start(arguments, format);
    vfprintf(self->file.file, format, arguments);
    va_end(arguments);
    fputc('\n', self->file.file);
}

void report_verdict(report *self, const char *format, ...)
{
    char *text = NULL;
    va_list arguments;
    va_start(arguments, format);
    if (!self->failed &&
        (vasprintf(&text, format, arguments) < 0 ||
         asprintf(&self->verdict, "%s%s", self->quick ? "Quick, not the finding itself. " : "", text) < 0)) {
        self->verdict = NULL;
        self->failed = say_failure("no memory for the verdict");
    }
    free(text);
    va_end(arguments);
    if (!self->failed) report_paragraph(self, "**Verdict.** %s", self->verdict);
}

FILE *report_verdict_begin(report *self)
{
    os_text_begin(&self->text);
    if (!self->text.to && !self->failed) self->failed = say_failure("no memory for the verdict");
    return self->text.to;
}

void report_verdict_end(report *self, const char *none)
{
    size_t size;
    char *text = os_text_end(&self->text, &size);
    if (text)
        report_verdict(self, "%s", *text ? text : none);
    else if (!self->failed)
        self->failed = say_failure("no memory for the verdict");
    free(text);
}

void report_table(report *self, table *cells)
{
    if (!self->failed && cells->failed) self->failed = say_failure("no memory for a table of the report");
    if (!self->failed) {
        FILE *file = self->file.file;
        fputs("\n|", file);
        for (int c = 0; c < cells->columns; c++)
            fprintf(file, " %s |", cells->headings[c] + (*cells->headings[c] == '>'));
        fputs("\n|", file);
        for (int c = 0; c < cells->columns; c++) fputs(*cells->headings[c] == '>' ? "---:|" : "---|", file);
        for (size_t i = 0; i < cells->ncells; i++)
            fprintf(file, "%s %s |", i % (size_t)cells->columns ? "" : "\n|", cells->cells[i]);
        fputc('\n', file);
    }
    table_free(cells);
}

static const char *picture_path(const report *self, const char *name, char path[4096])
{
    snprintf(path, 4096, "%s/%s", self->folder, name);
    return path;
}

void report_picture(report *self, const plot *picture, const char *name)
{
    char path[4096];
    if (self->failed || !plot_can_draw()) return;
    self->failed = plot_write(picture, picture_path(self, name, path));
    report_paragraph(self, "![%s](%s.png)", picture->title, name);
}

void report_bars(report *self, const plot_bars *picture, const char *name)
{
    char path[4096];
    if (self->failed || !plot_can_draw()) return;
    self->failed = plot_bars_write(picture, picture_path(self, name, path));
    report_paragraph(self, "![%s](%s.png)", picture->title, name);
}

void report_map(report *self, const plot_map *picture, const char *name)
{
    char path[4096];
    if (self->failed || !plot_can_draw()) return;
    self->failed = plot_map_write(picture, picture_path(self, name, path));
    report_paragraph(self, "![%s](%s.png)", picture->title, name);
}
