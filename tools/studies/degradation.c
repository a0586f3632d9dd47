/* degradation.c - plain and residual networks of several depths: does the deeper plain one have the higher training error?
 * He et al. 2015, section 4.2 and figure 6. */
#include "names.h"
#include "paper.h"
#include "runs.h"
#include "study.h"
#include "summary.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const families[] = {"plain", "resnet"};
enum { FAMILIES = 2 };

static int measure(study_job *job)
{
    int64_t depths[RUNS_MOST];
    size_t count;
    run_list list = {.collect = runs_collect_errors};
    int status = runs_parse_depths(job->settings->depths ? job->settings->depths : "20,32,44,56", depths, &count);
    for (size_t i = 0; status == EXIT_OK && i < count; i++)
        for (int f = 0; status == EXIT_OK && f < FAMILIES; f++)
            status = runs_add(&list, "%s%lld", families[f], (long long)depths[i]);
    return status ? status : runs_train(job, &list);
}

/* ---- The report ------------------------------------------------------------------------------------------------------- */

/* What the results have, by family, the shallowest network first. */
typedef struct findings {
    const csv *results;
    const char *models[FAMILIES][SUMMARY_MODELS];
    size_t count[FAMILIES];
    int64_t epoch; /* the last one that all networks have finished */
} findings;

static int by_depth(const void *a, const void *b)
{
    long x = network_depth(*(const char *const *)a), y = network_depth(*(const char *const *)b);
    return x < y ? -1 : x > y;
}

static void find(const csv *results, findings *found)
{
    const char *models[SUMMARY_MODELS];
    size_t count = summary_models(results, models);
    *found = (findings){.results = results, .epoch = summary_epoch(results, models, count)};
    for (size_t i = 0; i < count; i++) {
        int f = network_is_plain(models[i]) ? 0 : 1;
        found->models[f][found->count[f]++] = models[i];
    }
    for (int f = 0; f < FAMILIES; f++) qsort(found->models[f], found->count[f], sizeof(char *), by_depth);
}

static void put_table(const findings *found, report *out)
{
    static const char *const headings[] = {
        "network", ">seeds", ">training error, %", ">test error, %", ">paper's test error, %", ">parameters"};
    table rows;
    char text[48];
    table_begin(&rows, headings, 6);
    for (int f = 0; f < FAMILIES; f++)
        for (size_t i = 0; i < found->count[f]; i++) {
            const char *model = found->models[f][i];
            spread training = summary_at(found->results, model, found->epoch, "training_error");
            spread test = summary_at(found->results, model, found->epoch, "test_error");
            int64_t row = summary_row(found->results, model, found->epoch);
            table_cell(&rows, "%s", model);
            table_cell(&rows, "%zu", training.count);
            table_cell(&rows, "%s", spread_text(&training, 100, text));
            table_cell(&rows, "%s", spread_text(&test, 100, text));
            table_cell(&rows, "%s", paper_error(model));
            table_cell(&rows, "%s", row < 0 ? "-" : csv_text(found->results, (size_t)row, "parameters"));
        }
    report_table(out, &rows);
}

/* The training error of a family's deepest network minus that of its shallowest. */
static spread growth(const findings *found, int f)
{
    size_t count = found->count[f];
    if (count < 2) return (spread){0};
    return summary_difference(found->results, found->models[f][0], found->models[f][count - 1], found->epoch,
                              "training_error");
}

static const char *outcome(const spread *plain, const spread *residual)
{
    if (plain->low <= 0)
        return plain->mean > 0
                   ? "Not clearly: the deeper plain network has the higher training error on average, but not with "
                     "every seed. The budget or the number of seeds was too small to show the effect."
                   : "No: the deeper plain network does not have the higher training error. The effect was not seen. "
                     "The budget may be too small to show it.";
    if (residual->high <= 0)
        return "Yes: the deeper plain network has the higher training error with every seed. The deeper residual "
               "network does not, with any seed.";
    if (residual->mean <= 0)
        return "Yes: the deeper plain network has the higher training error with every seed. The deeper residual "
               "network does not on average, but it does with some seeds.";
    if (residual->mean < plain->mean)
        return "Partly: the deeper plain network has the higher training error with every seed. The deeper residual "
               "network has it too on average, but by less. The budget was too small for the deeper residual network "
               "to become the better one.";
    return "No: depth raises the training error of the residual network at least as much as that of the plain one. The "
           "budget was too small to show the effect.";
}

/* "by +22.00 points (1 seed) from plain20 to plain56" */
static void describe_growth(const findings *found, int f, const spread *change, char text[256])
{
    char words[64];
    snprintf(text, 256, "by %s from %s to %s", change_text(change, words), found->models[f][0],
             found->models[f][found->count[f] - 1]);
}

static void put_verdict(const findings *found, report *out)
{
    char plainly[256], residually[256];
    spread plain = growth(found, 0), residual = growth(found, 1);
    if (!plain.count || !residual.count) {
        report_verdict(
            out, "None yet: a comparison needs plain and residual networks of two depths that have finished an epoch.");
        return;
    }
    describe_growth(found, 0, &plain, plainly);
    describe_growth(found, 1, &residual, residually);
    report_verdict(
        out, "%s%s After epoch %lld, the training error changes %s, and %s.%s",
        runs_are_finished(found->results) ? "" : "So far (some runs are not finished): ", outcome(&plain, &residual),
        (long long)found->epoch, plainly, residually,
        plain.count < 2 || residual.count < 2 ? " One seed does not show how much this varies from seed to seed." : "");
}

/* Of all errors in per cent, so that both pictures have the same axis. */
static void find_range(const csv *results, double range[2])
{
    static const char *const columns[] = {"training_error", "test_error"};
    range[0] = INFINITY;
    range[1] = -INFINITY;
    for (size_t row = 0; row < csv_rows(results); row++)
        for (int k = 0; k < 2; k++) {
            range[0] = fmin(range[0], 100 * csv_number(results, row, columns[k]));
            range[1] = fmax(range[1], 100 * csv_number(results, row, columns[k]));
        }
}

static int draw(const csv *results, report *out)
{
    static const char *const titles[FAMILIES] = {"Plain networks", "Residual networks"};
    static const char *const names[FAMILIES] = {"plain", "residual"};
    findings found;
    find(results, &found);
    runs_describe(results, out);
    put_verdict(&found, out);
    put_table(&found, out);
    for (int f = 0; f < FAMILIES; f++) {
        run_curves curves = {titles[f], names[f], .y_most = 100, .y_fit = true, .training = true};
        find_range(results, curves.y_hold);
        runs_put_curves(results, found.models[f], found.count[f], &curves, out);
    }
    return out->failed;
}

const study degradation_study = {
    .name = "degradation",
    .summary = "Degradation: training and test errors of plain and residual networks of several depths",
    .takes = STUDY_DATA | STUDY_TRAINS | STUDY_DEPTHS,
    .quick = {.depths = "8,32", .pictures = 2000, .epochs = 8, .batch = 32},
    .columns = runs_error_columns,
    .measure = measure,
    .draw = draw,
};
