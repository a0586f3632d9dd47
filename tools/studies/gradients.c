/* gradients.c - the size of each layer's gradient, at initialisation and during training: does it reach the first layers without
 * shortcuts, and with them? */
#include "lib/say.h"
#include "gradients.h"
#include "runs.h"
#include "study.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const columns[] = {RUNS_NOTE_COLUMNS, "epoch", "number", "layer", "norm", NULL};
/* gradients.csv is the trainer's, epochs from 1; initial.csv has the same for epoch 0. */
static const char *const logged[] = {"epoch", "parameter", "norm", NULL};

/* ---- Measuring -------------------------------------------------------------------------------------------------------- */

/* n pictures from all over the training set, as for a test. */
static int read_batch(const run_context *self, const run_parts *parts, size_t n, float *images, float *labels)
{
    const shunt_preprocess *preprocess = shunt_model_preprocess(parts->model);
    size_t count = shunt_dataset_count(self->data), size = 3 * (size_t)(preprocess->crop * preprocess->crop);
    for (size_t i = 0; i < n; i++) {
        shunt_image picture;
        int64_t label;
        if (shunt_dataset_get(self->data, i * count / n, &picture, &label)) return say_library_failure(NULL);
        shunt_status status = shunt_preprocess_apply(preprocess, &picture, images + i * size);
        shunt_image_free(&picture);
        if (status) return say_library_failure(NULL);
        labels[i] = (float)label;
    }
    return EXIT_OK;
}

static int write_norms(const shunt_gradient_norm *norms, size_t count, const char *path)
{
    csv rows;
    csv_begin(&rows, logged);
    for (size_t i = 0; i < count; i++) {
        csv_put(&rows, "0");
        csv_put(&rows, "%s", norms[i].parameter);
        csv_put(&rows, "%.6e", norms[i].norm);
    }
    int status = csv_write(&rows, path);
    csv_end(&rows);
    return status;
}

static int begin(const run_context *self, const run_parts *parts, const char *folder)
{
    char path[4096 + 16];
    const int64_t n = parts->recipe.batch, side = shunt_model_preprocess(parts->model)->crop;
    shunt_tensor images = {.desc = shunt_tensor_make(SHUNT_F32, 4, (const int64_t[]){n, 3, side, side})};
    shunt_gradient_norm *norms = NULL;
    size_t count;
    snprintf(path, sizeof path, "%s/initial.csv", folder);
    if (!access(path, F_OK)) return EXIT_OK;
    float *labels = calloc((size_t)n, sizeof *labels);
    images.data = calloc((size_t)n, 3 * sizeof(float) * (size_t)(side * side));
    int status =
        labels && images.data ? read_batch(self, parts, (size_t)n, images.data, labels) : say_failure("no memory");
    if (status == EXIT_OK && shunt_gradient_norms(shunt_model_graph(parts->model), shunt_model_weights(parts->model),
                                                  self->device, &images, labels, &norms, &count))
        status = say_library_failure(NULL);
    if (status == EXIT_OK) status = write_norms(norms, count, path);
    shunt_gradient_norms_free(norms);
    free(images.data);
    free(labels);
    return status;
}

/* "layer1.0.conv2" of "layer1.0.conv2.weight"; false if it is not a layer on the path from the picture to the classes. */
static bool layer_of(const char *parameter, char layer[64])
{
    const char *end = strstr(parameter, ".weight"), *last = parameter;
    if (!end || end[7] || end - parameter >= 64) return false;
    snprintf(layer, 64, "%.*s", (int)(end - parameter), parameter);
    for (const char *dot; (dot = strchr(last, '.')) && dot < end;) last = dot + 1;
    return !strncmp(last, "conv", 4) || !strcmp(layer, "fc");
}

/* The rows of FOLDER/name; none while the file does not exist yet. */
static int collect_file(const char *folder, const char *name, const csv *run, csv *results)
{
    char path[4096 + 16], layer[64];
    csv from;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    if (access(path, F_OK)) return EXIT_OK;
    int status = csv_read(&from, logged, path);
    if (status) return status;
    int number = 0;
    for (size_t row = 0; row < csv_rows(&from); row++) {
        const char *epoch = csv_text(&from, row, "epoch");
        if (row && strcmp(epoch, csv_text(&from, row - 1, "epoch"))) number = 0;
        if (!layer_of(csv_text(&from, row, "parameter"), layer)) continue;
        runs_put_note(run, results);
        csv_put(results, "%s", epoch);
        csv_put(results, "%d", ++number);
        csv_put(results, "%s", layer);
        csv_put(results, "%s", csv_text(&from, row, "norm"));
    }
    csv_end(&from);
    return EXIT_OK;
}

static int collect(const char *folder, csv *results)
{
    csv run;
    int status = runs_read_note(folder, &run);
    if (status == EXIT_OK && csv_rows(&run)) {
        status = collect_file(folder, "initial.csv", &run, results);
        if (status == EXIT_OK) status = collect_file(folder, "gradients.csv", &run, results);
    }
    csv_end(&run);
    return status;
}

static int measure(study_job *job)
{
    run_list list = {.collect = collect, .begin = begin, .log_gradients = true};
    const char *models = job->settings->models;
    int status = runs_parse_models(models ? models : "cifar-plain18,cifar-resnet18,plain56,resnet56", &list);
    return status ? status : runs_train(job, &list);
}

const study gradients_study = {
    .name = "gradients",
    .summary =
        "Gradients: how large each layer's gradient is, at the start and during training, without and with shortcuts",
    .takes = STUDY_DATA | STUDY_TRAINS | STUDY_MODELS,
    .quick = {.models = "plain20,resnet20,plain56,resnet56", .pictures = 1000, .epochs = 2, .batch = 50},
    .columns = columns,
    .measure = measure,
    .draw = gradients_draw,
};
