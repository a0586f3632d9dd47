/* args.c - parsing a command line by the tables of args.h, and printing them as help. */
#include "args.h"
#include "say.h"
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_OPTIONS = 64, HELP_ID = MAX_OPTIONS, HELP_COLUMN = 26, HELP_WIDTH = 100 };

/* ---- Suggestions -------------------------------------------------------------------------------------------- */

/* Edits (insert, delete, replace) between two words, for words of less than 32 letters; else a large number. */
static size_t edit_distance(const char *a, const char *b)
{
    size_t row[32], na = strlen(a), nb = strlen(b);
    if (na >= 32 || nb >= 32) return 32;
    for (size_t j = 0; j <= nb; j++) row[j] = j;
    for (size_t i = 1; i <= na; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= nb; j++) {
            size_t best = diagonal + (a[i - 1] != b[j - 1]);
            if (row[j] + 1 < best) best = row[j] + 1;
            if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
            diagonal = row[j];
            row[j] = best;
        }
    }
    return row[nb];
}

const char *args_nearest(const char *typed, const char *const *names)
{
    const char *best = NULL;
    size_t limit = strlen(typed) / 2 + 1, least = limit < 4 ? limit : 4;
    for (; *names; names++) {
        size_t distance = edit_distance(typed, *names);
        if (distance < least) {
            least = distance;
            best = *names;
        }
    }
    return best;
}

/* ---- Values -------------------------------------------------------------------------------------------------- */

static bool parse_count(const char *text, int64_t low, int64_t high, int64_t *out)
{
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (end == text || *end || errno || value < low || value > high) return false;
    *out = value;
    return true;
}

/* "224" or "193x257", height first. */
static bool parse_size(const char *text, int64_t low, int64_t high, int64_t out[2])
{
    char first[24];
    const char *cross = strchr(text, 'x');
    size_t length = cross ? (size_t)(cross - text) : strlen(text);
    if (length >= sizeof first) return false;
    memcpy(first, text, length);
    first[length] = '\0';
    return parse_count(first, low, high, &out[0]) && parse_count(cross ? cross + 1 : first, low, high, &out[1]);
}

static int store(const option_row *row, void *field, const char *text)
{
    switch (row->kind) {
    case OPTION_FLAG:
        *(bool *)field = true;
        return EXIT_OK;
    case OPTION_TEXT:
        *(const char **)field = text;
        return EXIT_OK;
    case OPTION_COUNT:
        if (parse_count(text, row->low, row->high, field)) return EXIT_OK;
        return say_usage("--%s %s: not a number from %lld to %lld", row->name, text, (long long)row->low,
                         (long long)row->high);
    case OPTION_SIZE:
        if (parse_size(text, row->low, row->high, field)) return EXIT_OK;
        return say_usage("--%s %s: not a size such as 224 or 193x257, each side from %lld to %lld", row->name, text,
                         (long long)row->low, (long long)row->high);
    }
    return EXIT_USAGE;
}

/* ---- Parsing -------------------------------------------------------------------------------------------------- */

/* The command's rows in one list, with the field each fills. */
typedef struct option_list {
    const option_row *rows[MAX_OPTIONS];
    size_t fields[MAX_OPTIONS];
    int count;
} option_list;

static void list_options(const command *self, option_list *list)
{
    list->count = 0;
    for (const option_group *group = self->groups; group->rows; group++)
        for (const option_row *row = group->rows; row->name && list->count < MAX_OPTIONS; row++) {
            list->rows[list->count] = row;
            list->fields[list->count++] = group->offset + row->offset;
        }
}

static int unknown_option(const option_list *list, const char *typed)
{
    const char *names[MAX_OPTIONS + 2];
    char bare[64];
    snprintf(bare, sizeof bare, "%.*s", (int)strcspn(typed, "="), typed);
    int count = 0;
    for (; count < list->count; count++) names[count] = list->rows[count]->name;
    names[count++] = "help";
    names[count] = NULL;
    const char *nearest = strncmp(bare, "--", 2) ? NULL : args_nearest(bare + 2, names);
    if (nearest) return say_usage("%s: no such option; did you mean --%s?", bare, nearest);
    return say_usage("%s: no such option; see --help", bare);
}

int args_parse(const command *self, int argc, char **argv, void *settings, int *first, bool *help)
{
    option_list list;
    struct option longs[MAX_OPTIONS + 2] = {{0}};
    list_options(self, &list);
    for (int i = 0; i < list.count; i++) {
        const option_row *row = list.rows[i];
        longs[i] = (struct option){row->name, row->argument ? required_argument : no_argument, NULL, i};
        if (row->standard && store(row, (char *)settings + list.fields[i], row->standard)) return EXIT_USAGE;
    }
    longs[list.count] = (struct option){"help", no_argument, NULL, HELP_ID};

    opterr = 0;
    for (;;) {
        int at = optind, id = getopt_long(argc, argv, ":h", longs, NULL);
        if (id == -1) break;
        if (id == 'h' || id == HELP_ID) {
            *help = true;
            return EXIT_OK;
        }
        if (id == ':') return say_usage("%s: needs a value; see --help", argv[optind - 1]);
        if (id == '?') {
            /* getopt leaves optind at an unknown short option until its letters are used up. */
            const char *typed = optind > at ? argv[optind - 1] : argv[at];
            return unknown_option(&list, typed);
        }
        int failed = store(list.rows[id], (char *)settings + list.fields[id], optarg);
        if (failed) return failed;
    }
    *first = optind;
    if (!self->operands && optind < argc) return say_usage("%s: takes no such argument; see --help", argv[optind]);
    return EXIT_OK;
}

/* ---- Help ------------------------------------------------------------------------------------------------------ */

/* Words of text, wrapped into lines that start at `column`; the cursor is there already. */
static void print_wrapped(FILE *file, const char *text, int column)
{
    int at = column;
    while (*text) {
        int length = (int)strcspn(text, " \n");
        if (at > column && at + 1 + length > HELP_WIDTH) {
            fprintf(file, "\n%*s", column, "");
            at = column;
        }
        at += fprintf(file, "%s%.*s", at > column ? " " : "", length, text);
        text += length;
        if (*text == '\n') {
            fprintf(file, "\n%*s", column, "");
            at = column;
        }
        if (*text) text++;
    }
    fputc('\n', file);
}

static void print_row(FILE *file, const option_row *row)
{
    char left[64], *help;
    snprintf(left, sizeof left, "  --%s%s%s", row->name, row->argument ? " " : "", row->argument ? row->argument : "");
    fprintf(file, "%-*s", HELP_COLUMN, left);
    if (strlen(left) >= HELP_COLUMN) fprintf(file, "\n%*s", HELP_COLUMN, "");
    if (asprintf(&help, "%s%s%s%s", row->help, row->standard ? " (default: " : "", row->standard ? row->standard : "",
                 row->standard ? ")" : "") < 0)
        help = NULL;
    print_wrapped(file, help ? help : row->help, HELP_COLUMN);
    free(help);
}

void args_print_help(FILE *file, const command *self)
{
    static const option_row help_row = {.name = "help", .help = "Print this and exit."};
    option_list list;
    list_options(self, &list);
    fprintf(file, "Usage: shunt %s [OPTION]...%s%s\n", self->name, self->operands ? " " : "",
            self->operands ? self->operands : "");
    print_wrapped(file, self->summary, 0);
    if (self->text) {
        fputc('\n', file);
        print_wrapped(file, self->text, 0);
    }
    fputs("\nOptions:\n", file);
    for (int i = 0; i < list.count; i++) print_row(file, list.rows[i]);
    print_row(file, &help_row);
    fputs("\nExamples:\n", file);
    for (const example *e = self->examples; e < self->examples + MAX_EXAMPLES && e->line; e++)
        fprintf(file, "  %s\n      %s\n", e->line, e->meaning);
    fputs("\nExit status: 0 all done, 1 something failed, 2 wrong usage.\n", file);
}
