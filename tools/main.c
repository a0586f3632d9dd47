/* main.c - the command shunt: finds the sub-command in one table, parses its arguments and runs it. */
#include "commands/commands.h"
#include "lib/environment.h"
#include "lib/progress.h"
#include "lib/say.h"
#include "runtime/shared/os.h"
#include <stdlib.h>
#include <string.h>

const command *const commands[] = {&classify_command, &segment_command, &detect_command,  &eval_command,
                                   &score_command,    &embed_command,   &train_command,   &study_command,
                                   &pull_command,     &bench_command,   &inspect_command, &convert_command,
                                   &tune_command,     &verify_command,  &report_command,  &devices_command,
                                   &plugins_command,  &doctor_command,  &help_command,    NULL};

static const command *find_command(const char *name)
{
    for (const command *const *c = commands; *c; c++)
        if (!strcmp((*c)->name, name)) return *c;
    return NULL;
}

static int unknown_command(const char *typed)
{
    const char *names[32];
    size_t count = 0;
    for (const command *const *c = commands; *c; c++) names[count++] = (*c)->name;
    names[count] = NULL;
    const char *nearest = args_nearest(typed, names);
    if (nearest) return say_usage("%s: no such command; did you mean %s?", typed, nearest);
    return say_usage("%s: no such command; shunt help lists them", typed);
}

static int run_command(const command *self, int argc, char **argv)
{
    int first = 0;
    bool help = false;
    void *settings = calloc(1, self->settings_size ? self->settings_size : 1);
    if (!settings) return say_failure("no memory");
    say_as(self->name);
    int status = args_parse(self, argc, argv, settings, &first, &help);
    if (help)
        args_print_help(stdout, self);
    else if (status == EXIT_OK)
        status = self->run(settings, argc - first, argv + first);
    free(settings);
    return status;
}

int main(int argc, char **argv)
{
    if (!os_begin_command()) return EXIT_FAILED;
    shunt_set_log_handler(say_log, NULL);
    shunt_set_prepare_handler(progress_preparing, NULL);
    const char *name = argc > 1 ? argv[1] : "help";
    if (!strcmp(name, "--help") || !strcmp(name, "-h")) name = "help";
    if (!strcmp(name, "--version")) {
        printf("shunt %s\n", shunt_version());
        return say_end(EXIT_OK);
    }
    const command *self = find_command(name);
    if (!self) return unknown_command(name);
    const variable *wrong = self == &help_command ? NULL : environment_wrong();
    char rule[128];
    if (wrong)
        return say_usage("%s=%s: it must be %s", wrong->name, shunt_option(wrong->name + strlen("SHUNT_")),
                         environment_rule(wrong, rule, sizeof rule));
    int skip = argc > 1;
    argv[skip] = argv[0];
    int status = say_end(run_command(self, argc - skip, argv + skip));
    shunt_shutdown();
    return status;
}
