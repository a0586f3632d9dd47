/* help.c - shunt help: the commands, one command's options, the man page, or a completion script. */
#include "commands.h"
#include "lib/say.h"
#include <string.h>

typedef struct help_settings {
    bool man;
    const char *completion;
} help_settings;

static const option_row rows[] = {
    {"man", OPTION_FLAG, offsetof(help_settings, man), NULL, "Print the manual page shunt(1) as roff.", NULL, 0, 0},
    {"completion", OPTION_TEXT, offsetof(help_settings, completion), "bash|zsh|fish",
     "Print a script with which this shell completes the command line of shunt.", NULL, 0, 0},
    {0}};

static void print_overview(void)
{
    puts("Shunt runs residual networks on the device at hand.\n\nUsage: shunt COMMAND [OPTION]... [ARGUMENT]...\n");
    for (const command *const *c = commands; *c; c++) printf("  %-10s%s\n", (*c)->name, (*c)->summary);
    puts("\nshunt COMMAND --help tells more of each, with examples. Environment: SHUNT_DEVICE (where to run),\n"
         "SHUNT_LOG (error, warn, info, debug), SHUNT_PROFILE=FILE (a Chrome trace of every step); the rest is in\n"
         "shunt(1).\n\nExamples:\n  shunt classify --model resnet50 --weights resnet50.safetensors cat.jpg\n"
         "      The five most probable classes of a picture.\n  shunt help bench\n      The options of shunt bench.");
}

static int run(const void *settings, int noperands, char **operands)
{
    const help_settings *self = settings;
    if (self->man) {
        man_print(stdout, commands);
        return EXIT_OK;
    }
    if (self->completion)
        return completion_print(stdout, self->completion, commands)
                   ? EXIT_OK
                   : say_usage("--completion %s: must be bash, zsh or fish", self->completion);
    if (noperands == 0) {
        print_overview();
        return EXIT_OK;
    }
    for (const command *const *c = commands; *c; c++)
        if (!strcmp((*c)->name, operands[0])) {
            args_print_help(stdout, *c);
            return EXIT_OK;
        }
    return say_usage("%s: no such command; shunt help lists them", operands[0]);
}

const command help_command = {
    .name = "help",
    .summary = "Show the commands, or the options of one.",
    .operands = "[COMMAND]",
    .groups = {{rows, 0}},
    .examples = {{"shunt help classify", "The options of shunt classify."},
                 {"shunt help --man | man -l -", "Read the manual page before it is installed."},
                 {"source <(shunt help --completion bash)", "Complete options in this shell, without installation."}},
    .settings_size = sizeof(help_settings),
    .run = run,
};
