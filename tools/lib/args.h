/* args.h - what a sub-command takes, as data: parsing, --help and the man page all read the same tables.
 *
 * A command's settings are one struct; each option names the field it fills by offset. Defaults are written as the
 * text that a user would type and go through the same parser, so help cannot disagree with what happens. */
#ifndef SHUNT_TOOLS_ARGS_H
#define SHUNT_TOOLS_ARGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

typedef enum option_kind {
    OPTION_FLAG,  /* bool */
    OPTION_TEXT,  /* const char * */
    OPTION_COUNT, /* int64_t in [low, high] */
    OPTION_SIZE   /* int64_t[2]: height, width; "224" or "193x257" */
} option_kind;

typedef struct option_row {
    const char *name; /* without the dashes; NULL ends a table */
    option_kind kind;
    size_t offset;
    const char *argument; /* "N" in "--batch N"; NULL for a flag */
    const char *help;
    const char *standard; /* the default, as typed; NULL: none */
    int64_t low, high;    /* OPTION_COUNT, OPTION_SIZE */
} option_row;

/* A table and where in the command's settings the struct that it fills begins. */
typedef struct option_group {
    const option_row *rows; /* NULL ends the list */
    size_t offset;
} option_group;

typedef struct example {
    const char *line, *meaning; /* line NULL ends a list that is not full */
} example;

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

enum { MAX_GROUPS = 8, MAX_EXAMPLES = 8 };

typedef struct command {
    const char *name, *summary;
    const char *operands; /* "IMAGE..."; NULL: takes none */
    const char *text;     /* a paragraph or two; NULL: the summary says it */
    option_group groups[MAX_GROUPS];
    example examples[MAX_EXAMPLES];
    size_t settings_size;
    /* operands ends with NULL. Returns an EXIT_ number. */
    int (*run)(const void *settings, int noperands, char **operands);
} command;

/* Fills settings (settings_size bytes, zeroed) with defaults, then from argv[1..]; operands are argv[*first..]. Returns
 * EXIT_OK, or EXIT_USAGE after printing why. *help: --help was asked for; then the rest was not looked at. */
int args_parse(const command *self, int argc, char **argv, void *settings, int *first, bool *help);

/* "  --batch N  " and so on for every option of the command, --help last. */
void args_print_help(FILE *file, const command *self);

/* The name in `names` (ended by NULL) that `typed` was probably meant to be, or NULL. */
const char *args_nearest(const char *typed, const char *const *names);

/* roff for all commands: shunt(1). */
void man_print(FILE *file, const command *const *commands);

/* The completion script for "bash", "zsh" or "fish". Returns false, and prints nothing, for any other shell. */
bool completion_print(FILE *file, const char *shell, const command *const *commands);

#endif
