/* table.h - rows of text printed in aligned columns. */
#ifndef SHUNT_TOOLS_TABLE_H
#define SHUNT_TOOLS_TABLE_H

#include <stddef.h>

enum { TABLE_COLUMNS = 12 };

typedef struct table {
    const char *headings[TABLE_COLUMNS]; /* one that starts with '>' is right-aligned */
    int columns;
    char **cells; /* columns per row */
    size_t ncells, room;
    int failed; /* memory ran out: what is printed is not all */
} table;

/* The headings must outlive the table. */
void table_begin(table *self, const char *const *headings, int columns);
/* Appends one cell; rows fill from left to right. */
void table_cell(table *self, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Prints to stdout and frees. Returns an EXIT_ number. */
int table_end(table *self);
void table_free(table *self);

/* "1.81 G", "512", "44.6 M": three digits and a decimal prefix. text: 16 bytes; returned. */
const char *human_count(double value, char *text);
/* "12.3 MiB". text: 16 bytes; returned. */
const char *human_bytes(unsigned long long bytes, char *text);

#endif
