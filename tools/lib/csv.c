/* csv.c - see csv.h. */
#include "csv.h"
#include "args.h"
#include "output.h"
#include "say.h"
#include "runtime/shared/os.h"
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* ---- The table ---------------------------------------------------------------------------------------------------- */

void csv_begin(csv *self, const char *const *columns)
{
    *self = (csv){.columns = columns};
    while (columns[self->ncolumns]) self->ncolumns++;
}

void csv_clear(csv *self)
{
    while (self->ncells) free(self->cells[--self->ncells]);
}

void csv_end(csv *self)
{
    csv_clear(self);
    free(self->cells);
    *self = (csv){0};
}

/* Takes text, which may be NULL for lack of memory. */
static void append(csv *self, char *text)
{
    if (text && self->ncells == self->room) {
        size_t room = self->room ? 2 * self->room : 256;
        char **cells = realloc(self->cells, room * sizeof *cells);
        if (cells) {
            self->cells = cells;
            self->room = room;
        }
    }
    if (text && self->ncells < self->room) {
        self->cells[self->ncells++] = text;
        return;
    }
    free(text);
    self->failed = 1;
}

void csv_put(csv *self, const char *format, ...)
{
    char *text;
    va_list arguments;
    va_start(arguments, format);
    if (vasprintf(&text, format, arguments) < 0) text = NULL;
    va_end(arguments);
    append(self, text);
}

size_t csv_rows(const csv *self)
{
    return self->ncolumns ? self->ncells / self->ncolumns : 0;
}

const char *csv_text(const csv *self, size_t row, const char *column)
{
    size_t c = 0;
    while (strcmp(self->columns[c], column)) c++;
    return self->cells[row * self->ncolumns + c];
}

double csv_number(const csv *self, size_t row, const char *column)
{
    char *end;
    const char *text = csv_text(self, row, column);
    double value = strtod(text, &end);
    return *text && !*end ? value : NAN;
}

/* ---- Writing ------------------------------------------------------------------------------------------------------ */

void csv_print_field(FILE *file, const char *text)
{
    if (!strpbrk(text, "\",\r\n")) {
        fputs(text, file);
        return;
    }
    putc('"', file);
    for (; *text; text++) {
        if (*text == '"') putc('"', file);
        putc(*text, file);
    }
    putc('"', file);
}

int csv_write(const csv *self, const char *path)
{
    output file;
    if (self->failed) return say_failure("%s: no memory", path);
    int status = output_begin(&file, path);
    if (status) return status;
    for (size_t c = 0; c < self->ncolumns; c++) fprintf(file.file, "%s%s", c ? "," : "", self->columns[c]);
    for (size_t i = 0; i < self->ncells; i++) {
        putc(i % self->ncolumns ? ',' : '\n', file.file);
        csv_print_field(file.file, self->cells[i]);
    }
    putc('\n', file.file);
    return output_end(&file, true);
}

/* ---- Reading ------------------------------------------------------------------------------------------------------ */

enum { MOST_FIELDS = 64 };

/* Divides a line, which has no line break within quotes, in place. Returns how many fields; 0: it is not well formed. */
static size_t split(char *line, char *fields[MOST_FIELDS])
{
    size_t count = 0;
    for (char *from = line, end = ','; end == ','; count++) {
        if (count == MOST_FIELDS) return 0;
        char *to = fields[count] = from;
        bool quoted = *from == '"';
        if (quoted) from++;
        for (; *from && (quoted ? *from != '"' || from[1] == '"' : *from != ','); *to++ = *from++)
            if (quoted && *from == '"') from++;
        if (quoted && *from++ != '"') return 0;
        end = *from;
        if (end && end != ',') return 0;
        *to = '\0';
        from++;
    }
    return count;
}

/* Reads a line without its end; false at the end of the file. */
static bool next_line(FILE *file, char **line, size_t *room)
{
    ssize_t length = getline(line, room, file);
    if (length < 0) return false;
    (*line)[strcspn(*line, "\r\n")] = '\0';
    return true;
}

/* places[c]: where in the file's lines the table's column c is; width: it is missing, and may be. */
static int find_columns(const csv *self, const char *later, char *line, const char *path, size_t *places, size_t *width)
{
    char *names[MOST_FIELDS];
    bool needed = true;
    *width = split(line, names);
    for (size_t c = 0; c < self->ncolumns; c++) {
        size_t at = 0;
        if (later && !strcmp(self->columns[c], later)) needed = false;
        while (at < *width && strcmp(names[at], self->columns[c])) at++;
        if (at == *width && needed) return say_failure("%s: its first line has no column '%s'", path, self->columns[c]);
        places[c] = at;
    }
    return EXIT_OK;
}

static int read_rows(csv *self, const char *later, FILE *file, const char *path)
{
    char *line = NULL, *fields[MOST_FIELDS];
    size_t room = 0, places[MOST_FIELDS], width = 0;
    int status = next_line(file, &line, &room) ? find_columns(self, later, line, path, places, &width)
                                               : say_failure("%s: it is empty", path);
    for (size_t number = 2; status == EXIT_OK && next_line(file, &line, &room); number++) {
        size_t count = split(line, fields);
        if (count != width)
            status = say_failure("%s: line %zu is not %zu fields with commas between", path, number, width);
        for (size_t c = 0; status == EXIT_OK && c < self->ncolumns; c++)
            append(self, strdup(places[c] < width ? fields[places[c]] : ""));
    }
    free(line);
    if (status == EXIT_OK && (ferror(file) || self->failed))
        status = say_failure("%s: cannot be read to its end", path);
    return status;
}

int csv_read(csv *self, const char *const *columns, const char *path)
{
    return csv_read_older(self, columns, NULL, path);
}

int csv_read_older(csv *self, const char *const *columns, const char *later, const char *path)
{
    FILE *file = os_read_text(path);
    csv_begin(self, columns);
    if (!file) return say_failure("%s: %s", path, strerror(errno));
    int status = read_rows(self, later, file, path);
    fclose(file);
    if (status) csv_end(self);
    return status;
}
