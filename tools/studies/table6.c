/* table6.c - the paper's Table 6: its residual networks for CIFAR-10, each with the full recipe. This takes days of unattended
 * training; the table fills as runs end. */
#include "paper.h"
#include "runs.h"
#include "study.h"
#include "summary.h"
#include <stdlib.h>
#include <string.h>

/* From this many layers on, networks keep only what goes from block to block, and compute the rest again. */
enum { RECOMPUTE_FROM = 1000 };

static int measure(study_job *job)
{
    int64_t depths[RUNS_MOST];
    size_t count;
    run_list list = {.collect = runs_collect_errors, .recompute_from = RECOMPUTE_FROM};
    int status = runs_parse_depths(job->settings->depths ? job->settings->depths : "20,32,44,56,110", depths, &count);
    for (size_t i = 0; status == EXIT_OK && i < count; i++)
        status = runs_add(&list, "resnet%lld", (long long)depths[i]);
    return status ? status : runs_train(job, &list);
}

/* ---- The report ------------------------------------------------------------------------------------------------------- */

/* A network's last epoch; 0: it has no row. */
static int64_t last_epoch(const csv *results, const char *model)
{
    return summary_epoch(results, &model, 1);
}

/* The paper's networks, trained or not, then the other networks that are trained. */
static size_t list_models(const csv *results, const char *models[SUMMARY_MODELS])
{
    const char *trained[SUMMARY_MODELS];
    size_t count = 0, ntrained = summary_models(results, trained);
    for (; paper_model(count); count++) models[count] = paper_model(count);
    for (size_t i = 0; i < ntrained && count < SUMMARY_MODELS; i++)
        if (!strcmp(paper_error(trained[i]), "-")) models[count++] = trained[i];
    return count;
}

static double hours_of(const csv *results, const char *model)
{
    double seconds = 0;
    for (size_t row = 0; row < csv_rows(results); row++)
        if (!strcmp(csv_text(results, row, "model"), model)) seconds += csv_number(results, row, "seconds");
    return seconds / 3600;
}

static void put_row(const csv *results, const char *model, table *rows)
{
    char text[48], size[16];
    int64_t last = last_epoch(results, model), row = summary_row(results, model, last);
    table_cell(rows, "%s", model);
    if (row < 0) {
        for (int i = 0; i < 7; i++) table_cell(rows, "%s", i == 3 ? paper_error(model) : "-");
        return;
    }
    spread error = summary_at(results, model, last, "test_error");
    double bytes = csv_number(results, (size_t)row, "bytes");
    table_cell(rows, "%lld of %s", (long long)last, csv_text(results, (size_t)row, "epochs"));
    table_cell(rows, "%zu", error.count);
    table_cell(rows, "%s", spread_text(&error, 100, text));
    table_cell(rows, "%s", paper_error(model));
    table_cell(rows, "%s", csv_text(results, (size_t)row, "parameters"));
    table_cell(rows, "%s", bytes > 0 ? human_bytes((unsigned long long)bytes, size) : "-");
    table_cell(rows, "%.2f", hours_of(results, model));
}

static void put_table(const csv *results, const char *const *models, size_t count, report *out)
{
    static const char *const headings[] = {
        "network",     ">epochs",           ">seeds", ">test error, %", ">paper's test error, %",
        ">parameters", ">memory of a step", ">hours"};
    table rows;
    table_begin(&rows, headings, 8);
    for (size_t i = 0; i < count; i++) put_row(results, models[i], &rows);
    report_table(out, &rows);
}

/* The error in % of a network of the paper's that has finished, and the paper's; false of others. */
static bool compare(const csv *results, const char *model, double errors[2])
{
    const int64_t last = last_epoch(results, model), row = summary_row(results, model, last);
    errors[1] = strtod(paper_error(model), NULL);
    if (row < 0 || !(errors[1] > 0) || csv_number(results, (size_t)row, "epochs") != (double)last) return false;
    errors[0] = 100 * summary_at(results, model, last, "test_error").mean;
    return true;
}

static void put_verdict(const csv *results, const char *const *models, size_t count, report *out)
{
    double errors[2];
    size_t finished = 0;
    FILE *file = report_verdict_begin(out);
    if (!file) return;
    for (size_t i = 0; i < count; i++) finished += compare(results, models[i], errors);
    fprintf(file, "%zu of the paper's networks %s finished.", finished, finished == 1 ? "is" : "are");
    for (size_t i = 0; i < count; i++)
        if (compare(results, models[i], errors))
            fprintf(file, " %s has a test error of %.2f %%, in the paper %.2f %% (%+.2f).", models[i], errors[0],
                    errors[1], errors[0] - errors[1]);
    report_verdict_end(out, "");
}

/* The top of the axis, in %. If all curves end low, it is low too, to show their ends apart; their beginnings are cut off. */
static double axis_end(const csv *results, const char *const *models, size_t count)
{
    static const double good = 30, all = 100;
    for (size_t i = 0; i < count; i++) {
        spread error = summary_at(results, models[i], last_epoch(results, models[i]), "test_error");
        if (100 * error.mean > good) return all;
    }
    return good;
}

static int draw(const csv *results, report *out)
{
    const char *models[SUMMARY_MODELS];
    size_t count = list_models(results, models);
    runs_describe(results, out);
    put_verdict(results, models, count, out);
    put_table(results, models, count, out);
    size_t trained = summary_models(results, models);
    run_curves curves = {"Test error", "curves", .y_most = axis_end(results, models, trained)};
    runs_put_curves(results, models, trained, &curves, out);
    return out->failed;
}

const study table6_study = {
    .name = "table6",
    .summary = "Table 6: the paper's residual networks for CIFAR-10, by the full recipe",
    .takes = STUDY_DATA | STUDY_TRAINS | STUDY_DEPTHS,
    .quick = {.depths = "8,14,20", .pictures = 2000, .epochs = 8, .batch = 32},
    .columns = runs_error_columns,
    .measure = measure,
    .draw = draw,
};
