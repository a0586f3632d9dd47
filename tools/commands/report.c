/* report.c - shunt report: what a device computes and how fast, in one JSON file and one page that can be sent in. It holds names of
 * devices and drivers, and nothing about the person or the machine otherwise. */
#include "report.h"
#include "commands.h"
#include "lib/itself.h"
#include "lib/output.h"
#include "lib/say.h"
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { REPORT_FORMAT = 1, LOOK_SECONDS = 300, QUICK_SECONDS = 900 };

typedef struct report_settings {
    const char *device, *output;
    bool quick, resume;
    int64_t budget; /* seconds; 0: none */
} report_settings;

static const option_row rows[] = {
    {"device", OPTION_TEXT, offsetof(report_settings, device), "D",
     "The device: opencl:gpu, opencl:0 ... (see shunt devices). Default: the environment's SHUNT_DEVICE, or auto.",
     NULL, 0, 0},
    {"quick", OPTION_FLAG, offsetof(report_settings, quick), NULL,
     "shunt verify --quick, batches of 1 and 8, nothing tuned: some minutes on a graphics card.", NULL, 0, 0},
    {"budget", OPTION_COUNT, offsetof(report_settings, budget), "SECONDS",
     "What has not begun after this time is left out, and the report says so. Default: 900 with --quick, else none.",
     NULL, 1, 100000},
    {"continue", OPTION_FLAG, offsetof(report_settings, resume), NULL,
     "Keep what NAME.json has already, if it is of this device, driver and version, and measure the rest.", NULL, 0, 0},
    {"output", OPTION_TEXT, offsetof(report_settings, output), "NAME", "Name of the two files, without .json and .md.",
     "shunt-report", 0, 0},
    {0}};

/* ---- What there is ---------------------------------------------------------------------------------------------- */

/* What a command prints as JSON, or NULL after saying why. No device is opened in this process: drivers start threads, and some crash. */
static json_t *look(const char *const *arguments)
{
    char *said;
    const int status = itself_run(arguments, LOOK_SECONDS, &said);
    const char *begin = said ? strpbrk(said, "{[") : NULL;
    json_t *value = status >= 0 && begin ? json_loads(begin, JSON_DISABLE_EOF_CHECK, NULL) : NULL;
    if (!value) {
        char *end = said ? strchr(said, '\n') : NULL;
        if (end) *end = '\0';
        say_failure("%s: %s", arguments[0], said && said[0] ? said : "it ended without a word");
    }
    free(said);
    return value;
}

/* The selector that the device's name stands for, to be freed; NULL after saying why. */
static char *resolve(const char *device)
{
    const char *const named[] = {"verify", "--op", "queue", "--json", "--device", device, NULL}, *const usual[] = {
                                                                                                     "verify", "--op",
                                                                                                     "queue", "--json",
                                                                                                     NULL};
    json_t *value = look(device ? named : usual);
    const char *selector = json_string_value(json_object_get(value, "device"));
    char *copy = selector ? strdup(selector) : NULL;
    json_decref(value);
    return copy;
}

static const json_t *find_device(const json_t *devices, const char *selector)
{
    json_t *device;
    size_t i;
    json_array_foreach(devices, i, device) if (!strcmp(json_string_value(json_object_get(device, "selector")),
                                                       selector)) return device;
    return NULL;
}

static bool is_processor(const json_t *device)
{
    const char *type = json_string_value(json_object_get(device, "type"));
    return type && !strcmp(type, "cpu");
}

/* The processor with the best score, NULL: the device is one itself. */
static const json_t *find_processor(const json_t *devices, const json_t *device)
{
    const json_t *best = NULL;
    json_t *other;
    size_t i;
    if (is_processor(device)) return NULL;
    json_array_foreach(devices, i, other) if (is_processor(other) &&
                                              (!best || json_integer_value(json_object_get(other, "score")) >
                                                            json_integer_value(json_object_get(best, "score")))) best =
        other;
    return best;
}

static bool takes(const json_t *device, const char *precision)
{
    json_t *name;
    size_t i;
    json_array_foreach(json_object_get(device, "precisions"), i,
                       name) if (!strcmp(json_string_value(name), precision)) return true;
    return false;
}

/* ---- The report ------------------------------------------------------------------------------------------------- */

static const char *today(char text[16])
{
    const time_t now = time(NULL);
    const struct tm *date = gmtime(&now);
    if (!date || !strftime(text, 16, "%Y-%m-%d", date)) strcpy(text, "");
    return text;
}

/* The report that NAME.json has of the device, or NULL. */
static json_t *load_before(const report_settings *self, const json_t *device)
{
    char path[4096];
    snprintf(path, sizeof path, "%s.json", self->output);
    json_t *before = self->resume ? json_load_file(path, 0, NULL) : NULL;
    const char *version = json_string_value(json_object_get(before, "shunt"));
    if (before && version && !strcmp(version, shunt_version()) &&
        json_equal(json_object_get(before, "device"), device) &&
        json_is_true(json_object_get(before, "quick")) == self->quick)
        return before;
    json_decref(before);
    return NULL;
}

static json_t *make_report(const report_settings *self, const json_t *devices, const char *selector)
{
    const json_t *device = find_device(devices, selector), *processor = device ? find_processor(devices, device) : NULL;
    const json_t *plain = find_device(devices, "scalar");
    const int64_t seconds = self->budget ? self->budget : self->quick ? QUICK_SECONDS : 0;
    char date[16];
    json_t *roof;
    if (!device) {
        say_failure("%s: shunt devices does not list it", selector);
        return NULL;
    }
    json_t *before = load_before(self, device);
    const report_plan plan = {.device = selector,
                              .processor = json_string_value(json_object_get(processor, "selector")),
                              .f16 = takes(device, "f16"),
                              .bf16 = takes(device, "bf16"),
                              .quick = self->quick,
                              .before = before,
                              .until = seconds > 0 ? report_now() + (double)seconds : 0};
    json_t *verify = report_verify(&plan), *times = report_times(&plan, &roof);
    json_decref(before);
    return json_pack("{s:i, s:s, s:s, s:b, s:O, s:O?, s:O?, s:o, s:o, s:o}", "report", REPORT_FORMAT, "shunt",
                     shunt_version(), "date", today(date), "quick", self->quick, "device", device, "processor",
                     processor, "host", json_object_get(plain, "name"), "roof", roof, "verify", verify, "times", times);
}

/* NAME.json or NAME.md. */
static int write_file(const char *name, const char *ending, const json_t *report, bool page)
{
    char path[4096];
    output file;
    snprintf(path, sizeof path, "%s%s", name, ending);
    int status = output_begin(&file, path);
    if (status) return status;
    const bool written =
        page ? report_print_page(report, file.file)
             : json_write(report, file.file, JSON_INDENT(1) | JSON_REAL_PRECISION(6)) && fputc('\n', file.file) != EOF;
    if (!written) say_failure("%s: the report could not be made or written", path);
    status = output_end(&file, written);
    if (status == EXIT_OK && written) say_line("%s", path);
    return written ? status : EXIT_FAILED;
}

static int measure(const report_settings *self)
{
    const char *const list[] = {"devices", "--json", NULL};
    if (setenv("SHUNT_LOG", "error", 1)) return say_failure("no memory");
    json_t *devices = look(list), *report = NULL;
    char *selector = devices ? resolve(self->device) : NULL;
    if (selector) report = make_report(self, devices, selector);
    int status = report ? write_file(self->output, ".json", report, false) : EXIT_FAILED;
    if (status == EXIT_OK) status = write_file(self->output, ".md", report, true);
    if (status == EXIT_OK) status = report_print_page(report, stdout) ? EXIT_OK : EXIT_FAILED;
    json_decref(report);
    json_decref(devices);
    free(selector);
    return status;
}

/* The pages of reports that there are. */
static int print_pages(int count, char **paths)
{
    for (int i = 0; i < count; i++) {
        json_error_t error;
        json_t *report = json_load_file(paths[i], 0, &error);
        if (!report) return say_failure("%s: not a report: line %d: %s", paths[i], error.line, error.text);
        const bool whole = json_is_object(report) && report_print_page(report, stdout);
        json_decref(report);
        if (!whole) return say_failure("%s: not a report of shunt report", paths[i]);
        if (i + 1 < count) putchar('\n');
    }
    return EXIT_OK;
}

static int run(const void *settings, int noperands, char **operands)
{
    return noperands > 0 ? print_pages(noperands, operands) : measure(settings);
}

const command report_command = {
    .name = "report",
    .summary = "What a device computes and how fast, in one file to send in.",
    .operands = "[FILE...]",
    .text =
        "Checks a device's results. Then times ResNet-18 and ResNet-50: inference and training, batches of 1, 8 and "
        "64, "
        "each precision, before and after tuning. The machine's processor is timed for comparison. The results go to "
        "NAME.json and to the page NAME.md, which name devices and drivers, and nothing about you. Each measurement is "
        "a "
        "process of its own, so a driver that crashes costs one line. With FILEs: prints the pages of these reports. "
        "docs/devices.md is made from such files; a new one is welcome (data/devices/README.md).",
    .groups = {{rows, 0}},
    .examples = {{"shunt report --device opencl:gpu --quick", "Some minutes on the first GPU."},
                 {"shunt report --device opencl:gpu --output my-card", "Everything: an hour or more."},
                 {"shunt report data/devices/*.json", "The pages of reports."}},
    .settings_size = sizeof(report_settings),
    .run = run,
};
