/* man.c - the manual page, from the same tables as --help. In mdoc, the semantic one of the two man macro sets: it
 * makes mandoc -T lint able to say something. Text is escaped, so a table row may hold anything. */
#include "lib/args.h"
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
        for (const example *e = (*list)->examples; e->line; e++) {
            fputs(".It Li ", file);
            print_argument(file, e->line);
            fputc('\n', file);
            print_text(file, e->meaning);
        }
    fputs(".El\n", file);
}

static const struct {
    const char *name, *meaning;
} environment[] = {
    {"SHUNT_DEVICE", "Where to run, unless an option says it: scalar, opencl, opencl:N, opencl:gpu, opencl:cpu, "
                     "opencl:TEXT or auto. A name that matches nothing is an error that lists the devices there are; "
                     "only auto falls back."},
    {"SHUNT_FALLBACK",
     "What to do with an operation that the device refuses: warn (run it on the scalar backend and log a "
     "warning), quiet (the same without a warning), or error."},
    {"SHUNT_PLUGIN_PATH", "Folders, separated by colons, searched for backends before the one of the installation. A "
                          "folder that others may write to is not used."},
    {"SHUNT_COLLECTIVE",
     "The plugin by which processes that mpirun or srun started reach each other. Default: the file "
     "collective/shunt-*.so in the first plugin folder that has one."},
    {"SHUNT_PROBE",
     "How backends are tried before they are loaded, so that a driver that crashes or hangs does no harm. "
     "Default: the program shunt-probe tries them, and its result is kept in the cache folder. isolated: "
     "kept results are ignored. off: nothing is tried."},
    {"SHUNT_PROBE_SECONDS", "How long the trial of a backend may take. Default: 10."},
    {"SHUNT_PROBE_HELPER", "The program shunt-probe, if it is not where it was installed."},
    {"SHUNT_CACHE_DIR", "Where compiled kernels, results of tuning and pulled weights are kept. Default: shunt in "
                        "XDG_CACHE_HOME, or in ~/.cache. A folder that others may write to is not used."},
    {"SHUNT_TUNE",
     "Whether plans use stored results of shunt tune. Default: they do. off: only the backend's best guesses. "
     "fast, full: ops without a result are also tuned, with candidates that are known to be safe."},
    {"SHUNT_DATA_DIR", "The folder of the data that comes with Shunt. Default: where it was installed."},
    {"SHUNT_LOG", "How much is said on standard error: error, warn, info or debug. Default: warn, and info "
                  "for lines of the command itself."},
    {"SHUNT_PROFILE", "A file that gets the time of every step, in the Chrome trace format."},
};

void man_print(FILE *file, const command *const *list)
{
    fprintf(file,
            ".Dd %s\n.Dt SHUNT 1\n.Os\n.Sh NAME\n.Nm shunt\n.Nd run residual networks on the device at hand\n"
            ".Sh SYNOPSIS\n.Nm\n.Ar command\n.Op Ar option ...\n.Op Ar argument ...\n.Sh DESCRIPTION\n",
            "November 21, 2026");
    print_text(file, "The commands of shunt, each of which also explains itself with --help:");
    for (const command *const *c = list; *c; c++) print_command(file, *c);
    fputs(".Sh ENVIRONMENT\n.Bl -tag -width Ds\n", file);
    for (size_t i = 0; i < sizeof environment / sizeof environment[0]; i++) {
        fprintf(file, ".It Ev %s\n", environment[i].name);
        print_text(file, environment[i].meaning);
    }
    fputs(
        ".El\n.Sh EXIT STATUS\n.Bl -tag -width Ds\n.It 0\nAll was done.\n.It 1\nSomething failed; standard error says "
        "what.\nWith several pictures, the others were still classified.\n.It 2\nThe command line was wrong; nothing "
        "was "
        "done.\n.El\n",
        file);
    print_examples(file, list);
}
