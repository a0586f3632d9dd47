/* ablation.c - how much shortcuts help, and which kind helps most: networks with and without them, and with options A, B, C, by
 * error, convergence, size, time and memory. He et al. 2015, sections 4.1 and 4.2. */
#include "names.h"
#include "runs.h"
#include "study.h"
#include "summary.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char usual[] = "cnn,mini-resnet,cifar-plain18,cifar-resnet18,resnet20-A,resnet20-B,resnet20-C,resnet32-A,"
                            "resnet32-B,resnet32-C";

static int measure(study_job *job)
{
    run_list list = {.collect = runs_collect_errors};
    int status = runs_parse_models(job->settings->models ? job->settings->models : usual, &list);
    return status ? status : runs_train(job, &list);
}

/* ---- The report ------------------------------------------------------------------------------------------------------- */

/* The first epoch at which the mean test error is at most this fraction; 0: no epoch up to `last` has that. */
static int64_t epochs_to(const csv *results, const char *model, double error, int64_t last)
{
    summary_curve curve = summary_curve_of(results, model, "test_error", 1);
    int64_t epoch = 0;
    for (size_t i = 0; !epoch && i < curve.count && (int64_t)i < last; i++)
        if (curve.mean[i] <= error) epoch = (int64_t)i + 1;
    free(curve.x);
    return epoch;
}

/* The lowest test error, in whole per cent, that every network has reached. */
static int common_error(const csv *results, const char *const *models, size_t count, int64_t last)
{
    double worst = 0;
    for (size_t i = 0; i < count; i++) {
        double best = 1;
        summary_curve curve = summary_curve_of(results, models[i], "test_error", 1);
        for (size_t k = 0; k < curve.count && (int64_t)k < last; k++) best = fmin(best, curve.mean[k]);
        free(curve.x);
        worst = fmax(worst, best);
    }
    return (int)ceil(100 * worst - 1e-9);
}

static void put_table(const csv *results, const char *const *models, size_t count, int64_t last, report *out)
{
    int target = common_error(results, models, count, last);
    char epochs[48], text[48], size[16];
    snprintf(epochs, sizeof epochs, ">epochs to %d %% test error", target);
    const char *const headings[] = {"network",     ">seeds",     ">accuracy, %",     epochs,
                                    ">parameters", ">s / epoch", ">memory of a step"};
    table rows;
    table_begin(&rows, headings, 7);
    for (size_t i = 0; i < count; i++) {
        spread error = summary_at(results, models[i], last, "test_error");
        spread accuracy = {error.count, 1 - error.mean, 1 - error.high, 1 - error.low};
        spread seconds = summary_at(results, models[i], last, "seconds");
        int64_t row = summary_row(results, models[i], last);
        table_cell(&rows, "%s", models[i]);
        table_cell(&rows, "%zu", accuracy.count);
        table_cell(&rows, "%s", spread_text(&accuracy, 100, text));
        table_cell(&rows, "%lld", (long long)epochs_to(results, models[i], target / 100.0 + 1e-9, last));
        table_cell(&rows, "%s", row < 0 ? "-" : csv_text(results, (size_t)row, "parameters"));
        table_cell(&rows, "%.3g", seconds.mean);
        double bytes = row < 0 ? 0 : csv_number(results, (size_t)row, "bytes");
        table_cell(&rows, "%s", bytes > 0 ? human_bytes((unsigned long long)bytes, size) : "-");
    }
    report_table(out, &rows);
}

/* Appends a sentence if the results have both networks. */
static void compare(const csv *results, const char *a, const char *b, int64_t last, FILE *to)
{
    char words[64];
    spread change = summary_difference(results, a, b, last, "test_error");
    if (change.count) fprintf(to, " From %s to %s, the test error changes by %s.", a, b, change_text(&change, words));
}

static void put_verdict(const csv *results, const char *const *models, size_t count, int64_t last, report *out)
{
    char other[RUN_NAME + 8];
    const char *best = NULL;
    double least = INFINITY;
    for (size_t i = 0; i < count; i++) {
        double error = summary_at(results, models[i], last, "test_error").mean;
        if (error < least) best = models[i];
        least = fmin(least, error);
    }
    if (!best || count < 2) {
        report_verdict(out, "None yet: a comparison needs two networks that have finished an epoch.");
        return;
    }
    FILE *file = report_verdict_begin(out);
    if (!file) return;
    fprintf(file, "%sAfter epoch %lld, %s has the lowest test error: %.2f %%.",
            runs_are_finished(results) ? "" : "So far: ", (long long)last, best, 100 * least);
    compare(results, "cnn", "mini-resnet", last, file);
    for (size_t i = 0; i < count; i++) {
        const char *model = models[i], *option = strrchr(model, '-');
        for (size_t k = 0; k < count; k++)
            if (network_is_twin(model, models[k])) compare(results, model, models[k], last, file);
        for (const char *letter = "BC"; option && !strcmp(option, "-A") && *letter; letter++) {
            snprintf(other, sizeof other, "%.*s-%c", (int)(option - model), model, *letter);
            compare(results, model, other, last, file);
        }
    }
    report_verdict_end(out, "");
}

static int draw(const csv *results, report *out)
{
    const char *models[SUMMARY_MODELS];
    size_t count = summary_models(results, models);
    int64_t last = summary_epoch(results, models, count);
    runs_describe(results, out);
    put_verdict(results, models, count, last, out);
    put_table(results, models, count, last, out);
    runs_put_curves(results, models, count, &(run_curves){"Test error", "curves", .y_most = 100, .y_fit = true}, out);
    return out->failed;
}

const study ablation_study = {
    .name = "ablation",
    .summary = "Ablation: networks with and without shortcuts, and with each kind of them",
    .takes = STUDY_DATA | STUDY_TRAINS | STUDY_MODELS,
    .quick = {.models = "plain20,resnet20-A,resnet20-B,resnet20-C", .pictures = 2000, .epochs = 8, .batch = 32},
    .columns = runs_error_columns,
    .measure = measure,
    .draw = draw,
};
