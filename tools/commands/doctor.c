/* doctor.c - shunt doctor: what there is to run on, why OpenCL works or does not, and the command that fixes it. */
#include "commands.h"
#include "doctor_opencl.h"
#include "lib/progress.h"
#include "lib/say.h"
#include "lib/table.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CONCLUSION_CHARS = 512 };

/* Everything found out, before anything is printed. */
typedef struct examination {
    doctor_report opencl;
    shunt_plugin_list *plugins;
    shunt_device_list *devices;
    char cache[4096 + 128];            /* folder and what is wrong with it */
    const shunt_device_entry *best;    /* of OpenCL's devices, NULL: none */
    const char *plugin_problem;        /* why the OpenCL plugin is not there; NULL: it is */
    char conclusion[CONCLUSION_CHARS]; /* what works */
    char remedy[CONCLUSION_CHARS];     /* what to do; "": nothing */
} examination;

static const char *const option_names[] = {"device", "plugin_path", "cache_dir", "fallback", "log", "profile", NULL};

/* The first parent folder that exists decides whether a folder can be made. */
static void examine_cache(examination *self)
{
    const char *folder = shunt_cache_folder();
    if (!folder) {
        snprintf(self->cache, sizeof self->cache, "none: %s", shunt_last_error());
        return;
    }
    char *parent = strdup(folder);
    bool exists = parent && access(parent, F_OK) == 0;
    for (char *slash; parent && access(parent, F_OK) != 0 && (slash = strrchr(parent, '/')) && slash != parent;)
        *slash = '\0';
    bool writable = parent && access(parent, W_OK | X_OK) == 0;
    const char *state = writable ? exists ? "writable" : "not there yet; will be made" : strerror(errno);
    snprintf(self->cache, sizeof self->cache, "%s (%s)", folder, state);
    free(parent);
}

static void examine_plugin(examination *self)
{
    self->plugin_problem = "shunt-opencl.so is in none of the folders searched; name its folder in SHUNT_PLUGIN_PATH";
    for (size_t i = 0; i < shunt_plugins_count(self->plugins); i++) {
        const shunt_plugin_entry *e = shunt_plugins_at(self->plugins, i);
        const char *file = strrchr(e->path, '/');
        if (!strcmp(e->name, "opencl") && e->status == SHUNT_OK) {
            self->plugin_problem = NULL;
            return;
        }
        if (file && strstr(file, "opencl")) self->plugin_problem = e->message;
    }
}

/* "apt-get install A B" of the packages that fix the problems; with no device and no better clue, a driver that
 * runs on any processor. */
static void prescribe(examination *self)
{
    const char *packages[16];
    size_t count = 0;
    for (size_t i = 0; i < self->opencl.count; i++) {
        const doctor_item *item = &self->opencl.items[i];
        bool known = item->state != DOCTOR_PROBLEM || !item->package;
        for (size_t k = 0; k < count && !known; k++) known = !strcmp(packages[k], item->package);
        if (!known && count < 16) packages[count++] = item->package;
    }
    if (count == 0 && !self->best && !self->plugin_problem) packages[count++] = "pocl-opencl-icd";
    if (count == 0) return;
    size_t at = (size_t)snprintf(self->remedy, CONCLUSION_CHARS, "apt-get install");
    for (size_t k = 0; k < count && at < CONCLUSION_CHARS; k++)
        at += (size_t)snprintf(self->remedy + at, CONCLUSION_CHARS - at, " %s", packages[k]);
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
    prescribe(self);
}

static int examine(examination *self)
{
    /* First, while no driver has been loaded into this process. */
    if (doctor_opencl(NULL, &self->opencl)) return say_failure("no memory");
    shunt_set_option("probe", "isolated"); /* a plugin that crashes is named, and the others are listed */
    if (shunt_plugins_list(&self->plugins) || shunt_devices_list(&self->devices)) return say_library_failure(NULL);
    examine_cache(self);
    examine_plugin(self);
    conclude(self);
    return EXIT_OK;
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

static int print_examination(const examination *self)
{
    puts("OpenCL\n");
    int status = print_findings(&self->opencl);
    puts("\nBackends\n");
    if (status == EXIT_OK) status = print_plugins(self->plugins);
    puts("\nDevices\n");
    if (status == EXIT_OK) status = print_devices(self->devices);
    putchar('\n');
    say_line("Cache: %s", self->cache);
    const char *ranks = shunt_ranks_plugin();
    say_line("Several processes at once (mpirun): %s", ranks ? ranks : shunt_last_error());
    for (const char *const *name = option_names; *name; name++)
        if (shunt_option(*name)) say_line("Option %s: %s", *name, shunt_option(*name));
    putchar('\n');
    say_line("%s.", self->conclusion);
    if (self->remedy[0]) say_line("%s: %s", self->best ? "Still missing" : "To fix it", self->remedy);
    return status;
}

static json_t *examination_json(const examination *self)
{
    json_t *findings = json_array(), *options = json_object();
    for (size_t i = 0; i < self->opencl.count; i++) {
        const doctor_item *item = &self->opencl.items[i];
        json_add(findings, json_pack("{s:s, s:s, s:o, s:o, s:s?}", "state", doctor_state_name(item->state), "kind",
                                     item->kind, "subject", json_text(item->subject), "text", json_text(item->text),
                                     "package", item->package));
    }
    for (const char *const *name = option_names; *name; name++)
        if (shunt_option(*name)) json_put(options, *name, json_text(shunt_option(*name)));
    const char *ranks = shunt_ranks_plugin();
    return json_pack("{s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "opencl_works", self->best != NULL, "conclusion",
                     json_text(self->conclusion), "remedy", json_text(self->remedy), "opencl", findings, "backends",
                     plugins_json(self->plugins), "devices", devices_json(self->devices), "cache",
                     json_text(self->cache), "options", options, "ranks", ranks ? json_text(ranks) : json_null());
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
    doctor_report_free(&self.opencl);
    return status;
}

const command doctor_command = {
    .name = "doctor",
    .summary = "Find out why OpenCL works or not, and what to install.",
    .text =
        "Checks the OpenCL loader, each driver's file, the backends, the devices, the cache and the options. The last "
        "lines say what works and which command installs what is missing. Exit status 1: no OpenCL device works.",
    .groups = {{json_rows, 0}},
    .examples = {{"shunt doctor", "The whole examination."},
                 {"shunt doctor --json | jq -r .remedy", "Only what to do."}},
    .settings_size = sizeof(json_settings),
    .run = run,
};
