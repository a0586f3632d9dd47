/* bench_predict.c - see bench_predict.h. A step is gone through as the plan of N ranks lists it: computing takes what it took on one
 * rank, an exchange begins when its data are there and the link is free, and what needs it waits. */
#include "bench_predict.h"
#include "bench_profile.h"
#include "lib/args.h"
#include "lib/json_out.h"
#include "lib/say.h"
#include "lib/table.h"
#include <ctype.h>
#include <shunt/ranks.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- Options ------------------------------------------------------------------------------------------------------ */

typedef struct unit {
    const char *name;
    double size;
} unit;

static const unit rates[] = {{"Kbit", 1e3 / 8}, {"Mbit", 1e6 / 8}, {"Gbit", 1e9 / 8}, {0}};
static const unit times[] = {{"ns", 1e-9}, {"us", 1e-6}, {"ms", 1e-3}, {"s", 1}, {0}};

/* "25Gbit" up to a comma or the end; *text moves behind it. 0: it is not such a text. */
static double parse_quantity(const char **text, const unit *units)
{
    char *end;
    if (!isdigit((unsigned char)**text)) return 0;
    const double number = strtod(*text, &end);
    for (const unit *u = units; u->name; u++) {
        const size_t n = strlen(u->name);
        if (strncmp(end, u->name, n) || (end[n] && end[n] != ',')) continue;
        *text = end + n + (end[n] == ',');
        return number * u->size;
    }
    return 0;
}

static bool is_measured(const bench_predict_settings *settings)
{
    return !strcmp(settings->link, "measured");
}

static int parse_link(const char *text, bench_link *out)
{
    const char *at = text;
    out->bytes_per_second = parse_quantity(&at, rates);
    out->seconds = out->bytes_per_second > 0 ? parse_quantity(&at, times) : 0;
    if (out->seconds > 0 && !*at) return EXIT_OK;
    return say_usage("--link %s: must be a rate and a latency, such as 25Gbit,5us, or measured", text);
}

int bench_predict_parse(const bench_predict_settings *settings, bench_predictions *out)
{
    const char *at = settings->ranks;
    *out = (bench_predictions){0};
    if (!at != !settings->link) return say_usage("--ranks and --link go together");
    if (!at) return EXIT_OK;
    for (char *end;; at = end + 1) {
        const unsigned long count = isdigit((unsigned char)*at) ? strtoul(at, &end, 10) : 0;
        if (count < 1 || count > 65536 || (*end && *end != ',') || out->count == BENCH_MOST_RANKS)
            return say_usage("--ranks %s: must be up to %d numbers from 1 to 65536 with commas between",
                             settings->ranks, BENCH_MOST_RANKS);
        out->list[out->count++].ranks = (uint32_t)count;
        if (!*end) break;
    }
    return is_measured(settings) ? EXIT_OK : parse_link(settings->link, &out->link);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- A step -------------------------------------------------------------------------------------------------------- */

/* Where the walk through a plan has come. */
typedef struct walk {
    const bench_profile *alone;
    const bench_link *link;
    uint32_t ranks;
    bool bf16;
    double scale;                   /* of the times of steps, which profiling makes longer */
    double clock, link_free, *ends; /* ends: of the exchange that each step begins */
    double communication, waited;
} walk;

static bool begins(const shunt_step *step)
{
    return !strncmp(step->kind, "send ", 5);
}

/* The kinds of the two steps of one exchange. */
static bool is_end_of(const shunt_step *end, const shunt_step *begin)
{
    static const char *const pairs[][2] = {{"send to sum", "get sum"}, {"send piece", "get pieces"}};
    if (strcmp(end->name, begin->name)) return false;
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        if (!strcmp(begin->kind, pairs[i][0])) return !strcmp(end->kind, pairs[i][1]);
    return !strcmp(end->kind + strlen("get "), begin->kind + strlen("send "));
}

/* A step that does the same on one rank; or, as buckets of updates differ, others of its kind, by their bytes. */
static double seconds_of(const walk *self, const shunt_step *step)
{
    double seconds = 0, bytes = 0;
    for (size_t i = 0; i < self->alone->report.nsteps; i++) {
        const shunt_step *like = self->alone->list[i];
        if (strcmp(like->kind, step->kind)) continue;
        if (!strcmp(like->name, step->name) && like->bytes == step->bytes)
            return self->scale * 1e-9 * (double)like->nanoseconds;
        seconds += 1e-9 * (double)like->nanoseconds;
        bytes += (double)like->bytes;
    }
    return bytes > 0 ? self->scale * seconds * (double)step->bytes / bytes : 0;
}

/* Each rank sends a message to each of the others, one after the other. */
static double exchange_seconds(const walk *self, const shunt_step *step)
{
    const double others = self->ranks - 1;
    double sent = (double)step->bytes * others, added = 0; /* the rank's own piece, or numbers, to all others */
    if (!strcmp(step->kind, "send to sum")) {              /* of a whole, a piece to each */
        added = (double)step->bytes * (self->bf16 ? 0.5 : 1);
        sent = added * others / self->ranks;
    }
    return others * self->link->seconds + sent / self->link->bytes_per_second + added * self->link->adding;
}

static void begin_exchange(walk *self, const shunt_step *step, size_t index)
{
    const double begin = self->clock > self->link_free ? self->clock : self->link_free;
    const double seconds = exchange_seconds(self, step);
    self->communication += seconds;
    self->ends[index] = self->link_free = begin + seconds;
}

static void end_exchange(walk *self, const shunt_plan_report *plan, size_t index)
{
    size_t begin = index;
    while (begin-- > 0)
        if (begins(plan->steps[begin]) && is_end_of(plan->steps[index], plan->steps[begin])) break;
    const double end = begin < index ? self->ends[begin] : 0;
    if (end <= self->clock) return;
    self->waited += end - self->clock;
    self->clock = end;
}

static int walk_through(walk *self, const shunt_plan_report *plan)
{
    self->ends = calloc(plan->nsteps + 1, sizeof *self->ends);
    if (!self->ends) return say_failure("no memory");
    for (size_t i = 0; i < plan->nsteps; i++) {
        if (begins(plan->steps[i]))
            begin_exchange(self, plan->steps[i], i);
        else if (!strncmp(plan->steps[i]->kind, "get ", 4))
            end_exchange(self, plan, i);
        else
            self->clock += seconds_of(self, plan->steps[i]);
    }
    free(self->ends);
    return EXIT_OK;
}

static int predict_one(const bench_task *task, shunt_device *device, const walk *like, bench_prediction *out)
{
    shunt_ranks *absent = NULL;
    shunt_executor *executor = NULL;
    const shunt_plan_report *plan = NULL;
    walk self = *like;
    self.ranks = out->ranks;
    shunt_status failed = shunt_ranks_pretend(out->ranks, &absent);
    const shunt_executor_options options = {.size = sizeof options, .ranks = absent, .bf16_gradients = self.bf16};
    if (!failed) failed = shunt_executor_create_with(task->graph, task->weights, device, &options, &executor);
    if (!failed) failed = bench_task_report(task, executor, &plan);
    const int status = failed ? say_library_failure(NULL) : walk_through(&self, plan);
    shunt_executor_destroy(executor);
    shunt_ranks_close(absent);
    out->seconds = self.clock;
    out->communication = self.communication;
    out->waited = self.waited;
    return status;
}

/* The shortest step of this rank alone, beside those of the others that there are. */
static int time_alone(const bench_task *task, shunt_device *device, int64_t repeats, double *out)
{
    shunt_executor *executor = NULL;
    shunt_status failed = shunt_executor_create(task->graph, task->weights, device, &executor);
    *out = 1e9;
    for (int64_t i = -1; !failed && i < repeats; i++) {
        const double begin = now();
        failed = bench_task_run(task, executor);
        if (i >= 0 && now() - begin < *out) *out = now() - begin;
    }
    shunt_executor_destroy(executor);
    return failed ? say_library_failure(NULL) : EXIT_OK;
}

static double profiled_seconds(const bench_profile *profile)
{
    double all = 0;
    for (size_t i = 0; i < profile->report.nsteps; i++) all += 1e-9 * (double)profile->list[i]->nanoseconds;
    return all;
}

int bench_predict(const bench_task *task, shunt_device *device, shunt_ranks *ranks,
                  const bench_predict_settings *settings, int64_t repeats, bench_predictions *out)
{
    bench_profile alone = {0};
    int status = bench_link_measure_adding(&out->link);
    if (status == EXIT_OK && is_measured(settings)) status = bench_link_measure(ranks, device, &out->link);
    if (status == EXIT_OK) status = time_alone(task, device, repeats, &out->alone);
    if (status == EXIT_OK) status = bench_profile_make(task, device, repeats, &alone);
    const double profiled = status == EXIT_OK ? profiled_seconds(&alone) : 0;
    if (status == EXIT_OK && profiled <= 0)
        status = say_failure("%s tells no times of steps, so nothing can be predicted",
                             shunt_device_describe(device)->selector);
    const walk self = {
        .alone = &alone, .link = &out->link, .bf16 = settings->bf16_gradients, .scale = out->alone / profiled};
    for (size_t i = 0; status == EXIT_OK && i < out->count; i++)
        status = predict_one(task, device, &self, &out->list[i]);
    bench_profile_end(&alone);
    return status;
}

/* ---- Reports ------------------------------------------------------------------------------------------------------- */

static double overlapped(const bench_prediction *p)
{
    return p->communication > p->waited ? 100 * (1 - p->waited / p->communication) : 0;
}

static void add_row(table *rows, const bench_prediction *p, const char *how, double alone)
{
    table_cell(rows, "%u", p->ranks);
    table_cell(rows, "%s", how);
    table_cell(rows, "%.3f", 1e3 * p->seconds);
    table_cell(rows, "%.3f", 1e3 * p->communication);
    table_cell(rows, "%.0f", overlapped(p));
    table_cell(rows, "%.3f", alone / p->seconds);
}

int bench_predict_print(const bench_predictions *self, const bench_prediction *measured)
{
    static const char *const headings[] = {">RANKS",        "HOW",        ">STEP MS", ">COMMUNICATION MS",
                                           ">% OVERLAPPED", ">EFFICIENCY"};
    table rows;
    printf("link       %.3f Gbit/s, %.1f us a message; adding up %.1f GB/s; a step of one rank takes %.3f ms\n",
           8e-9 * self->link.bytes_per_second, 1e6 * self->link.seconds, 1e-9 / self->link.adding, 1e3 * self->alone);
    table_begin(&rows, headings, 6);
    for (size_t i = 0; i < self->count; i++) add_row(&rows, &self->list[i], "predicted", self->alone);
    if (measured) add_row(&rows, measured, "measured", self->alone);
    return table_end(&rows);
}

static json_t *prediction_json(const bench_prediction *p, double alone)
{
    return json_pack("{s:I, s:f, s:f, s:f, s:f}", "ranks", (json_int_t)p->ranks, "step_ms", 1e3 * p->seconds,
                     "communication_ms", 1e3 * p->communication, "overlapped", overlapped(p) / 100, "efficiency",
                     alone / p->seconds);
}

void bench_predict_put(json_t *object, const bench_predictions *self, const bench_prediction *measured)
{
    json_t *list = json_array();
    for (size_t i = 0; i < self->count; i++) json_add(list, prediction_json(&self->list[i], self->alone));
    json_put(object, "predicted", list);
    json_put(object, "link",
             json_pack("{s:f, s:f, s:f}", "gbit_per_second", 8e-9 * self->link.bytes_per_second, "latency_us",
                       1e6 * self->link.seconds, "adding_gbytes_per_second", 1e-9 / self->link.adding));
    json_put(object, "alone_ms", json_real(1e3 * self->alone));
    if (measured) json_put(object, "measured", prediction_json(measured, self->alone));
}
