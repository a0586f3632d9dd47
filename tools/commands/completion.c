/* completion.c - completion scripts for bash, zsh and fish, from the same tables as --help. What an option's argument is follows
 * from its row: words where they are listed as "A|B|C", nothing for numbers, folders for DIR, else files. */
#include "lib/args.h"
#include <string.h>

typedef struct shell {
    const char *name;
    void (*print)(FILE *file, const command *const *list);
} shell;

/* ---- What all of them print --------------------------------------------------------------------------------- */

/* The length of the part of a help text that says what the option is. */
static size_t gist(const char *text)
{
    size_t length = 0;
    while (text[length] && !(strchr(".:;", text[length]) && (text[length + 1] == ' ' || !text[length + 1]))) length++;
    return length;
}

static bool has_words(const option_row *row)
{
    return row->argument && strchr(row->argument, '|');
}

static bool is_number(const option_row *row)
{
    return row->kind == OPTION_COUNT || row->kind == OPTION_SIZE;
}

static bool is_folder(const option_row *row)
{
    return row->argument && !strcmp(row->argument, "DIR");
}

/* "A|B|C" with blanks between the words. */
static void print_words(FILE *file, const option_row *row)
{
    for (const char *c = row->argument; *c; c++) fputc(*c == '|' ? ' ' : *c, file);
}

static void print_names(FILE *file, const command *const *list)
{
    for (const command *const *c = list; *c; c++) fprintf(file, "%s%s", c == list ? "" : " ", (*c)->name);
}

static bool takes_command(const command *self)
{
    return self->operands && strstr(self->operands, "COMMAND");
}

/* `length` characters in single quotes of the shell; those of `special` get a backslash before them. */
static void print_quoted(FILE *file, const char *text, size_t length, const char *special, const char *quote)
{
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '\'')
            fputs(quote, file);
        else if (strchr(special, text[i]))
            fprintf(file, "\\%c", text[i]);
        else
            fputc(text[i], file);
    }
}

/* ---- bash ------------------------------------------------------------------------------------------------------ */

static void print_bash_command(FILE *file, const command *self, const command *const *list)
{
    fprintf(file, "        %s)\n            case $before in\n", self->name);
    for (const option_group *group = self->groups; group->rows; group++)
        for (const option_row *row = group->rows; row->name; row++) {
            if (row->kind == OPTION_FLAG) continue;
            fprintf(file, "            --%s) ", row->name);
            if (has_words(row)) {
                fputs("words='", file);
                print_words(file, row);
                fputs("' ;;\n", file);
            } else
                fputs(is_folder(row) ? "mapfile -t COMPREPLY < <(compgen -d -- \"$word\"); return ;;\n" : "return ;;\n",
                      file);
        }
    fputs("            *) if [[ $word == -* ]]; then words='--help", file);
    for (const option_group *group = self->groups; group->rows; group++)
        for (const option_row *row = group->rows; row->name; row++) fprintf(file, " --%s", row->name);
    fputc('\'', file);
    if (takes_command(self)) {
        fputs("; else words='", file);
        print_names(file, list);
        fputc('\'', file);
    }
    fputs("; fi ;;\n            esac ;;\n", file);
}

/* Without words, bash completes the names of files by itself (-o default). */
static void print_bash(FILE *file, const command *const *list)
{
    fputs("# bash completion for shunt, made by: shunt help --completion bash\n_shunt()\n{\n"
          "    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} words= IFS=$' \\t\\n'\n    "
          "COMPREPLY=()\n"
          "    if [[ $COMP_CWORD == 1 ]]; then\n        words='",
          file);
    print_names(file, list);
    fputs("'\n    else\n        case ${COMP_WORDS[1]} in\n", file);
    for (const command *const *c = list; *c; c++) print_bash_command(file, *c, list);
    fputs("        esac\n    fi\n    mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$word\")\n}\n"
          "complete -o bashdefault -o default -F _shunt shunt\n",
          file);
}

/* ---- zsh ------------------------------------------------------------------------------------------------------- */

static const char zsh_quote[] = "'\\''";

static void print_zsh_option(FILE *file, const option_row *row)
{
    fprintf(file, " \\\n            '--%s%s[", row->name, row->kind == OPTION_FLAG ? "" : "=");
    print_quoted(file, row->help, gist(row->help), "[]\\", zsh_quote);
    fputc(']', file);
    if (row->kind != OPTION_FLAG) {
        fputc(':', file);
        print_quoted(file, row->argument, strlen(row->argument), ":\\", zsh_quote);
        fputc(':', file);
        if (has_words(row)) {
            fputc('(', file);
            print_words(file, row);
            fputc(')', file);
        } else
            fputs(is_number(row) ? " " : is_folder(row) ? "_files -/" : "_files", file);
    }
    fputc('\'', file);
}

static void print_zsh_command(FILE *file, const command *self, const command *const *list)
{
    fprintf(file, "    %s)\n        _arguments -S '--help[Print the options and exit]'", self->name);
    for (const option_group *group = self->groups; group->rows; group++)
        for (const option_row *row = group->rows; row->name; row++) print_zsh_option(file, row);
    if (takes_command(self)) {
        fputs(" \\\n            '*:command:(", file);
        print_names(file, list);
        fputs(")'", file);
    } else if (self->operands)
        fputs(" \\\n            '*:file:_files'", file);
    fputs(" ;;\n", file);
}

static void print_zsh(FILE *file, const command *const *list)
{
    fputs("#compdef shunt\n# zsh completion for shunt, made by: shunt help --completion zsh\n_shunt()\n{\n"
          "    local -a commands\n    if (( CURRENT == 2 )); then\n        commands=(\n",
          file);
    for (const command *const *c = list; *c; c++) {
        fprintf(file, "            '%s:", (*c)->name);
        print_quoted(file, (*c)->summary, strlen((*c)->summary), ":\\", zsh_quote);
        fputs("'\n", file);
    }
    fputs(
        "        )\n        _describe command commands\n        return\n    fi\n    shift words\n    (( CURRENT-- ))\n"
        "    case $words[1] in\n",
        file);
    for (const command *const *c = list; *c; c++) print_zsh_command(file, *c, list);
    fputs("    esac\n}\nif [[ $funcstack[1] == _shunt ]]; then _shunt \"$@\"; else compdef _shunt shunt; fi\n", file);
}

/* ---- fish ------------------------------------------------------------------------------------------------------ */

static void print_fish_line(FILE *file, const command *self, const char *text, size_t length)
{
    fprintf(file, "complete -c shunt -n '__fish_seen_subcommand_from %s' -d '", self->name);
    print_quoted(file, text, length, "\\", "\\'");
    fputc('\'', file);
}

static void print_fish_option(FILE *file, const command *self, const option_row *row)
{
    print_fish_line(file, self, row->help, gist(row->help));
    fprintf(file, " -l %s", row->name);
    if (has_words(row)) {
        fputs(" -x -a '", file);
        print_words(file, row);
        fputc('\'', file);
    } else if (row->kind != OPTION_FLAG)
        fputs(is_number(row) ? " -x" : is_folder(row) ? " -x -a '(__fish_complete_directories)'" : " -r -F", file);
    fputc('\n', file);
}

static void print_fish_command(FILE *file, const command *self, const command *const *list)
{
    static const char print_help[] = "Print the options and exit";
    fprintf(file, "complete -c shunt -n __fish_use_subcommand -a %s -d '", self->name);
    print_quoted(file, self->summary, strlen(self->summary), "\\", "\\'");
    fputs("'\n", file);
    print_fish_line(file, self, print_help, strlen(print_help));
    fputs(" -l help\n", file);
    for (const option_group *group = self->groups; group->rows; group++)
        for (const option_row *row = group->rows; row->name; row++) print_fish_option(file, self, row);
    if (takes_command(self)) {
        fprintf(file, "complete -c shunt -n '__fish_seen_subcommand_from %s' -a '", self->name);
        print_names(file, list);
        fputs("'\n", file);
    } else if (self->operands)
        fprintf(file, "complete -c shunt -n '__fish_seen_subcommand_from %s' -F\n", self->name);
}

static void print_fish(FILE *file, const command *const *list)
{
    fputs("# fish completion for shunt, made by: shunt help --completion fish\ncomplete -c shunt -f\n", file);
    for (const command *const *c = list; *c; c++) print_fish_command(file, *c, list);
}

/* ---- Choosing -------------------------------------------------------------------------------------------------- */

static const shell shells[] = {{"bash", print_bash}, {"zsh", print_zsh}, {"fish", print_fish}};

bool completion_print(FILE *file, const char *name, const command *const *list)
{
    for (size_t i = 0; i < sizeof shells / sizeof *shells; i++)
        if (!strcmp(shells[i].name, name)) {
            shells[i].print(file, list);
            return true;
        }
    return false;
}
