/* csv.h - a table with named columns in a file of comma-separated values (RFC 4180), written and read. */
#ifndef SHUNT_TOOLS_CSV_H
#define SHUNT_TOOLS_CSV_H

#include <stddef.h>
#include <stdio.h>

typedef struct csv {
    const char *const *columns; /* ended by NULL; they outlive the table */
    size_t ncolumns, ncells, room;
    char **cells; /* ncolumns a row */
    int failed;   /* memory ran out: csv_write says so */
} csv;

/* A field: in quotes where it must be. */
void csv_print_field(FILE *file, const char *text);

void csv_begin(csv *self, const char *const *columns);
void csv_end(csv *self);
/* Removes all rows. */
void csv_clear(csv *self);
/* Appends one cell; rows fill from left to right. */
void csv_put(csv *self, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Replaces the file as a whole. Returns an EXIT_ number, as csv_read does. */
int csv_write(const csv *self, const char *path);
/* Begins the table with the file's rows. All columns must be in its first line, in any order; others are left out. */
int csv_read(csv *self, const char *const *columns, const char *path);
/* The same, but the column `later` and those after it may be missing; their cells are then empty. NULL: none may be missing. */
int csv_read_older(csv *self, const char *const *columns, const char *later, const char *path);

size_t csv_rows(const csv *self);
/* The column must be one of the table's. */
const char *csv_text(const csv *self, size_t row, const char *column);
double csv_number(const csv *self, size_t row, const char *column); /* NaN where there is no number */

#endif
