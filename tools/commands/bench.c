/* bench.c - shunt bench: how long a model takes. The last line is a JSON object, for scripts that compare programs. */
#include "bench_predict.h"
#include "bench_profile.h"
#include "bench_streams.h"
#include "commands.h"
#include "lib/precision.h"
#include "lib/progress.h"
#include "lib/ranks.h"
#include "lib/step_table.h"
#include "lib/say.h"
#include "lib/table.h"
#include "runtime/shared/os.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct bench_settings {
    model_settings model;
    device_settings device;
    int64_t batch, repeats, warm_up, streams, size[2];
    bool layers, train, recompute;
    bench_predict_settings predict;
    json_settings output;
} bench_settings;

#define FIELD(name) offsetof(bench_settings, name)

static const option_row rows[] = {
    {"batch", OPTION_COUNT, FIELD(batch), "N", "Pictures in one run, of each rank.", "1", 1, 65536},
    {"size", OPTION_SIZE, FIELD(size), "HxW", "Size of the pictures. Default: 224, or 32 for the CIFAR nets.", NULL, 1,
     65536},
    {"repeats", OPTION_COUNT, FIELD(repeats), "N", "Timed runs, after the warm-up.", "9", 1, 100000},
    {"warm-up", OPTION_COUNT, FIELD(warm_up), "N", "Runs before the timed ones.", "3", 0, 100000},
    {"streams", OPTION_COUNT, FIELD(streams), "K",
     "Then as many runs again with K in flight, each submitted when the one K before it is done, and in turn with them "
     "as "
     "many one after another: pictures per second of both, and how long runs in flight take from submission to end. "
     "Default: none.",
     NULL, 1, 16},
    {"train", OPTION_FLAG, FIELD(train), NULL,
     "Measure a training step: forward, backward and the update of all weights. The weights are freshly initialized.",
     NULL, 0, 0},
    {"recompute", OPTION_FLAG, FIELD(recompute), NULL,
     "With --train: compute activations again in the backward pass, for less memory.", NULL, 0, 0},
    {"bf16-gradients", OPTION_FLAG, FIELD(predict.bf16_gradients), NULL,
     "With --train: several ranks send gradients as bfloat16, in half the bytes.", NULL, 0, 0},
    {"ranks", OPTION_TEXT, FIELD(predict.ranks), "N,...",
     "With --train and --link: also predict a step of so many ranks, each with --batch pictures, from the time that "
     "this device "
     "computes.",
     NULL, 0, 0},
    {"link", OPTION_TEXT, FIELD(predict.link), "RATE,LATENCY",
     "What lies between the ranks of --ranks: 25Gbit,5us; or, under mpirun, measured.", NULL, 0, 0},
    {"layers", OPTION_FLAG, FIELD(layers), NULL,
     "Show the shortest time of each step. The times come from extra runs with profiling on, which may be slower.",
     NULL, 0, 0},
    {0}};

typedef struct measurement {
    double prepare_ms, best_ms, median_ms; /* best, median: of a whole batch */
    long rss_mib;                          /* peak, of the timed runs */
    device_roof roof;
    bench_flow flow;            /* with --streams */
    shunt_ranks *ranks;         /* of a training step; else NULL */
    shunt_ranks_work exchanged; /* in the timed runs, by the rank that waited least for the others */
    bench_predictions predicted;
} measurement;

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return 1e3 * (double)t.tv_sec + 1e-6 * (double)t.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* What a rank exchanges takes it the longer the more it is ahead of the others: so what the last one saw is what exchanging takes. On
 * rank 0. */
static int choose_exchanged(shunt_ranks *ranks, shunt_ranks_work *work)
{
    void *all = NULL;
    size_t bytes = 0;
    if (shunt_ranks_gather(ranks, work, sizeof *work, &all, &bytes)) return say_library_failure(NULL);
    const shunt_ranks_work *list = all;
    for (size_t r = 0; r < bytes / sizeof *list; r++)
        if (list[r].seconds < work->seconds) *work = list[r];
    free(all);
    return EXIT_OK;
}

static int time_runs(const bench_settings *settings, shunt_executor *executor, const bench_task *task, measurement *out)
{
    shunt_ranks_work before = {0}, after = {0};
    double *times = calloc((size_t)settings->repeats, sizeof *times);
    if (!times) return say_failure("no memory");
    int status = EXIT_OK;
    progress_begin("measuring", (uint64_t)(settings->warm_up + settings->repeats));
    for (int64_t i = -settings->warm_up; i < settings->repeats; i++) {
        if (i == 0 && out->ranks) shunt_ranks_measure(out->ranks, &before);
        double start = now_ms();
        if (bench_task_run(task, executor)) {
            status = say_library_failure(NULL);
            break;
        }
        if (i >= 0) times[i] = now_ms() - start;
        progress_advance(1);
    }
    progress_end();
    if (out->ranks) shunt_ranks_measure(out->ranks, &after);
    out->exchanged = (shunt_ranks_work){after.bytes - before.bytes, after.seconds - before.seconds,
                                        after.waited - before.waited, after.processor - before.processor};
    qsort(times, (size_t)settings->repeats, sizeof *times, by_value);
    out->best_ms = times[0];
    out->median_ms = times[settings->repeats / 2];
    free(times);
    return status == EXIT_OK && out->ranks ? choose_exchanged(out->ranks, &out->exchanged) : status;
}

static int profile_layers(const bench_task *task, shunt_device *device, int64_t repeats, const device_roof *roof,
                          json_t *object)
{
    bench_profile best;
    int status = bench_profile_make(task, device, repeats, &best);
    if (status == EXIT_OK && object)
        json_put(object, "steps", steps_json(&best.report));
    else if (status == EXIT_OK)
        status = print_step_times(&best.report, roof);
    bench_profile_end(&best);
    return status;
}

/* After the timed runs: it takes memory of its own. A device that cannot tell is no failure. */
static int measure_roof(shunt_device *device, measurement *out)
{
    out->rss_mib = os_peak_kib() / 1024;
    progress_begin("measuring the device", 0);
    shunt_status status = shunt_device_measure(device, &out->roof.flops_per_second, &out->roof.bytes_per_second);
    progress_end();
    if (status) out->roof = (device_roof){0};
    return status && status != SHUNT_E_UNSUPPORTED ? say_library_failure(NULL) : EXIT_OK;
}

/* In steps of 0.1. */
static double tenths(double value)
{
    return round(value * 10) / 10;
}

static void put_flow(json_t *object, const bench_settings *settings, const bench_flow *flow)
{
    json_put(object, "streams", json_integer(settings->streams));
    json_put(object, "images_per_second", json_real(tenths(flow->runs_per_second * (double)settings->batch)));
    json_put(object, "images_per_second_alone", json_real(tenths(flow->alone_per_second * (double)settings->batch)));
    json_put(object, "latency_ms_p50", json_real(round(flow->p50_ms * 1e3) / 1e3));
    json_put(object, "latency_ms_p90", json_real(round(flow->p90_ms * 1e3) / 1e3));
    json_put(object, "latency_ms_p99", json_real(round(flow->p99_ms * 1e3) / 1e3));
    json_put(object, "latency_ms_max", json_real(round(flow->most_ms * 1e3) / 1e3));
}

/* Of several ranks one prints. */
static bool speaks(const shunt_ranks *ranks)
{
    return !ranks || ranks_speak(ranks);
}

static uint32_t count_of(const measurement *m)
{
    return m->ranks ? shunt_ranks_describe(m->ranks)->count : 1;
}

/* The step of the ranks that there are, as those that are predicted. */
static bench_prediction measured_step(const bench_settings *settings, const measurement *m)
{
    const double steps = (double)settings->repeats;
    return (bench_prediction){count_of(m), 1e-3 * m->median_ms, m->exchanged.seconds / steps,
                              m->exchanged.waited / steps};
}

static int report_predicted(const bench_settings *settings, const measurement *m, json_t *line)
{
    const bench_prediction step = measured_step(settings, m), *measured = count_of(m) > 1 ? &step : NULL;
    bench_predict_put(line, &m->predicted, measured);
    return settings->output.json ? EXIT_OK : bench_predict_print(&m->predicted, measured);
}

static void print_exchanged(const bench_settings *settings, const measurement *m)
{
    const shunt_ranks_work *work = &m->exchanged;
    const double steps = (double)settings->repeats;
    if (count_of(m) == 1) return;
    printf(
        "ranks      %u; each gets %.1f MiB a step in %.2f ms, %.0f %% of it while computing; %.2f ms of a processor\n",
        count_of(m), (double)work->bytes / steps / 0x1p20, 1e3 * work->seconds / steps,
        work->seconds > work->waited ? 100 * (1 - work->waited / work->seconds) : 0, 1e3 * work->processor / steps);
}

static json_t *measurement_json(const bench_settings *settings, const shunt_model *model, const shunt_device *device,
                                const measurement *m, const shunt_executor *executor, const shunt_plan_report *plan)
{
    double batch = (double)settings->batch * count_of(m);
    json_t *threads = settings->device.threads ? json_integer(settings->device.threads) : json_null();
    json_t *line = json_pack(
        "{s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:I, s:o, s:f, s:f, s:f, s:f, s:f, s:f, s:I}", "peer", "shunt", "version",
        shunt_version(), "task", settings->train ? "train" : "infer", "model", shunt_model_name(model), "device",
        shunt_device_describe(device)->selector, "placement", plan->placement, "precision",
        precision_json(precision_of(executor)), "batch", (json_int_t)batch, "threads", threads, "prepare_ms",
        round(m->prepare_ms * 1e3) / 1e3, "ms_per_image_min", round(m->best_ms / batch * 1e3) / 1e3, "ms_per_image_med",
        round(m->median_ms / batch * 1e3) / 1e3, "gflops_best", tenths((double)plan->flops / m->best_ms * 1e-6),
        "device_gflops", tenths(m->roof.flops_per_second * 1e-9), "device_gbytes_per_second",
        tenths(m->roof.bytes_per_second * 1e-9), "rss_mib", (json_int_t)m->rss_mib);
    if (line && settings->streams) put_flow(line, settings, &m->flow);
    return line;
}

static void print_measurement(const bench_settings *settings, const shunt_model *model, const shunt_device *device,
                              const measurement *m, const shunt_executor *executor, const shunt_plan_report *plan)
{
    char precision[PRECISION_CHARS];
    const shunt_device_entry *entry = shunt_device_describe(device);
    double batch = (double)settings->batch * count_of(m);
    say_line("%s%s, batch %lld, on %s (%s)", settings->train ? "training step of " : "", shunt_model_name(model),
             (long long)batch, entry->selector, entry->info->name);
    say_line("placement  %s", plan->placement);
    say_line("precision  %s", precision_text(precision_of(executor), precision));
    printf("prepare    %.0f ms\n", m->prepare_ms);
    printf("best       %.3f ms/image, %.1f GFLOP/s\n", m->best_ms / batch, (double)plan->flops / m->best_ms * 1e-6);
    printf("median     %.3f ms/image\n", m->median_ms / batch);
    if (settings->streams)
        printf("in flight  %lld: %.1f images/s, one at a time %.1f; latency of a run %.3f ms (50 %%), %.3f (90 %%), "
               "%.3f (99 %%), %.3f at "
               "most\n",
               (long long)settings->streams, m->flow.runs_per_second * batch, m->flow.alone_per_second * batch,
               m->flow.p50_ms, m->flow.p90_ms, m->flow.p99_ms, m->flow.most_ms);
    print_exchanged(settings, m);
    if (m->roof.flops_per_second <= 0) return;
    printf("device     %.1f GFLOP/s of multiply-adds, %.1f GB/s of memory: the best run is at %.0f %% of the former\n",
           m->roof.flops_per_second * 1e-9, m->roof.bytes_per_second * 1e-9,
           1e5 * (double)plan->flops / m->best_ms / m->roof.flops_per_second);
}

static int prepare(const bench_settings *settings, shunt_model *model, shunt_device *device, bench_task *task,
                   shunt_executor **executor, measurement *m)
{
    int status = bench_task_make(task, model, settings->train, settings->recompute, settings->batch, settings->size);
    if (status) return status;
    double start = now_ms();
    progress_begin("preparing", 0);
    const shunt_executor_options options = {
        .size = sizeof options, .ranks = m->ranks, .bf16_gradients = settings->predict.bf16_gradients};
    if (shunt_executor_create_with(task->graph, task->weights, device, &options, executor))
        status = say_library_failure(NULL);
    if (status == EXIT_OK) status = bench_task_allocate(task, *executor);
    progress_end();
    m->prepare_ms = now_ms() - start;
    return status;
}

/* A row of what is compared at the end. */
static void add_row(table *rows_of_devices, const bench_settings *settings, const char *selector, const measurement *m)
{
    const double batch = (double)settings->batch * count_of(m);
    table_cell(rows_of_devices, "%s", selector);
    table_cell(rows_of_devices, "%.3f", m->best_ms / batch);
    table_cell(rows_of_devices, "%.3f", m->median_ms / batch);
    if (!settings->streams) return;
    table_cell(rows_of_devices, "%.1f", m->flow.runs_per_second * batch);
    table_cell(rows_of_devices, "%.3f", m->flow.p50_ms);
    table_cell(rows_of_devices, "%.3f", m->flow.p90_ms);
    table_cell(rows_of_devices, "%.3f", m->flow.p99_ms);
    table_cell(rows_of_devices, "%.3f", m->flow.most_ms);
}

static int measure(const bench_settings *self, shunt_model *model, shunt_device *device, bench_task *task,
                   measurement *m, json_t **line)
{
    shunt_executor *executor = NULL;
    const shunt_plan_report *plan = NULL;
    int status = prepare(self, model, device, task, &executor, m);
    if (status == EXIT_OK) status = time_runs(self, executor, task, m);
    if (status == EXIT_OK && self->streams)
        status = bench_streams(task, device, self->streams, self->warm_up, self->repeats, &m->flow);
    if (status == EXIT_OK) status = measure_roof(device, m);
    if (status == EXIT_OK && bench_task_report(task, executor, &plan)) status = say_library_failure(NULL);
    if (status == EXIT_OK && speaks(m->ranks)) {
        *line = measurement_json(self, model, device, m, executor, plan);
        if (!self->output.json) print_measurement(self, model, device, m, executor, plan);
    }
    shunt_executor_destroy(executor);
    if (status == EXIT_OK && m->predicted.count)
        status = bench_predict(task, device, m->ranks, &self->predict, self->repeats, &m->predicted);
    if (status == EXIT_OK && m->predicted.count && speaks(m->ranks)) status = report_predicted(self, m, *line);
    if (status == EXIT_OK && self->layers && speaks(m->ranks))
        status = profile_layers(task, device, self->repeats, &m->roof, self->output.json ? *line : NULL);
    return status;
}

static int measure_on(const bench_settings *self, shunt_model *model, shunt_ranks *ranks, const char *selector,
                      table *compared, json_t **line)
{
    device_settings wanted = self->device;
    shunt_device *device = NULL;
    bench_task task = {0};
    measurement m = {.ranks = ranks};
    wanted.device = selector;
    int status = bench_predict_parse(&self->predict, &m.predicted);
    if (status == EXIT_OK)
        status = ranks ? ranks_device(ranks, &wanted, &device) : device_from_settings(&wanted, &device);
    if (status == EXIT_OK) status = measure(self, model, device, &task, &m, line);
    if (status == EXIT_OK) add_row(compared, self, shunt_device_describe(device)->selector, &m);
    bench_task_end(&task);
    shunt_device_close(device);
    return status;
}

/* One line of JSON for each device; with --json and several devices, an array of them. */
static int measure_all(const bench_settings *self, shunt_model *model, shunt_ranks *ranks, char *selectors,
                       table *compared)
{
    const bool several = selectors && strchr(selectors, ',');
    json_t *all = several && self->output.json ? json_array() : NULL;
    int status = EXIT_OK;
    do {
        char *comma = selectors ? strchr(selectors, ',') : NULL;
        json_t *line = NULL;
        if (comma) *comma = 0;
        status = measure_on(self, model, ranks, selectors, compared, &line);
        if (line && all)
            json_add(all, line);
        else if (line) {
            const int printed = print_json(line, true);
            if (status == EXIT_OK) status = printed;
        }
        selectors = comma ? comma + 1 : NULL;
    } while (status == EXIT_OK && selectors);
    if (!several || status != EXIT_OK || !speaks(ranks)) {
        json_decref(all);
        table_free(compared);
        return status;
    }
    if (!all) return table_end(compared);
    table_free(compared);
    return print_json(all, true);
}

static int run(const void *settings, int noperands, char **operands)
{
    static const char *const headings[] = {"device",   ">best ms/image", ">median",  ">images/s",
                                           ">50 % ms", ">90 % ms",       ">99 % ms", ">most ms"};
    const bench_settings *self = settings;
    shunt_model_options options = {.size = sizeof options, .height = self->size[0], .width = self->size[1]};
    shunt_model *model = NULL;
    shunt_ranks *ranks = NULL;
    table compared;
    (void)noperands;
    (void)operands;

    if (self->recompute && !self->train) return say_usage("--recompute goes with --train");
    if ((self->predict.ranks || self->predict.bf16_gradients) && !self->train)
        return say_usage("--ranks and --bf16-gradients go with --train");
    if (self->streams && self->train)
        return say_usage("--streams does not go with --train, whose steps follow each other");
    char *selectors = self->device.device ? strdup(self->device.device) : NULL;
    if (self->device.device && !selectors) return say_failure("no memory");
    int status = model_from_settings(&self->model, WEIGHTS_OR_RANDOM, &options, &model);
    table_begin(&compared, headings, self->streams ? 8 : 3);
    if (status == EXIT_OK && self->train) status = ranks_begin(&ranks);
    if (status == EXIT_OK)
        status = measure_all(self, model, ranks, selectors, &compared);
    else
        table_free(&compared);
    shunt_model_destroy(model);
    free(selectors);
    ranks_end(ranks, status);
    return status;
}

const command bench_command = {
    .name = "bench",
    .summary = "Measure how long a model takes.",
    .text =
        "Weights are random when none are given: the time does not depend on them, unless they overflow f16, and each "
        "run is repeated in f32; a warning says so. The last line printed is a JSON object. With several devices, "
        "separated by commas (--device opencl:cpu,onednn), each is measured in turn and has such a line, and a table "
        "compares them at the end; with --json the objects are in an array. A multiply and an add count as two "
        "operations (FLOP), as the direct algorithm does them.",
    .groups = {{model_rows, FIELD(model)}, {rows, 0}, {device_rows, FIELD(device)}, {json_rows, FIELD(output)}},
    .examples = {{"shunt bench --model resnet18 --batch 8", "Time per picture, in runs of eight."},
                 {"shunt bench --model resnet50 --device scalar --threads 1 --repeats 3 --layers",
                  "One thread of plain C, step by step."},
                 {"shunt bench --device opencl:cpu,onednn --model resnet18 --streams 2 --repeats 200",
                  "Two devices side by side, with two runs in flight."},
                 {"shunt bench --model resnet20 --batch 128 --train --layers",
                  "Where the time of a training step goes."},
                 {"mpirun -n 2 shunt bench --model resnet18 --batch 32 --train",
                  "A training step of two processes, with 32 pictures in each."},
                 {"shunt bench --model resnet50 --batch 32 --train --ranks 1,8,64,1024 --link 25Gbit,5us",
                  "The same on more ranks than there are, by a model of the network between them."},
                 {"shunt bench --model resnet50 --json | jq .ms_per_image_min", "One number for a script."}},
    .settings_size = sizeof(bench_settings),
    .run = run,
};
