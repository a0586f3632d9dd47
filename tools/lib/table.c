/* table.c - see table.h. Widths are counted in UTF-8 characters; cells are made printable, since a table shows
 * names that come from files and drivers. */
#include "table.h"
#include "args.h"
#include "say.h"
#include "runtime/shared/text.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void table_begin(table *self, const char *const *headings, int columns)
{
    *self = (table){.columns = columns};
    for (int i = 0; i < columns; i++) self->headings[i] = headings[i];
}

void table_cell(table *self, const char *format, ...)
{
    if (self->ncells == self->room) {
        size_t room = self->room ? 2 * self->room : 64;
        char **cells = realloc(self->cells, room * sizeof *cells);
        if (!cells) {
            self->failed = 1;
            return;
        }
        self->cells = cells;
        self->room = room;
    }
    char *text = NULL;
    va_list arguments;
    va_start(arguments, format);
    if (vasprintf(&text, format, arguments) < 0) text = NULL;
    va_end(arguments);
    if (!text) {
        self->failed = 1;
        return;
    }
    text_make_printable(text);
    self->cells[self->ncells++] = text;
}

static int width_of(const char *text)
{
    int width = 0;
    for (; *text; text++) width += ((unsigned char)*text & 0xc0) != 0x80;
    return width;
}

static void print_cell(const char *text, int width, int right, int last)
{
    int pad = width - width_of(text);
    if (right) printf("%*s", pad, "");
    fputs(text, stdout);
    if (!last) printf("%*s", (right ? 0 : pad) + 2, "");
}

int table_end(table *self)
{
    int widths[TABLE_COLUMNS], right[TABLE_COLUMNS], columns = self->columns;
    size_t rows = self->ncells / (size_t)columns;
    for (int i = 0; i < columns; i++) {
        right[i] = self->headings[i][0] == '>';
        widths[i] = width_of(self->headings[i] + right[i]);
    }
    for (size_t k = 0; k < rows * (size_t)columns; k++) {
        int width = width_of(self->cells[k]), i = (int)(k % (size_t)columns);
        if (width > widths[i]) widths[i] = width;
    }
    for (int i = 0; i < columns; i++) print_cell(self->headings[i] + right[i], widths[i], right[i], i == columns - 1);
    putchar('\n');
    for (size_t k = 0; k < rows * (size_t)columns; k++) {
        int i = (int)(k % (size_t)columns), last = i == columns - 1;
        print_cell(self->cells[k], widths[i], right[i], last);
        if (last) putchar('\n');
    }
    table_free(self);
    return self->failed ? say_failure("no memory for the table") : EXIT_OK;
}

void table_free(table *self)
{
    for (size_t k = 0; k < self->ncells; k++) free(self->cells[k]);
    free(self->cells);
    self->cells = NULL;
    self->ncells = self->room = 0;
}

const char *human_count(double value, char *text)
{
    static const char prefixes[] = "\0kMGTP";
    int p = 0;
    for (; value >= 999.5 && p < 5; p++) value /= 1000;
    if (p == 0)
        snprintf(text, 16, "%.0f", value);
    else
        snprintf(text, 16, "%.*f %c", value < 9.995 ? 2 : value < 99.95 ? 1 : 0, value, prefixes[p]);
    return text;
}

const char *human_bytes(unsigned long long bytes, char *text)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    double value = (double)bytes;
    int u = 0;
    for (; value >= 999.5 && u < 4; u++) value /= 1024;
    snprintf(text, 16, "%.*f %s", u == 0 || value >= 99.95 ? 0 : 1, value, units[u]);
    return text;
}
