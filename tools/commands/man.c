/* man.c - the manual page, from the same tables as --help. In mdoc, the semantic one of the two man macro sets: it
 * makes mandoc -T lint able to say something. Text is escaped, so a table row may hold anything. */
#include "lib/args.h"
#include "lib/environment.h"
#include <shunt/shunt.h>
#include <string.h>

/* Text: a line that starts with '.' or '\'' would be a macro, backslashes escapes, a dash a hyphen. A sentence ends at
 * the end of a line, so that roff spaces it right, and lines are short, as mandoc -T lint wants them. */
static void print_text(FILE *file, const char *text)
{
    int column = 0;
    for (; *text; text++) {
        if (column == 0 && (*text == '.' || *text == '\'')) fputs("\\&", file);
        if (*text == '\\')
            fputs("\\e", file);
        else if (*text == '-')
            fputs("\\-", file);
        else
            fputc(*text, file);
        column++;
        if (text[1] == ' ' && (strchr(".:?", *text) || column > 55)) {
            fputc('\n', file);
            text++;
            column = 0;
        }
    }
    fputc('\n', file);
}

/* An argument of a macro: quoted, since words such as "No" or "D" may be macros themselves. */
static void print_argument(FILE *file, const char *text)
{
    fputc('"', file);
    for (; *text; text++)
        if (*text == '"')
            fputs("\\(dq", file);
        else if (*text == '\\')
            fputs("\\e", file);
        else if (*text == '-')
            fputs("\\-", file);
        else
            fputc(*text, file);
    fputc('"', file);
}

static void print_option(FILE *file, const option_row *row)
{
    fputs(".It Fl Fl ", file);
    print_argument(file, row->name);
    if (row->argument) {
        fputs(" Ar ", file);
        print_argument(file, row->argument);
    }
    fputc('\n', file);
    print_text(file, row->help);
    if (row->standard) {
        fputs("Default:\n", file);
        print_text(file, row->standard);
    }
}

static void print_command(FILE *file, const command *self)
{
    int options = 0;
    fprintf(file, ".Ss shunt %s\n", self->name);
    fprintf(file, ".Nm shunt %s\n.Op Ar option ...\n", self->name);
    if (self->operands) {
        fputs(".Ar ", file);
        print_argument(file, self->operands);
        fputc('\n', file);
    }
    fputs(".Pp\n", file);
    print_text(file, self->summary);
    if (self->text) {
        fputs(".Pp\n", file);
        print_text(file, self->text);
    }
    for (const option_group *group = self->groups; group->rows; group++)
        for (const option_row *row = group->rows; row->name; row++) {
            if (options++ == 0) fputs(".Bl -tag -width Ds\n", file);
            print_option(file, row);
        }
    if (options) fputs(".El\n", file);
}

static void print_examples(FILE *file, const command *const *list)
{
    fputs(".Sh EXAMPLES\n.Bl -tag -width Ds\n", file);
    for (; *list; list++)
        for (const example *e = (*list)->examples; e < (*list)->examples + MAX_EXAMPLES && e->line; e++) {
            fputs(".It Li ", file);
            print_argument(file, e->line);
            fputc('\n', file);
            print_text(file, e->meaning);
        }
    fputs(".El\n", file);
}

void man_print(FILE *file, const command *const *list)
{
    fprintf(file,
            ".Dd %s\n.Dt SHUNT 1\n.Os\n.Sh NAME\n.Nm shunt\n.Nd run residual networks on the device at hand\n"
            ".Sh SYNOPSIS\n.Nm\n.Ar command\n.Op Ar option ...\n.Op Ar argument ...\n.Sh DESCRIPTION\n",
            "November 21, 2026");
    print_text(file, "The commands of shunt, each of which also explains itself with --help:");
    for (const command *const *c = list; *c; c++) print_command(file, *c);
    fputs(".Sh ENVIRONMENT\n.Bl -tag -width Ds\n", file);
    for (const variable *v = environment_variables; v->name; v++) {
        fprintf(file, ".It Ev %s\n", v->name);
        print_text(file, v->meaning);
    }
    fputs(
        ".El\n.Sh EXIT STATUS\n.Bl -tag -width Ds\n.It 0\nAll was done.\n.It 1\nSomething failed; standard error says "
        "what.\nWith several pictures, the others were still classified.\n.It 2\nThe command line was wrong; nothing "
        "was "
        "done.\n.El\n",
        file);
    print_examples(file, list);
}
