/* compare.c - see compare.h. */
#include "compare.h"
#include "summary.h"
#include <string.h>

/* Of a model less its twin, at the last epoch that both have come to. */
static spread difference(const csv *results, const comparison *wanted, const char *model)
{
    char name[RUN_NAME];
    const char *both[] = {wanted->twin(model, name), model};
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

static bool has_twin(const comparison *wanted, const char *model)
{
    char name[RUN_NAME];
    return strcmp(wanted->twin(model, name), model) != 0;
}

static void put_table(const csv *results, const comparison *wanted, const char *const *models, size_t count,
                      report *out)
{
    char against[64], text[128], size[16];
    const char *const headings[] = {wanted->heading,  ">epochs", ">seeds",
                                    ">test error, %", against,   ">memory of a step"};
    table rows;
    snprintf(against, sizeof against, "difference to %s, seed by seed", wanted->reference);
    table_begin(&rows, headings, 6);
    for (size_t i = 0; i < count; i++) {
        const int64_t epoch = summary_epoch(results, &models[i], 1), row = summary_row(results, models[i], epoch);
        const spread error = summary_at(results, models[i], epoch, "test_error");
        const spread change = difference(results, wanted, models[i]);
        const double bytes = row < 0 ? 0 : csv_number(results, (size_t)row, "bytes");
        table_cell(&rows, "%s", models[i]);
        table_cell(&rows, "%lld", (long long)epoch);
        table_cell(&rows, "%zu", error.count);
        table_cell(&rows, "%s", spread_text(&error, 100, text));
        table_cell(&rows, "%s", has_twin(wanted, models[i]) ? difference_text(&change, text) : "-");
        table_cell(&rows, "%s", bytes > 0 ? human_bytes((unsigned long long)bytes, size) : "-");
    }
    report_table(out, &rows);
}

static void put_verdict(const csv *results, const comparison *wanted, const char *const *models, size_t count,
                        report *out)
{
    char words[128];
    FILE *file = report_verdict_begin(out);
    for (size_t i = 0; file && i < count; i++) {
        const spread change = difference(results, wanted, models[i]);
        if (!has_twin(wanted, models[i]) || !change.count) continue;
        if (!ftell(file))
            fprintf(file, "%s%s should be at most %g points on average.",
                    runs_are_finished(results) ? "" : "So far (some runs are not finished): ", wanted->subject,
                    wanted->most_points);
        fprintf(file, " %s: %s, which is %s.", models[i], difference_text(&change, words),
                100 * change.mean <= wanted->most_points ? "within the goal" : "above the goal");
    }
    if (file) report_verdict_end(out, wanted->none);
}

int comparison_draw(const csv *results, const comparison *wanted, report *out)
{
    const char *models[SUMMARY_MODELS];
    const size_t count = summary_models(results, models);
    const run_curves curves = {"Test error", "curves", .y_most = 100, .y_fit = true};
    runs_describe(results, out);
    put_verdict(results, wanted, models, count, out);
    put_table(results, wanted, models, count, out);
    runs_put_curves(results, models, count, &curves, out);
    return out->failed;
}
