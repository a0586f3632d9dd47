/* report_jobs.c - the measurements of shunt report: each is another command of this program, in a process of its own, so that a driver
 * that crashes or hangs costs one line of the report. */
#include "report.h"

#include "lib/itself.h"
#include "lib/json_out.h"
#include "lib/progress.h"
#include "runtime/shared/os.h"
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    BENCH_SECONDS = 600,
    QUICK_BENCH_SECONDS = 90,
    VERIFY_SECONDS = 7200,
    QUICK_VERIFY_SECONDS = 900,
    TUNE_SECONDS = 3600,
    MOST_JOBS = 128
};

typedef struct job {
    const char *model, *precision;
    int batch;
    bool train, tune, on_processor;
} job;

double report_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* The time that a command may take, of what it usually may: 0 when the budget is used up. */
static int allowed(const report_plan *plan, int usual)
{
    const double left = plan->until > 0 ? plan->until - report_now() : usual;
    return left < 1 ? 0 : left < usual ? (int)left : usual;
}

/* ---- What a command said ---------------------------------------------------------------------------------------- */

/* Takes what names a person or a machine out of a text: the home folder, the user, the host. */
static void take_out(char *text, const char *name)
{
    const size_t length = name ? strlen(name) : 0;
    for (char *at = text; length > 2 && (at = strstr(at, name));) {
        memset(at, '-', length);
        at += length;
    }
}

static void take_out_names(char *text)
{
    static const char *const personal[] = {"HOME", "USER", "USERPROFILE", "USERNAME"};
    char host[256];
    os_host_name(host, sizeof host);
    for (size_t i = 0; i < sizeof personal / sizeof *personal; i++) take_out(text, getenv(personal[i]));
    take_out(text, host);
}

/* The last line, which says why a command failed, without "shunt COMMAND: ". */
static json_t *reason(char *said)
{
    char *last = said, *colon;
    said[strcspn(said, "\r")] = '\0';
    for (size_t length = strlen(said); length > 0 && said[length - 1] == '\n';) said[--length] = '\0';
    if ((colon = strrchr(said, '\n'))) last = colon + 1;
    if (!strncmp(last, "shunt ", 6) && (colon = strstr(last, ": "))) last = colon + 2;
    take_out_names(last);
    return json_text(last);
}

/* The JSON value that the command printed, its first line that begins with a brace to its last that ends with one; NULL: none. */
static json_t *value_of(const char *said)
{
    const char *begin = said[0] == '{' ? said : strstr(said, "\n{");
    return begin ? json_loads(begin, JSON_DISABLE_EOF_CHECK, NULL) : NULL;
}

/* Runs a command that prints JSON. NULL: it did not, and *why says the reason. */
static json_t *ask(const char *const *arguments, int seconds, json_t **why)
{
    char *said;
    if (seconds == 0) {
        *why = json_string("the time that --budget allows was used up");
        return NULL;
    }
    const int status = itself_run(arguments, seconds, &said);
    json_t *value = said && status >= 0 ? value_of(said) : NULL;
    *why = value ? NULL : said && said[0] ? reason(said) : json_string("it ended without a word");
    free(said);
    return value;
}

/* ---- The verdict ------------------------------------------------------------------------------------------------ */

static json_t *failed_checks(const json_t *checks)
{
    json_t *failed = json_array(), *check;
    size_t i;
    json_array_foreach(checks, i, check)
    {
        const char *problem = json_string_value(json_object_get(check, "problem"));
        char *text = problem ? strdup(problem) : NULL;
        if (!text) continue;
        take_out_names(text);
        json_add(failed, json_pack("{s:O, s:o, s:O?}", "check", json_object_get(check, "check"), "problem",
                                   json_text(text), "again", json_object_get(check, "again")));
        free(text);
    }
    return failed;
}

json_t *report_verify(const report_plan *plan)
{
    const char *const whole[] = {"verify", "--device", plan->device, "--json", "--count", "20", NULL},
                      *const quick[] = {"verify", "--device", plan->device, "--json", "--quick", NULL};
    json_t *why, *kept = json_object_get(plan->before, "verify");
    if (json_object_get(kept, "checks")) return json_incref(kept);
    progress_begin(plan->quick ? "verifying (about a minute, and the compiler's time)" : "verifying (many minutes)", 0);
    json_t *value =
        ask(plan->quick ? quick : whole, allowed(plan, plan->quick ? QUICK_VERIFY_SECONDS : VERIFY_SECONDS), &why);
    progress_end();
    if (!value) return json_pack("{s:s, s:b, s:o}", "verdict", "not known", "quick", plan->quick, "problem", why);
    const json_t *checks = json_object_get(value, "checks");
    json_t *failed = failed_checks(checks);
    json_t *verdict = json_pack("{s:s, s:b, s:I, s:o}", "verdict", json_array_size(failed) ? "failed" : "passed",
                                "quick", plan->quick, "checks", (json_int_t)json_array_size(checks), "failed", failed);
    json_decref(value);
    return verdict;
}

/* ---- Times ------------------------------------------------------------------------------------------------------ */

static size_t add_jobs(const report_plan *plan, job *jobs, size_t count, const job *like)
{
    static const char *const models[] = {"resnet18", "resnet50"};
    static const int batches[] = {1, 8, 64};
    const int nbatches = plan->quick || like->on_processor ? 2 : 3;
    for (int m = 0; m < 2; m++)
        for (int b = 0; b < nbatches && count < MOST_JOBS; b++) {
            jobs[count] = *like;
            jobs[count].model = models[m];
            jobs[count++].batch = batches[b];
        }
    return count;
}

/* Best guesses first, in the order of what is asked about most; what takes long last. */
static size_t list_jobs(const report_plan *plan, job jobs[MOST_JOBS])
{
    const char *const narrow[] = {plan->f16 ? "f16" : NULL, plan->bf16 ? "bf16" : NULL};
    size_t count = 0;
    count = add_jobs(plan, jobs, count, &(job){.precision = "f32"});
    count = add_jobs(plan, jobs, count, &(job){.precision = "f32", .train = true});
    if (plan->processor) {
        count = add_jobs(plan, jobs, count, &(job){.precision = "f32", .on_processor = true});
        if (!plan->quick)
            count = add_jobs(plan, jobs, count, &(job){.precision = "f32", .train = true, .on_processor = true});
    }
    for (int n = 0; n < 2; n++)
        if (narrow[n]) count = add_jobs(plan, jobs, count, &(job){.precision = narrow[n]});
    if (!plan->quick && plan->bf16) count = add_jobs(plan, jobs, count, &(job){.precision = "bf16", .train = true});
    if (!plan->quick) count = add_jobs(plan, jobs, count, &(job){.precision = "f32", .tune = true});
    return count;
}

/* Tuning goes first; what it finds is kept for all programs. NULL: done; else why not. */
static json_t *tune(const report_plan *plan, const job *self, const char *device)
{
    char batch[16];
    json_t *why;
    snprintf(batch, sizeof batch, "%d", self->batch);
    const char *const arguments[] = {"tune",     "--model", self->model, "--batch", batch,
                                     "--device", device,    "--fast",    "--json",  NULL};
    json_t *value = ask(arguments, allowed(plan, TUNE_SECONDS), &why);
    json_decref(value);
    return why;
}

static json_t *bench(const report_plan *plan, const job *self, json_t **why)
{
    const char *device = self->on_processor ? plan->processor : plan->device;
    char batch[16];
    snprintf(batch, sizeof batch, "%d", self->batch);
    if (self->tune && (*why = tune(plan, self, device))) return NULL;
    if (setenv("SHUNT_TUNE", self->tune ? "fast" : "off", 1)) return NULL;
    const char *const arguments[] = {
        "bench",     "--json",   "--model",     self->model,     "--batch",
        batch,       "--device", device,        "--repeats",     plan->quick ? "3" : "7",
        "--warm-up", "1",        "--precision", self->precision, self->train ? "--train" : NULL,
        NULL};
    return ask(arguments, allowed(plan, plan->quick ? QUICK_BENCH_SECONDS : BENCH_SECONDS), why);
}

static json_t *describe(const job *self)
{
    return json_pack("{s:s, s:s, s:i, s:s, s:s, s:s}", "model", self->model, "task",
                     self->train ? "training" : "inference", "batch", self->batch, "precision", self->precision, "on",
                     self->on_processor ? "processor" : "device", "choice", self->tune ? "tuned" : "best guess");
}

/* The row of an earlier report that has what `row` describes, and a time. */
static json_t *find_kept(const report_plan *plan, const json_t *row)
{
    json_t *kept, *value;
    const char *key;
    size_t i;
    json_array_foreach(json_object_get(plan->before, "times"), i, kept)
    {
        bool same = json_object_get(kept, "ms_per_image");
        json_object_foreach((json_t *)row, key, value) same = same && json_equal(value, json_object_get(kept, key));
        if (same) return kept;
    }
    return NULL;
}

static json_t *measure(const report_plan *plan, const job *self, json_t **roof)
{
    json_t *row = describe(self), *kept = find_kept(plan, row);
    if (kept) {
        json_decref(row);
        return json_incref(kept);
    }
    json_t *why = NULL, *value = bench(plan, self, &why);
    if (!value) {
        json_put(row, "problem", why);
        return row;
    }
    const double ms = json_number_value(json_object_get(value, "ms_per_image_med"));
    json_put(row, "ms_per_image", json_real(ms));
    json_put(row, "images_per_second", json_real(ms > 0 ? 1e3 / ms : 0));
    json_put(row, "prepare_ms", json_incref(json_object_get(value, "prepare_ms")));
    if (!self->on_processor && !*roof)
        *roof = json_pack("{s:O, s:O}", "gflops", json_object_get(value, "device_gflops"), "gbytes_per_second",
                          json_object_get(value, "device_gbytes_per_second"));
    json_decref(value);
    return row;
}

json_t *report_times(const report_plan *plan, json_t **roof)
{
    static job jobs[MOST_JOBS];
    const size_t count = list_jobs(plan, jobs);
    json_t *times = json_array();
    *roof = json_incref(json_object_get(plan->before, "roof"));
    if (json_is_null(*roof)) *roof = NULL;
    progress_begin("measuring", count);
    for (size_t i = 0; i < count; i++) {
        progress_note("%s%s, batch %d, %s%s%s", jobs[i].model, jobs[i].train ? " training" : "", jobs[i].batch,
                      jobs[i].precision, jobs[i].tune ? ", tuned" : "", jobs[i].on_processor ? ", processor" : "");
        json_add(times, measure(plan, &jobs[i], roof));
        progress_advance(1);
    }
    progress_end();
    if (!*roof) *roof = json_null();
    return times;
}
