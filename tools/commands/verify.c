/* verify.c - shunt verify: does a device compute what backend.h says? The checks of ops are the library's; whole networks,
 * beside plain C, are checked here. */
#include "commands.h"
#include "lib/progress.h"
#include "lib/say.h"
#include "lib/table.h"
#include <math.h>
#include <shunt/shunt.h>
#include <stdlib.h>
#include <string.h>

typedef struct verify_settings {
    device_settings device;
    const char *op, *algorithm;
    bool quick;
    int64_t seed, count, only;
    json_settings output;
} verify_settings;

#define FIELD(name) offsetof(verify_settings, name)

static const option_row rows[] = {
    {"op", OPTION_TEXT, FIELD(op), "NAME",
     "Only this check: a kind of op, such as conv, or graph, queue, errors, network.", NULL, 0, 0},
    {"algorithm", OPTION_TEXT, FIELD(algorithm), "NAME", "Ops by this algorithm only, such as direct.", NULL, 0, 0},
    {"quick", OPTION_FLAG, FIELD(quick), NULL,
     "A choice of about a minute, once kernels are compiled: 24 random ops of each kind, each in two layouts, by a "
     "few variants of each algorithm, which all of them share; and one network; not ResNet-50's own shapes.",
     NULL, 0, 0},
    {"seed", OPTION_COUNT, FIELD(seed), "N", "Seed of the random ops.", "1", 0, INT64_MAX},
    {"count", OPTION_COUNT, FIELD(count), "N",
     "Random ops of each kind; also the most candidates tried for each op of ResNet-50. Default: 200, or 24 with "
     "--quick.",
     NULL, 1, 1000000000},
    {"case", OPTION_COUNT, FIELD(only), "N", "Only the op of this number; -1: all.", "-1", -1, INT64_MAX},
    {0}};

/* What the checks have found: objects with the fields of shunt_verify_check. */
typedef struct findings {
    json_t *checks;
    int failed;
} findings;

static void add_check(findings *self, const shunt_verify_check *check)
{
    bool failed = check->problem[0] != '\0';
    const char *verdict = failed                ? "failed"
                          : check->runs > 0     ? "passed"
                          : check->refusals > 0 ? "refused"
                                                : "nothing to run";
    json_t *object = json_pack("{s:s, s:s, s:I, s:I, s:I, s:o}", "check", check->name, "verdict", verdict, "cases",
                               (json_int_t)check->cases, "runs", (json_int_t)check->runs, "refusals",
                               (json_int_t)check->refusals, "refusal", json_text(check->refusal));
    if (failed) {
        json_put(object, "problem", json_text(check->problem));
        json_put(object, "again", json_text(check->again));
    }
    json_add(self->checks, object);
    self->failed += failed;
}

static void hear(void *context, const shunt_verify_check *check)
{
    add_check(context, check);
    progress_advance(1);
}

/* ---- Whole networks --------------------------------------------------------------------------------------- */

enum { IMAGES = 2 };

/* Of logits, relative to those of plain C in float32: what sums in another order cost is far below; or rounding to 16 bits. */
static double tolerance(void)
{
    const char *precision = shunt_option("precision");
    return !precision || !strcmp(precision, "f32") ? 1e-4 : !strcmp(precision, "f16") ? 1e-3 : 1e-2;
}

/* The relative L2 distance of two arrays of logits; NaN where one is no number. */
static double distance(const float *a, const float *b, size_t count)
{
    double difference = 0, size = 0;
    for (size_t i = 0; i < count; i++) {
        difference += ((double)a[i] - b[i]) * ((double)a[i] - b[i]);
        size += (double)b[i] * b[i];
    }
    return sqrt(difference / size);
}

/* The same pictures through the same weights on both devices. */
static bool run_both(shunt_model *model, shunt_device *device, shunt_device *plain, int64_t side, double *apart)
{
    size_t pixels = (size_t)(IMAGES * 3 * side * side), count = (size_t)(IMAGES * shunt_model_classes(model));
    float *images = malloc(pixels * sizeof *images), *logits = malloc(2 * count * sizeof *logits);
    bool done = images && logits;
    for (size_t i = 0; done && i < pixels; i++) images[i] = (float)(i * 2654435761u % 1999) / 1000 - 1;
    const char *precision = shunt_option("precision");
    done = done && !shunt_model_run(model, device, IMAGES, side, side, images, logits) &&
           !shunt_set_option("precision", "f32") &&
           !shunt_model_run(model, plain, IMAGES, side, side, images, logits + count);
    if (shunt_set_option("precision", precision)) done = false;
    if (done) *apart = distance(logits, logits + count, count);
    free(images);
    free(logits);
    return done;
}

/* CIFAR and ImageNet networks, basic blocks and bottlenecks. */
static void verify_networks(findings *self, shunt_device *device, bool quick)
{
    static const struct {
        const char *name;
        int64_t side;
    } nets[] = {{"resnet20", 32}, {"resnet18", 64}, {"resnet50", 64}};
    static char problem[1024];
    shunt_verify_check check = {.name = "network", .refusal = "", .problem = problem, .again = "--op network"};
    shunt_device *plain = NULL;
    problem[0] = '\0';
    if (shunt_device_open("scalar", NULL, &plain)) snprintf(problem, sizeof problem, "%s", shunt_last_error());
    for (size_t i = 0; i < (quick ? 1 : sizeof nets / sizeof *nets) && !problem[0]; i++) {
        shunt_model *model = NULL;
        double apart = 0;
        check.cases++;
        check.runs++;
        if (shunt_model_create(nets[i].name, NULL, &model) || shunt_model_randomize(model, 1) ||
            !run_both(model, device, plain, nets[i].side, &apart))
            snprintf(problem, sizeof problem, "%s: %s", nets[i].name, shunt_last_error());
        else if (!(apart <= tolerance()))
            snprintf(problem, sizeof problem, "%s: the logits are off by %.2g, relative to those of plain C",
                     nets[i].name, apart);
        shunt_model_destroy(model);
    }
    shunt_device_close(plain);
    add_check(self, &check);
}

/* ---- The command -------------------------------------------------------------------------------------------- */

static int print_findings(const findings *self, const char *selector)
{
    static const char *const headings[] = {"CHECK", ">CASES", ">RUNS", ">REFUSED", "VERDICT", "LAST REFUSAL"};
    table out;
    size_t i;
    json_t *check;
    table_begin(&out, headings, 6);
    json_array_foreach(self->checks, i, check)
    {
        table_cell(&out, "%s", json_string_value(json_object_get(check, "check")));
        table_cell(&out, "%lld", json_integer_value(json_object_get(check, "cases")));
        table_cell(&out, "%lld", json_integer_value(json_object_get(check, "runs")));
        table_cell(&out, "%lld", json_integer_value(json_object_get(check, "refusals")));
        table_cell(&out, "%s", json_string_value(json_object_get(check, "verdict")));
        table_cell(&out, "%s", json_string_value(json_object_get(check, "refusal")));
    }
    int status = table_end(&out);
    json_array_foreach(self->checks, i, check)
    {
        const char *problem = json_string_value(json_object_get(check, "problem"));
        if (!problem) continue;
        putchar('\n');
        say_line("%s: %s", json_string_value(json_object_get(check, "check")), problem);
        say_line("  again: shunt verify --device %s %s", selector, json_string_value(json_object_get(check, "again")));
    }
    printf("\n%s: %zu checks, %d failed\n", selector, json_array_size(self->checks), self->failed);
    return status;
}

/* Runs what was asked for. Returns an EXIT_ number, of failures to check, not of failed checks. */
static int verify(const verify_settings *given, shunt_device *device, findings *self)
{
    shunt_verify_options options = {.size = sizeof options,
                                    .op = given->op,
                                    .seed = (uint64_t)given->seed,
                                    .count = (uint64_t)given->count,
                                    .only = given->only,
                                    .precision = given->device.precision,
                                    .quick = given->quick,
                                    .algorithm = given->algorithm,
                                    .handler = hear,
                                    .context = self};
    bool network_only = given->op && !strcmp(given->op, "network");
    bool with_graph = !given->quick && (!given->op || !strcmp(given->op, "graph"));
    shunt_model *model = NULL;
    if (with_graph && shunt_model_create("resnet50", NULL, &model)) return say_library_failure(NULL);
    if (model) options.graph = shunt_model_graph(model);
    progress_begin("verifying", 0);
    shunt_status status = network_only ? SHUNT_OK : shunt_device_verify(device, &options);
    if (!given->op || network_only) verify_networks(self, device, given->quick);
    progress_end();
    shunt_model_destroy(model);
    if (status == SHUNT_OK || self->failed) return EXIT_OK;
    return say_library_failure(NULL);
}

static int run(const void *settings, int noperands, char **operands)
{
    const verify_settings *given = settings;
    (void)noperands;
    (void)operands;
    if (given->only >= 0 && !given->op) return say_usage("--case %lld: of which --op?", (long long)given->only);
    shunt_set_option("fallback", "quiet"); /* refusals are listed */
    shunt_device *device = NULL;
    findings self = {.checks = json_array()};
    int status = device_from_settings(&given->device, &device);
    if (status == EXIT_OK) status = verify(given, device, &self);
    if (status == EXIT_OK) {
        const char *selector = shunt_device_describe(device)->selector;
        status = given->output.json ? print_json(json_pack("{s:s, s:i, s:O}", "device", selector, "failed", self.failed,
                                                           "checks", self.checks),
                                                 false)
                                    : print_findings(&self, selector);
    }
    json_decref(self.checks);
    shunt_device_close(device);
    return status == EXIT_OK && self.failed ? EXIT_FAILED : status;
}

const command verify_command = {
    .name = "verify",
    .summary = "Check that a device computes correct results.",
    .text =
        "Runs every kind of op, forward and gradient, in random shapes, in every layout and with every algorithm, and "
        "compares the results with the formula in float64. Buffers have guard bytes around them, inputs contain NaN "
        "and infinity, and each op runs twice and must give the same bits. Then come ResNet-50's own shapes, the order "
        "of commands, refusals, and whole networks. What a device refuses is listed and is not a fault: it runs in "
        "plain C. A failure prints the command that repeats it. For authors of backends (docs/writing-a-backend.md), "
        "and for drivers that have not been tried yet.",
    .groups = {{rows, 0}, {device_rows, FIELD(device)}, {json_rows, FIELD(output)}},
    .examples = {{"shunt verify --device opencl:gpu", "Everything, on the first GPU."},
                 {"shunt verify --device opencl:gpu --quick", "What a minute allows."},
                 {"shunt verify --device opencl --op conv --count 1000 --seed 7", "Many other convolutions."},
                 {"shunt verify --device opencl --op conv --seed 1 --case 39", "One of them."}},
    .settings_size = sizeof(verify_settings),
    .run = run,
};
