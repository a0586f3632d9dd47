/* precision.c - networks trained in float32, float16 and bfloat16, from the same weights on the same pictures, seed by seed: does the
 * test error rise? Goal: on average by at most 0.4 points. */
#include "runs.h"
#include "study.h"
#include "summary.h"
#include <math.h>
#include <string.h>

static const char *const precisions[] = {"f32", "f16", "bf16"};
enum { PRECISIONS = 3 };
static const double MOST_POINTS = 0.4;

static int measure(study_job *job)
{
    run_list bases = {0}, list = {.collect = runs_collect_errors};
    int status = runs_parse_models(job->settings->models ? job->settings->models : "resnet20", &bases);
    for (size_t i = 0; status == EXIT_OK && i < bases.count; i++)
        for (int p = 0; status == EXIT_OK && p < PRECISIONS; p++)
            status = runs_add(&list, "%s-%s", bases.names[i], precisions[p]);
    return status ? status : runs_train(job, &list);
}

/* ---- The report ------------------------------------------------------------------------------------------------------ */

/* The same network in float32. */
static const char *twin(const char *model, char name[RUN_NAME])
{
    const char *precision = run_precision(model);
    snprintf(name, RUN_NAME, "%.*sf32", precision ? (int)(precision - model) : 0, model);
    return name;
}

/* Of a model less its twin, at the last epoch that both have come to. */
static spread difference(const csv *results, const char *model)
{
    char name[RUN_NAME];
    const char *both[] = {twin(model, name), model};
    return summary_difference(results, both[0], model, summary_epoch(results, both, 2), "test_error");
}

/* "+0.12 points, between -0.20 and +0.44 with 95 % confidence, 5 seeds" */
static const char *difference_text(const spread *change, char text[128])
{
    const double margin = 100 * spread_margin(change), mean = 100 * change->mean;
    if (change->count > 1)
        snprintf(text, 128, "%+.2f points, between %+.2f and %+.2f with 95 %% confidence, %zu seeds", mean,
                 mean - margin, mean + margin, change->count);
    else if (change->count)
        snprintf(text, 128, "%+.2f points (1 seed)", mean);
    else
        snprintf(text, 128, "-");
    return text;
}

static bool is_narrow(const char *model)
{
    const char *precision = run_precision(model);
    return precision && strcmp(precision, precisions[0]) != 0;
}

static void put_table(const csv *results, const char *const *models, size_t count, report *out)
{
    static const char *const headings[] = {
        "network and precision",           ">epochs",          ">seeds", ">test error, %",
        "difference to f32, seed by seed", ">memory of a step"};
    table rows;
    char text[128], size[16];
    table_begin(&rows, headings, 6);
    for (size_t i = 0; i < count; i++) {
        const int64_t epoch = summary_epoch(results, &models[i], 1), row = summary_row(results, models[i], epoch);
        const spread error = summary_at(results, models[i], epoch, "test_error");
        const spread change = difference(results, models[i]);
        const double bytes = row < 0 ? 0 : csv_number(results, (size_t)row, "bytes");
        table_cell(&rows, "%s", models[i]);
        table_cell(&rows, "%lld", (long long)epoch);
        table_cell(&rows, "%zu", error.count);
        table_cell(&rows, "%s", spread_text(&error, 100, text));
        table_cell(&rows, "%s", is_narrow(models[i]) ? difference_text(&change, text) : "-");
        table_cell(&rows, "%s", bytes > 0 ? human_bytes((unsigned long long)bytes, size) : "-");
    }
    report_table(out, &rows);
}

static void put_verdict(const csv *results, const char *const *models, size_t count, report *out)
{
    char text[4096] = "", words[128];
    for (size_t i = 0; i < count; i++) {
        const spread change = difference(results, models[i]);
        if (!is_narrow(models[i]) || !change.count) continue;
        const size_t used = strlen(text);
        snprintf(text + used, sizeof text - used, " %s: %s, which is %s.", models[i], difference_text(&change, words),
                 100 * change.mean <= MOST_POINTS ? "within the goal" : "above the goal");
    }
    if (!*text)
        report_verdict(out, "None yet: a comparison needs a network in float32 and in 16 bits with the same seed.");
    else
        report_verdict(out,
                       "%sThe test error in 16 bits, less that in float32, should be at most %g points on average.%s",
                       runs_are_finished(results) ? "" : "So far (some runs are not finished): ", MOST_POINTS, text);
}

static int draw(const csv *results, report *out)
{
    const char *models[SUMMARY_MODELS];
    const size_t count = summary_models(results, models);
    const run_curves curves = {"Test error", "curves", .y_most = 100, .y_fit = true};
    runs_describe(results, out);
    put_verdict(results, models, count, out);
    put_table(results, models, count, out);
    runs_put_curves(results, models, count, &curves, out);
    return out->failed;
}

const study precision_study = {
    .name = "precision",
    .summary = "Precision: test errors of networks trained in float32, float16 and bfloat16",
    .takes = STUDY_DATA | STUDY_TRAINS | STUDY_MODELS,
    .columns = runs_error_columns,
    .measure = measure,
    .draw = draw,
};
