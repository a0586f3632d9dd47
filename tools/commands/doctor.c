/* doctor.c - shunt doctor: what there is to run on, why OpenCL works or does not, and the command that fixes it. */
#include "commands.h"
#include "doctor_gpu.h"
#include "doctor_opencl.h"
#include "doctor_settings.h"
#include "lib/progress.h"
#include "lib/say.h"
#include "lib/table.h"
#include <stdlib.h>
#include <string.h>

enum { CONCLUSION_CHARS = 512, REMEDY_CHARS = 2048, GPU_CHARS = 512 };

/* In the order in which their problems are to be fixed. */
enum { GPUS, OPENCL, SETTINGS, NREPORTS };

/* Everything found out, before anything is printed. */
typedef struct examination {
    doctor_report reports[NREPORTS];
    shunt_plugin_list *plugins;
    shunt_device_list *devices;
    const shunt_device_entry *best;    /* of OpenCL's devices, NULL: none */
    const char *plugin_problem;        /* why the OpenCL plugin is not there; NULL: it is */
    char conclusion[CONCLUSION_CHARS]; /* what works */
    doctor_remedy remedy;              /* what to do */
} examination;

static const char *const option_names[] = {"device", "plugin_path", "cache_dir", "fallback", "log", "profile", NULL};

/* What OpenCL says of its GPUs is compared with what the machine has. */
static void examine_gpus(examination *self, const doctor_machine *machine, const doctor_gpus *gpus)
{
    char texts[DOCTOR_GPUS][GPU_CHARS];
    const char *listed[DOCTOR_GPUS + 1] = {NULL};
    size_t count = 0;
    for (size_t i = 0; i < shunt_devices_count(self->devices) && count < DOCTOR_GPUS; i++) {
        const shunt_device_info *info = shunt_devices_at(self->devices, i)->info;
        if (info->type != SHUNT_DEVICE_GPU) continue;
        snprintf(texts[count], GPU_CHARS, "%s, %s, %s", info->name, info->vendor, info->platform);
        listed[count] = texts[count];
        count++;
    }
    doctor_examine_gpus(machine, gpus, &self->reports[OPENCL], self->plugin_problem ? NULL : listed,
                        &self->reports[GPUS]);
}

static void conclude(examination *self)
{
    for (size_t i = 0; i < shunt_devices_count(self->devices); i++) {
        const shunt_device_entry *e = shunt_devices_at(self->devices, i);
        bool opencl = !strncmp(e->selector, "opencl:", 7);
        if (opencl && (!self->best || e->info->score > self->best->info->score)) self->best = e;
    }
    if (self->best)
        snprintf(self->conclusion, CONCLUSION_CHARS, "OpenCL works: %s is %s", self->best->selector,
                 self->best->info->name);
    else if (self->plugin_problem)
        snprintf(self->conclusion, CONCLUSION_CHARS,
                 "OpenCL does not work, everything else does: its plugin is not loaded (%s)", self->plugin_problem);
    else
        snprintf(self->conclusion, CONCLUSION_CHARS, "OpenCL does not work, everything else does: it has no device");
}

static int examine(examination *self)
{
    const doctor_machine machine = {.root = NULL};
    const doctor_report *reports[NREPORTS];
    bool failed = false;
    doctor_gpus gpus;
    doctor_find_gpus(&machine, &gpus);
    /* First, while no driver has been loaded into this process. */
    const doctor_opencl_options options = {.gpu = gpus.count > 0};
    doctor_opencl(&options, &self->reports[OPENCL]);
    shunt_set_option("probe", "isolated"); /* a plugin that crashes is named, and the others are listed */
    if (shunt_plugins_list(&self->plugins) || shunt_devices_list(&self->devices)) return say_library_failure(NULL);
    doctor_examine_cache(&self->reports[SETTINGS]);
    self->plugin_problem = doctor_examine_plugin(self->plugins, &self->reports[SETTINGS]);
    examine_gpus(self, &machine, &gpus);
    conclude(self);
    for (size_t i = 0; i < NREPORTS; i++) {
        reports[i] = &self->reports[i];
        failed |= reports[i]->failed;
    }
    doctor_prescribe("", reports, NREPORTS, &self->remedy);
    return failed || self->remedy.failed ? say_failure("no memory") : EXIT_OK;
}

static int print_findings(const doctor_report *report)
{
    static const char *const headings[] = {"", "WHAT", "WHERE", "FINDING"};
    table out;
    table_begin(&out, headings, 4);
    for (size_t i = 0; i < report->count; i++) {
        const doctor_item *item = &report->items[i];
        table_cell(&out, "%s", doctor_state_name(item->state));
        table_cell(&out, "%s", item->kind);
        table_cell(&out, "%s", item->subject);
        table_cell(&out, "%s%s%s%s", item->text, item->package ? " (package " : "", item->package ? item->package : "",
                   item->package ? ")" : "");
    }
    return table_end(&out);
}

/* "A && B"; "" for nothing to do. */
static const char *remedy_line(const doctor_remedy *remedy, char text[REMEDY_CHARS])
{
    int at = 0;
    text[0] = 0;
    for (size_t i = 0; i < remedy->count && at < REMEDY_CHARS; i++)
        at += snprintf(text + at, REMEDY_CHARS - (size_t)at, "%s%s", i ? " && " : "", remedy->commands[i]);
    return text;
}

static int print_examination(const examination *self)
{
    static const char *const titles[NREPORTS] = {"GPUs", "OpenCL", "Shunt"};
    char remedy[REMEDY_CHARS];
    int status = EXIT_OK;
    for (size_t i = 0; i < NREPORTS && status == EXIT_OK; i++) {
        if (self->reports[i].count == 0) continue;
        printf("%s\n\n", titles[i]);
        status = print_findings(&self->reports[i]);
        putchar('\n');
    }
    puts("Backends\n");
    if (status == EXIT_OK) status = print_plugins(self->plugins);
    puts("\nDevices\n");
    if (status == EXIT_OK) status = print_devices(self->devices);
    putchar('\n');
    char formats[128], missing[128];
    doctor_pictures(true, formats, sizeof formats);
    doctor_pictures(false, missing, sizeof missing);
    say_line("Pictures: %s%s%s%s", formats, *missing ? " (not built in: " : "", missing, *missing ? ")" : "");
    const char *ranks = shunt_ranks_plugin();
    say_line("Several processes at once (mpirun): %s", ranks ? ranks : shunt_last_error());
    for (const char *const *name = option_names; *name; name++)
        if (shunt_option(*name)) say_line("Option %s: %s", *name, shunt_option(*name));
    putchar('\n');
    say_line("%s.", self->conclusion);
    if (self->remedy.count)
        say_line("%s: %s", self->best ? "Still missing" : "To fix it", remedy_line(&self->remedy, remedy));
    return status;
}

static json_t *findings_json(const doctor_report *report)
{
    json_t *findings = json_array();
    for (size_t i = 0; i < report->count; i++) {
        const doctor_item *item = &report->items[i];
        json_add(findings, json_pack("{s:s, s:s, s:o, s:o, s:s?, s:o}", "state", doctor_state_name(item->state), "kind",
                                     item->kind, "subject", json_text(item->subject), "text", json_text(item->text),
                                     "package", item->package, "fix", item->fix ? json_text(item->fix) : json_null()));
    }
    return findings;
}

static json_t *examination_json(const examination *self)
{
    char remedy[REMEDY_CHARS], formats[128];
    json_t *options = json_object();
    for (const char *const *name = option_names; *name; name++)
        if (shunt_option(*name)) json_put(options, *name, json_text(shunt_option(*name)));
    const char *ranks = shunt_ranks_plugin();
    return json_pack("{s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:s, s:o}", "opencl_works", self->best != NULL,
                     "conclusion", json_text(self->conclusion), "remedy", json_text(remedy_line(&self->remedy, remedy)),
                     "gpus", findings_json(&self->reports[GPUS]), "opencl", findings_json(&self->reports[OPENCL]),
                     "settings", findings_json(&self->reports[SETTINGS]), "backends", plugins_json(self->plugins),
                     "devices", devices_json(self->devices), "options", options, "pictures",
                     doctor_pictures(true, formats, sizeof formats), "ranks", ranks ? json_text(ranks) : json_null());
}

static int run(const void *settings, int noperands, char **operands)
{
    const json_settings *wanted = settings;
    examination self = {0};
    (void)noperands;
    (void)operands;
    int status = examine(&self);
    if (status == EXIT_OK)
        status = wanted->json ? print_json(examination_json(&self), false) : print_examination(&self);
    if (status == EXIT_OK && !self.best) status = EXIT_FAILED;
    shunt_devices_free(self.devices);
    shunt_plugins_free(self.plugins);
    for (size_t i = 0; i < NREPORTS; i++) doctor_report_free(&self.reports[i]);
    doctor_remedy_free(&self.remedy);
    return status;
}

const command doctor_command = {
    .name = "doctor",
    .summary = "Find out why OpenCL works or not, and what to install.",
    .text =
        "Checks each GPU (its kernel driver, the files in /dev, the right to open them, its driver), the OpenCL "
        "loader, "
        "each driver's file, the backends, the devices, the cache and the options. The last lines say what works and "
        "which command fixes what does not. apt-get, usermod and the like need root. Exit status 1: no OpenCL device "
        "works.",
    .groups = {{json_rows, 0}},
    .examples = {{"shunt doctor", "The whole examination."},
                 {"shunt doctor --json | jq -r .remedy", "Only what to do."}},
    .settings_size = sizeof(json_settings),
    .run = run,
};
