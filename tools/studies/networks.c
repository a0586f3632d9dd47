/* networks.c - see networks.h. */
#include "networks.h"
#include "lib/progress.h"
#include "lib/say.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- Origin --------------------------------------------------------------------------------------------------------- */

void networks_put_origin(const study_network *one, csv *results)
{
    runs_put_note(one->origin, results);
    /* A run is looked at after its last epoch. */
    csv_put(results, "%s", *csv_text(one->origin, 0, "data") ? csv_text(one->origin, 0, "epochs") : "");
}

const char *networks_training(const csv *results, size_t row, char text[96])
{
    const char *recipe = csv_text(results, row, "recipe"), *epochs = csv_text(results, row, "epochs");
    bool whole = !strcmp(epochs, "0"); /* of a recipe that counts in steps */
    const char *length = whole ? csv_text(results, row, "steps") : epochs;
    *text = '\0';
    if (*recipe)
        snprintf(text, 96, "`%.20s`, %.12s %s%s, batch %.12s", recipe, length, whole ? "step" : "epoch",
                 strcmp(length, "1") ? "s" : "", csv_text(results, row, "batch"));
    return text;
}

void networks_describe(const csv *results, report *out)
{
    if (csv_rows(results) && *csv_text(results, 0, "data")) runs_describe(results, out);
}

/* Number `number` of a name. */
static int look(study_job *job, study_network *one, int64_t number, const csv *origin)
{
    char name[NETWORK_NAME];
    const int64_t limit = job->settings->limit;
    if (number > 1)
        snprintf(name, sizeof name, "%.40s (%lld)", csv_text(origin, 0, "model"), (long long)number);
    else
        snprintf(name, sizeof name, "%.40s", csv_text(origin, 0, "model"));
    one->name = name;
    one->origin = origin;
    one->pictures = (int64_t)shunt_dataset_count(one->data);
    if (limit && limit < one->pictures) one->pictures = limit;
    return job->study->look(job, one);
}

/* ---- Weight files --------------------------------------------------------------------------------------------------- */

typedef struct file_list {
    shunt_device *device;
    shunt_dataset *data;
    shunt_model *models[NETWORKS_MOST];
    size_t count;
} file_list;

/* Reads the note out of a file that Shunt has trained. */
static void note_file(const shunt_model *model, csv *note)
{
    const char *text = shunt_weights_metadata(shunt_model_weights(model), "recipe");
    shunt_recipe recipe;
    csv_begin(note, runs_note_columns);
    csv_put(note, "%s", shunt_model_name(model));
    if (!text || shunt_recipe_read(text, &recipe)) {
        while (note->ncells < note->ncolumns && !note->failed) csv_put(note, "%s", "");
        return;
    }
    csv_put(note, "%lld", (long long)recipe.seed);
    csv_put(note, "%s", ""); /* a file does not say data and device */
    csv_put(note, "%s", "");
    csv_put(note, "%s", recipe.name);
    csv_put(note, "%lld", (long long)recipe.batch);
    csv_put(note, "%lld", (long long)recipe.epochs);
    csv_put(note, "%lld", (long long)recipe.steps);
    csv_put(note, "%llu", (unsigned long long)shunt_graph_count(shunt_model_graph(model)).parameters);
    csv_put(note, "%s", "");
}

/* Counts networks of the same name, from 1. */
static int64_t number_of(const file_list *self, size_t at)
{
    int64_t number = 1;
    for (size_t i = 0; i < at; i++)
        number += !strcmp(shunt_model_name(self->models[i]), shunt_model_name(self->models[at]));
    return number;
}

static int open_files(const study_job *job, file_list *self)
{
    const study_settings *settings = job->settings;
    int status = EXIT_OK;
    if (!settings->data) return say_usage("no data; name a set with --data cifar10:DIR");
    if (!job->files[0])
        return say_usage(
            "no networks; name weight files behind %s, as FILE or MODEL=FILE, or what to train with --models",
            job->study->name);
    for (char **file = job->files; status == EXIT_OK && *file; file++) {
        if (self->count == NETWORKS_MOST) return say_usage("more than %d networks", NETWORKS_MOST);
        status = model_from_operand(&(model_settings){0}, *file, &self->models[self->count]);
        if (status == EXIT_OK) self->count++;
    }
    if (status) return status;
    if (shunt_dataset_open(settings->data, NULL, &self->data)) return say_library_failure(NULL);
    return device_from_settings(&settings->device, &self->device);
}

static int look_at_file(study_job *job, const file_list *list, size_t at)
{
    const shunt_model *model = list->models[at];
    csv origin;
    study_network one = {
        .model = model, .weights = shunt_model_weights(model), .device = list->device, .data = list->data};
    note_file(model, &origin);
    int status = origin.failed ? say_failure("no memory") : look(job, &one, number_of(list, at), &origin);
    csv_end(&origin);
    return status ? status : study_update(job);
}

static int look_at_files(study_job *job)
{
    file_list list = {.count = 0};
    int status = open_files(job, &list);
    for (size_t i = 0; status == EXIT_OK && i < list.count; i++) status = look_at_file(job, &list, i);
    for (size_t i = 0; i < list.count; i++) shunt_model_destroy(list.models[i]);
    shunt_dataset_close(list.data);
    shunt_device_close(list.device);
    return status;
}

/* ---- Trained on the spot -------------------------------------------------------------------------------------------- */

static const char *look_path(const char *folder, char path[4096 + 16])
{
    snprintf(path, 4096 + 16, "%s/look.csv", folder);
    return path;
}

static int collect(const char *folder, csv *results)
{
    char path[4096 + 16];
    csv found;
    if (access(look_path(folder, path), F_OK)) return EXIT_OK;
    int status = csv_read(&found, results->columns, path);
    if (status) return status;
    for (size_t i = 0; i < found.ncells; i++) csv_put(results, "%s", found.cells[i]);
    csv_end(&found);
    return EXIT_OK;
}

/* The rows behind the first `ncells` cells, as a file of the run's own. */
static int keep(const csv *results, size_t ncells, const char *path)
{
    csv rows;
    csv_begin(&rows, results->columns);
    for (size_t i = ncells; i < results->ncells; i++) csv_put(&rows, "%s", results->cells[i]);
    rows.failed |= results->failed;
    int status = csv_write(&rows, path);
    csv_end(&rows);
    return status;
}

/* Once for each run: how many pictures are looked at stands in the study's plan. */
static int look_at_run(const run_context *self, const run_parts *parts, const char *folder)
{
    char path[4096 + 16];
    const csv *results = &self->job->results;
    size_t before = results->ncells;
    study_network one = {.model = parts->model,
                         .weights = shunt_trainer_weights(parts->trainer),
                         .device = self->device,
                         .data = self->test};
    csv note;
    if (!access(look_path(folder, path), F_OK)) return EXIT_OK;
    int status = runs_read_note(folder, &note);
    if (status == EXIT_OK && !csv_rows(&note)) status = say_failure("%s/run.csv: it has no row", folder);
    if (status == EXIT_OK) status = look(self->job, &one, parts->recipe.seed, &note);
    if (status == EXIT_OK) status = keep(results, before, path);
    csv_end(&note);
    return status;
}

static int look_at_runs(study_job *job)
{
    run_list list = {.collect = collect, .end = look_at_run};
    int status = runs_parse_models(job->settings->models, &list);
    return status ? status : runs_train(job, &list);
}

int networks_measure(study_job *job)
{
    return job->settings->models ? look_at_runs(job) : look_at_files(job);
}

/* ---- Progress ------------------------------------------------------------------------------------------------------- */

static int64_t shown; /* of the network that is running */

void networks_progress_begin(const char *label, int64_t total)
{
    progress_begin(label, (uint64_t)total);
    shown = 0;
}

void networks_progress(void *context, int64_t done)
{
    (void)context;
    if (done < shown) shown = 0; /* the next network */
    progress_advance((uint64_t)(done - shown));
    shown = done;
}

void networks_progress_end(void)
{
    progress_end();
}
