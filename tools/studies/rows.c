/* rows.c - see rows.h. */
#include "rows.h"
#include "lib/say.h"
#include "runtime/shared/folders.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Behind the study's own columns, filled in the first row alone. From the third on they must be the same here, as must `model`, `seed` and
 * `data`. draw: --seed. all_of_recipe: shunt_recipe_text. */
static const char *const facts[] = {"rows",  "version",      "training_pictures", "test_pictures", "classes",
                                    "limit", "removed_most", "repeats",           "draw",          "all_of_recipe",
                                    NULL};
enum { NFACTS = sizeof facts / sizeof *facts - 1, TOLD_ONLY = 2, MOST_COLUMNS = 64 };

static const char *path_of(const run_context *self, const char *name, int64_t seed, char path[4096])
{
    snprintf(path, 4096, "%s/rows/%s-s%lld.csv", self->job->settings->out, name, (long long)seed);
    return path;
}

/* The study's columns and those of the facts. */
static void list_columns(const run_context *self, const char *columns[MOST_COLUMNS])
{
    size_t count = 0;
    for (const char *const *c = self->job->study->columns; *c; c++) columns[count++] = *c;
    for (size_t i = 0; i <= NFACTS; i++) columns[count++] = facts[i];
}

/* ---- What decides a result ------------------------------------------------------------------------------------------------ */

/* The recipe as it was asked for, in the precision that a trainer then takes: a device that cannot is an error there. */
static int settle_recipe(const run_parts *parts, shunt_recipe *recipe)
{
    const char *option = shunt_option("precision");
    *recipe = parts->recipe;
    const bool given = recipe->precision == SHUNT_RECIPE_DEFAULT && option && *option && strcmp(option, "fast") != 0;
    if (given && shunt_recipe_set(recipe, "precision", option)) return say_library_failure(NULL);
    if (recipe->precision == SHUNT_RECIPE_DEFAULT || recipe->precision == SHUNT_RECIPE_FAST)
        recipe->precision = SHUNT_RECIPE_F32;
    return EXIT_OK;
}

/* Appends the facts of a run with so many rows. */
static int put_facts(const run_context *self, const run_parts *parts, size_t nrows, csv *out)
{
    const study_settings *settings = self->job->settings;
    shunt_recipe recipe;
    int status = settle_recipe(parts, &recipe);
    if (status) return status;
    char *text = shunt_recipe_text(&recipe);
    if (!text) return say_failure("no memory");
    csv_put(out, "%zu", nrows);
    csv_put(out, "%s", shunt_version());
    csv_put(out, "%zu", shunt_dataset_count(self->data));
    csv_put(out, "%zu", shunt_dataset_count(self->test));
    csv_put(out, "%zu", shunt_dataset_classes(self->data));
    csv_put(out, "%lld", (long long)settings->limit);
    csv_put(out, "%lld", (long long)settings->remove);
    csv_put(out, "%lld", (long long)settings->repeats);
    csv_put(out, "%lld", (long long)settings->seed);
    csv_put(out, "%s", text);
    free(text);
    return EXIT_OK;
}

/* ---- Keeping ---------------------------------------------------------------------------------------------------------------- */

static int make_folder(const char *file)
{
    char folder[4096];
    size_t length;
    snprintf(folder, sizeof folder, "%.*s", (int)(strrchr(file, '/') - file), file);
    int error = make_folders(folder, 0777, &length);
    return error ? say_failure("%s: cannot be made: %s", folder, strerror(error)) : EXIT_OK;
}

static int write_rows(const run_context *self, const run_parts *parts, const csv *found, const char *path)
{
    const char *columns[MOST_COLUMNS];
    csv out;
    list_columns(self, columns);
    csv_begin(&out, columns);
    int status = found->failed ? say_failure("no memory") : make_folder(path);
    for (size_t row = 0; status == EXIT_OK && row < csv_rows(found); row++) {
        for (size_t c = 0; c < found->ncolumns; c++) csv_put(&out, "%s", found->cells[row * found->ncolumns + c]);
        for (int i = 0; row && i < NFACTS; i++) csv_put(&out, "%s", "");
        if (!row) status = put_facts(self, parts, csv_rows(found), &out);
    }
    if (status == EXIT_OK) status = csv_write(&out, path);
    csv_end(&out);
    return status;
}

int rows_keep(const run_context *self, const run_parts *parts, const char *name, int64_t seed)
{
    char path[4096], folder[4096];
    csv found;
    if (!access(path_of(self, name, seed, path), F_OK)) return EXIT_OK;
    csv_begin(&found, self->job->study->columns);
    int status = self->list->collect(run_folder(self, name, seed, folder), &found);
    if (status == EXIT_OK && csv_rows(&found)) status = write_rows(self, parts, &found, path);
    csv_end(&found);
    return status;
}

/* ---- Taking ------------------------------------------------------------------------------------------------------------------ */

typedef struct comparison {
    const csv *theirs;
    char text[1024]; /* what differs */
} comparison;

static void compare(comparison *self, const char *column, const char *ours)
{
    const char *theirs = csv_text(self->theirs, 0, column);
    size_t used = strlen(self->text);
    if (strcmp(theirs, ours))
        snprintf(self->text + used, sizeof self->text - used, "%s%s is '%s' there, '%s' here", used ? "; " : "", column,
                 theirs, ours);
}

/* The library names the fields that differ. */
static int compare_recipes(comparison *self, const run_parts *parts)
{
    shunt_recipe ours, theirs;
    int status = settle_recipe(parts, &ours);
    size_t used = strlen(self->text);
    if (status == EXIT_OK &&
        (shunt_recipe_read(csv_text(self->theirs, 0, "all_of_recipe"), &theirs) || shunt_recipe_same(&ours, &theirs)))
        snprintf(self->text + used, sizeof self->text - used, "%sin its recipe %s", used ? "; " : "",
                 shunt_last_error());
    return status;
}

static int compare_runs(comparison *self, const run_context *run, const run_parts *parts, const char *name)
{
    char text[32];
    csv ours;
    const char *data = run->job->settings->data;
    csv_begin(&ours, facts);
    int status = put_facts(run, parts, csv_rows(self->theirs), &ours);
    if (status == EXIT_OK && ours.failed) status = say_failure("no memory");
    if (status == EXIT_OK) {
        compare(self, "model", name);
        snprintf(text, sizeof text, "%lld", (long long)parts->recipe.seed);
        compare(self, "seed", text);
        snprintf(text, sizeof text, "%.*s", (int)strcspn(data, ":"), data);
        compare(self, "data", text);
        compare(self, "rows", csv_text(&ours, 0, "rows"));
        for (int i = TOLD_ONLY; i < NFACTS - 1; i++) compare(self, facts[i], csv_text(&ours, 0, facts[i]));
        status = compare_recipes(self, parts);
    }
    csv_end(&ours);
    return status;
}

static void warn(const char *path, const char *name, int64_t seed, const char *why)
{
    char text[4096 + 1024 + 256];
    snprintf(
        text, sizeof text,
        "%s: not taken: %s. %s, seed %lld, is trained here; its rows are written once this file has been moved away",
        path, why, name, (long long)seed);
    say_warning(text);
}

/* The study's columns of theirs; those of results.csv are the first ones. */
static void copy(const csv *theirs, csv *rows)
{
    for (size_t row = 0; row < csv_rows(theirs); row++)
        for (size_t c = 0; c < rows->ncolumns; c++) csv_put(rows, "%s", theirs->cells[row * theirs->ncolumns + c]);
}

static int take(const run_context *self, const char *name, int64_t seed, const csv *theirs, const char *path, csv *rows)
{
    run_parts parts;
    comparison found = {.theirs = theirs};
    int status = run_prepare_like(self, name, seed, theirs, &parts);
    if (status == EXIT_OK) status = compare_runs(&found, self, &parts, name);
    run_end(&parts);
    if (status == EXIT_OK && *found.text)
        warn(path, name, seed, found.text);
    else if (status == EXIT_OK)
        copy(theirs, rows);
    return status == EXIT_OK && rows->failed ? say_failure("no memory") : status;
}

int rows_take(const run_context *self, const char *name, int64_t seed, csv *rows)
{
    char path[4096];
    const char *columns[MOST_COLUMNS];
    csv theirs;
    csv_begin(rows, self->job->study->columns);
    if (access(path_of(self, name, seed, path), F_OK)) return EXIT_OK;
    list_columns(self, columns);
    int status = csv_read(&theirs, columns, path);
    if (status) return status;
    if (!csv_rows(&theirs))
        warn(path, name, seed, "it has no row");
    else
        status = take(self, name, seed, &theirs, path, rows);
    csv_end(&theirs);
    return status;
}
