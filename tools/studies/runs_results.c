/* runs_results.c - what training runs left in their folders, as rows; and in words how they were trained. */
#include "../say.h"
#include "paper.h"
#include "runs.h"
#include "summary.h"
#include <math.h>
#include <shunt/graph.h>
#include <string.h>
#include <unistd.h>

const char *const runs_error_columns[] = {
    "model", "seed",  "data", "device",        "recipe",         "batch",     "epochs",     "steps",   "parameters",
    "bytes", "epoch", "step", "training_loss", "training_error", "test_loss", "test_error", "seconds", NULL};

/* run.csv: the first of them that do not change from epoch to epoch; log.csv: the trainer's own. */
static const char *const noted[] = {"data",  "device",     "recipe", "batch", "epochs",
                                    "steps", "parameters", "bytes",  NULL};
static const char *const logged[] = {
    "epoch", "step", "training_loss", "training_error", "validation_loss", "validation_error", "seconds", NULL};

int runs_note(const run_context *self, const run_parts *parts, const char *folder)
{
    char path[4096 + 16];
    uint64_t bytes;
    csv note;
    if (shunt_trainer_memory(parts->trainer, &bytes)) return say_library_failure(NULL);
    snprintf(path, sizeof path, "%s/run.csv", folder);
    const char *data = self->job->settings->data;
    csv_begin(&note, noted);
    csv_put(&note, "%.*s", (int)strcspn(data, ":"), data);
    csv_put(&note, "%s", shunt_device_describe(self->device)->info.name);
    csv_put(&note, "%s", parts->recipe.name);
    csv_put(&note, "%lld", (long long)parts->recipe.batch);
    csv_put(&note, "%lld", (long long)shunt_trainer_epochs(parts->trainer));
    csv_put(&note, "%lld", (long long)shunt_trainer_steps(parts->trainer));
    csv_put(&note, "%llu", (unsigned long long)shunt_graph_count(shunt_model_graph(parts->model)).parameters);
    csv_put(&note, "%llu", (unsigned long long)bytes);
    int status = csv_write(&note, path);
    csv_end(&note);
    return status;
}

int runs_collect_errors(const char *folder, const char *model, int64_t seed, csv *results)
{
    char log_path[4096 + 16], note_path[4096 + 16];
    csv log, note;
    snprintf(log_path, sizeof log_path, "%s/log.csv", folder);
    snprintf(note_path, sizeof note_path, "%s/run.csv", folder);
    if (access(log_path, F_OK)) return EXIT_OK;
    int status = csv_read(&note, noted, note_path);
    if (status) return status;
    status = csv_rows(&note) ? csv_read(&log, logged, log_path) : say_failure("%s: it has no row", note_path);
    for (size_t row = 0; status == EXIT_OK && row < csv_rows(&log); row++) {
        csv_put(results, "%s", model);
        csv_put(results, "%lld", (long long)seed);
        for (size_t c = 0; noted[c]; c++) csv_put(results, "%s", csv_text(&note, 0, noted[c]));
        for (size_t c = 0; logged[c]; c++) csv_put(results, "%s", csv_text(&log, row, logged[c]));
    }
    if (status == EXIT_OK) csv_end(&log);
    csv_end(&note);
    return status;
}

/* Runs that came to their last epoch. */
static size_t count_finished(const csv *results)
{
    size_t finished = 0;
    for (size_t row = 0; row < csv_rows(results); row++)
        finished += csv_number(results, row, "epoch") == csv_number(results, row, "epochs");
    return finished;
}

static size_t count_begun(const csv *results)
{
    size_t begun = 0;
    for (size_t row = 0; row < csv_rows(results); row++) begun += csv_number(results, row, "epoch") == 1;
    return begun;
}

void runs_describe(const csv *results, report *out)
{
    if (!csv_rows(results)) {
        report_paragraph(out, "No run has come to the end of its first epoch yet.");
        return;
    }
    double steps = csv_number(results, 0, "steps"), batch = csv_number(results, 0, "batch");
    double share = 100 * steps * batch / ((double)PAPER_STEPS * PAPER_BATCH);
    report_paragraph(
        out,
        "Trained here on %s, with the device %s and the recipe `%s`: %.0f epochs, which are %.0f steps of %.0f "
        "pictures. The paper's networks for CIFAR-10 had %d steps of %d: this budget is %.3g %% of that%s. %zu of "
        "%zu runs are finished. All training pictures are trained on; the test pictures are looked at after each "
        "epoch, by the network as it is then, and nothing is chosen by what they say.",
        csv_text(results, 0, "data"), csv_text(results, 0, "device"), csv_text(results, 0, "recipe"),
        csv_number(results, 0, "epochs"), steps, batch, PAPER_STEPS, PAPER_BATCH, share,
        share < 99 ? ", so errors are higher than they would become" : "", count_finished(results),
        count_begun(results));
}
