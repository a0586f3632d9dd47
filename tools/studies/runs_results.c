/* runs_results.c - reads what training runs left in their folders into rows, and says in words how they were trained. */
#include "lib/say.h"
#include "paper.h"
#include "runs.h"
#include "summary.h"
#include <math.h>
#include <shunt/shunt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *const runs_note_columns[] = {RUNS_NOTE_COLUMNS, NULL};
/* The columns of log.csv, which the trainer writes. What it calls validation is called test in the results. */
static const char *const logged[] = {
    "epoch", "step", "training_loss", "training_error", "validation_loss", "validation_error", "seconds", NULL};
const char *const runs_error_columns[] = {RUNS_NOTE_COLUMNS, RUNS_LOG_COLUMNS, NULL};

/* ---- One run ---------------------------------------------------------------------------------------------------------- */

int runs_note(const run_context *self, const run_parts *parts, const char *name, const char *folder)
{
    char path[4096 + 16];
    uint64_t bytes;
    csv note;
    if (shunt_trainer_memory(parts->trainer, &bytes)) return say_library_failure(NULL);
    snprintf(path, sizeof path, "%s/run.csv", folder);
    const char *data = self->job->settings->data;
    csv_begin(&note, runs_note_columns);
    csv_put(&note, "%s", name);
    csv_put(&note, "%lld", (long long)parts->recipe.seed);
    csv_put(&note, "%.*s", (int)strcspn(data, ":"), data);
    csv_put(&note, "%s", shunt_device_describe(self->device)->info->name);
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

int runs_read_note(const char *folder, csv *note)
{
    char path[4096 + 16];
    snprintf(path, sizeof path, "%s/run.csv", folder);
    csv_begin(note, runs_note_columns);
    return access(path, F_OK) ? EXIT_OK : csv_read(note, runs_note_columns, path);
}

void runs_put_note(const csv *note, csv *results)
{
    for (size_t c = 0; runs_note_columns[c]; c++) csv_put(results, "%s", csv_text(note, 0, runs_note_columns[c]));
}

int runs_collect_errors(const char *folder, csv *results)
{
    static const char *const none[] = {NULL};
    return runs_collect_more(folder, NULL, none, results);
}

int runs_collect_more(const char *folder, const char *file, const char *const *columns, csv *results)
{
    char path[4096 + 32];
    csv log = {0}, more = {0}, note;
    int status = runs_read_note(folder, &note);
    const bool begun = status == EXIT_OK && csv_rows(&note);
    snprintf(path, sizeof path, "%s/log.csv", folder);
    if (begun && !access(path, F_OK)) status = csv_read(&log, logged, path);
    if (file) snprintf(path, sizeof path, "%s/%s", folder, file);
    if (begun && file && status == EXIT_OK) status = csv_read(&more, columns, path);
    for (size_t row = 0; status == EXIT_OK && row < csv_rows(&log); row++) {
        runs_put_note(&note, results);
        for (size_t c = 0; columns[c]; c++) csv_put(results, "%s", csv_text(&more, 0, columns[c]));
        for (size_t c = 0; logged[c]; c++) csv_put(results, "%s", csv_text(&log, row, logged[c]));
    }
    csv_end(&log);
    csv_end(&more);
    csv_end(&note);
    return status;
}

/* ---- In words --------------------------------------------------------------------------------------------------------- */

/* The first of a run's rows, or with nkeys 3 of its rows at an epoch: they lie one behind the other. */
static bool is_first(const csv *results, size_t row, int nkeys)
{
    static const char *const key[] = {"model", "seed", "epoch"};
    for (int k = 0; row && k < nkeys; k++)
        if (strcmp(csv_text(results, row, key[k]), csv_text(results, row - 1, key[k]))) return true;
    return !row;
}

/* Runs that have finished their last epoch. */
static size_t count_finished(const csv *results)
{
    size_t finished = 0;
    for (size_t row = 0; row < csv_rows(results); row++)
        finished +=
            is_first(results, row, 3) && csv_number(results, row, "epoch") == csv_number(results, row, "epochs");
    return finished;
}

static size_t count_begun(const csv *results)
{
    size_t begun = 0;
    for (size_t row = 0; row < csv_rows(results); row++) begun += is_first(results, row, 2);
    return begun;
}

bool runs_are_finished(const csv *results)
{
    return count_finished(results) == count_begun(results);
}

/* "the device CPU", or where rows come from several "the devices CPU and GPU". */
static void list_devices(const csv *results, char *text, size_t room)
{
    size_t first[8] = {0}, count = 1;
    for (size_t row = 1; row < csv_rows(results) && count < sizeof first / sizeof *first; row++) {
        size_t k = 0;
        while (k < count && strcmp(csv_text(results, row, "device"), csv_text(results, first[k], "device"))) k++;
        if (k == count) first[count++] = row;
    }
    snprintf(text, room, "the device%s %s", count > 1 ? "s" : "", csv_text(results, first[0], "device"));
    for (size_t k = 1; k < count; k++) {
        const size_t used = strlen(text);
        snprintf(text + used, room - used, " and %s", csv_text(results, first[k], "device"));
    }
}

void runs_describe(const csv *results, report *out)
{
    char devices[1024];
    if (!csv_rows(results)) {
        report_paragraph(out, "No run has finished its first epoch yet.");
        return;
    }
    double epochs = csv_number(results, 0, "epochs"), steps = csv_number(results, 0, "steps"),
           batch = csv_number(results, 0, "batch");
    list_devices(results, devices, sizeof devices);
    double share = 100 * steps * batch / ((double)PAPER_STEPS * PAPER_BATCH);
    char pictures[64] = "All";
    if (out->quick) snprintf(pictures, sizeof pictures, "%.0f of the", steps * batch / epochs);
    report_paragraph(
        out,
        "The networks were trained on %s, with %s and the recipe `%s`, for %.0f epoch%s: %.0f steps of %.0f "
        "pictures. The paper trained its networks for CIFAR-10 for %d steps of %d pictures. This budget is %.3g %% of "
        "that%s. %zu of the %zu started runs are finished. %s training pictures are used. The test error is measured "
        "after each epoch, and no choice depends on it.",
        csv_text(results, 0, "data"), devices, csv_text(results, 0, "recipe"), epochs, epochs > 1 ? "s" : "", steps,
        batch, PAPER_STEPS, PAPER_BATCH, share, share < 99 ? ", so expect higher errors than the paper's" : "",
        count_finished(results), count_begun(results), pictures);
}

/* ---- In pictures ------------------------------------------------------------------------------------------------------ */

void runs_put_curves(const csv *results, const char *const *models, size_t count, const run_curves *wanted, report *out)
{
    summary_curve curves[2 * SUMMARY_MODELS];
    plot_line lines[2 * SUMMARY_MODELS];
    char labels[2 * SUMMARY_MODELS][RUN_NAME + 16];
    size_t n = 0;
    for (size_t i = 0; i < count; i++)
        for (int training = 0; training <= wanted->training; training++, n++) {
            const summary_curve *curve = &curves[n];
            curves[n] = summary_curve_of(results, models[i], training ? "training_error" : "test_error", 100);
            snprintf(labels[n], sizeof labels[n], "%s%s", models[i],
                     !wanted->training ? ""
                     : training        ? ", training"
                                       : ", test");
            lines[n] = (plot_line){labels[n],       curve->x,           curve->mean,       curve->count,
                                   .color = (int)i, .dashed = training, .low = curve->low, .high = curve->high};
        }
    plot made = {.title = wanted->title,
                 .x_title = "epoch",
                 .y_title = wanted->training ? "error, % (dashed: training; solid: test; bands: all seeds)"
                                             : "error, % (bands: all seeds)",
                 .lines = lines,
                 .nlines = n,
                 .y_most = wanted->y_most,
                 .y_fit = wanted->y_fit,
                 .y_hold = {wanted->y_hold[0], wanted->y_hold[1]},
                 .bars_title = "error after epoch 1, % (thin lines: all seeds)"};
    if (n) report_picture(out, &made, wanted->name);
    for (size_t i = 0; i < n; i++) free(curves[i].x);
}
