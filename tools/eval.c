/* eval.c - shunt eval: a model's error on a labelled data set, and its speed. */
#include "commands.h"
#include "output.h"
#include "progress.h"
#include "say.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct eval_settings {
    model_settings model;
    device_settings device;
    const char *data, *preset, *predictions;
    int64_t limit, batch;
    json_settings output;
} eval_settings;

#define FIELD(name) offsetof(eval_settings, name)

static const option_row rows[] = {
    {"data", OPTION_TEXT, FIELD(data), "KIND:DIR", "The labelled pictures: cifar10:DIR for CIFAR-10's binary version.",
     NULL, 0, 0},
    {"preset", OPTION_TEXT, FIELD(preset), "P",
     "How pictures are resized and normalised: imagenet, imagenet-v2 or cifar10. Without it: what the weight file or "
     "the model says.",
     NULL, 0, 0},
    {"limit", OPTION_COUNT, FIELD(limit), "N", "Take only the first N pictures.", NULL, 1, INT64_MAX},
    {"batch", OPTION_COUNT, FIELD(batch), "N", "Pictures in one run.", "100", 1, 65536},
    {"predictions", OPTION_TEXT, FIELD(predictions), "FILE",
     "Write a CSV file with each picture's index, label, predicted class and its probability.", NULL, 0, 0},
    {0}};

/* One evaluation under way. */
typedef struct evaluation {
    shunt_model *model;
    shunt_device *device;
    shunt_dataset *dataset;
    output predictions; /* file NULL: not asked for */
    int64_t side, classes, batch;
    size_t count;
    float *images, *logits;
    int64_t *labels;
    uint64_t wrong1, wrong5;
    double seconds; /* in the model alone, reading and resizing not counted */
} evaluation;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int load_batch(evaluation *self, size_t first, int64_t n)
{
    const shunt_preprocess *preprocess = shunt_model_preprocess(self->model);
    size_t plane = 3 * (size_t)self->side * (size_t)self->side;
    for (int64_t i = 0; i < n; i++) {
        shunt_image image = {0};
        shunt_status failed = shunt_dataset_get(self->dataset, first + (size_t)i, &image, &self->labels[i]);
        if (!failed) failed = shunt_preprocess_apply(preprocess, &image, self->images + (size_t)i * plane);
        shunt_image_free(&image);
        if (failed) return say_library_failure(NULL);
    }
    return EXIT_OK;
}

/* How many classes the network prefers to `label`: 0 when it is right. A logit that is not a number is no preference. */
static int64_t rank_of(const float *logits, int64_t classes, int64_t label)
{
    int64_t rank = 0;
    for (int64_t c = 0; c < classes; c++)
        if (logits[c] > logits[label] || (logits[c] == logits[label] && c < label)) rank++;
    return rank;
}

static double probability_of(const float *logits, int64_t classes, int64_t chosen)
{
    double sum = 0;
    for (int64_t c = 0; c < classes; c++) sum += exp((double)logits[c] - (double)logits[chosen]);
    return 1 / sum;
}

static int score_batch(evaluation *self, size_t first, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        const float *logits = self->logits + (size_t)i * (size_t)self->classes;
        int64_t best = 0, label = self->labels[i];
        for (int64_t c = 0; c < self->classes; c++) {
            if (!isfinite(logits[c]))
                return say_failure("picture %zu: the network's result is not a finite number; check the weights",
                                   first + (size_t)i);
            if (logits[c] > logits[best]) best = c;
        }
        int64_t rank = rank_of(logits, self->classes, label);
        self->wrong1 += rank >= 1;
        self->wrong5 += rank >= 5;
        if (self->predictions.file)
            fprintf(self->predictions.file, "%zu,%lld,%lld,%.6f\n", first + (size_t)i, (long long)label,
                    (long long)best, probability_of(logits, self->classes, best));
    }
    return EXIT_OK;
}

static int evaluate(evaluation *self)
{
    int status = EXIT_OK;
    progress_begin("evaluating", self->count);
    for (size_t first = 0; first < self->count && status == EXIT_OK;) {
        size_t left = self->count - first;
        int64_t n = left < (size_t)self->batch ? (int64_t)left : self->batch;
        status = load_batch(self, first, n);
        if (status) break;
        double start = now();
        if (shunt_model_run(self->model, self->device, n, self->side, self->side, self->images, self->logits)) {
            status = say_library_failure(NULL);
            break;
        }
        self->seconds += now() - start;
        status = score_batch(self, first, n);
        progress_advance((uint64_t)n);
        first += (size_t)n;
    }
    progress_end();
    return status;
}

static int set_up(const eval_settings *settings, evaluation *self)
{
    if (!settings->data) return say_usage("no data; name a set with --data cifar10:DIR");
    int status = model_from_settings(&settings->model, WEIGHTS_NEEDED, NULL, &self->model);
    if (status) return status;
    if (settings->preset) {
        shunt_preprocess preprocess;
        if (shunt_preprocess_preset(settings->preset, &preprocess)) return say_library_failure(NULL);
        shunt_model_set_preprocess(self->model, &preprocess);
    }
    if (shunt_dataset_open(settings->data, NULL, &self->dataset)) return say_library_failure(NULL);
    self->classes = shunt_model_classes(self->model);
    if ((int64_t)shunt_dataset_classes(self->dataset) != self->classes)
        return say_failure("%s has %zu classes and the model %lld; they must agree", settings->data,
                           shunt_dataset_classes(self->dataset), (long long)self->classes);
    status = device_from_settings(&settings->device, &self->device);
    if (status) return status;

    self->count = shunt_dataset_count(self->dataset);
    if (settings->limit && (size_t)settings->limit < self->count) self->count = (size_t)settings->limit;
    self->side = shunt_model_preprocess(self->model)->crop;
    self->batch = settings->batch;
    size_t plane = 3 * (size_t)self->side * (size_t)self->side;
    self->images = calloc((size_t)self->batch, plane * sizeof(float));
    self->logits = calloc((size_t)self->batch, (size_t)self->classes * sizeof(float));
    self->labels = calloc((size_t)self->batch, sizeof *self->labels);
    if (!self->images || !self->logits || !self->labels)
        return say_failure("no memory for %lld pictures at once; lower --batch", (long long)self->batch);
    if (!settings->predictions) return EXIT_OK;
    status = output_begin(&self->predictions, settings->predictions);
    if (status == EXIT_OK) fputs("index,label,predicted,probability\n", self->predictions.file);
    return status;
}

static int report(const evaluation *self, bool json)
{
    double n = (double)self->count, error1 = 100 * (double)self->wrong1 / n, error5 = 100 * (double)self->wrong5 / n;
    double speed = self->seconds > 0 ? n / self->seconds : 0;
    const char *device = shunt_device_describe(self->device)->selector;
    if (json)
        return print_json(json_pack("{s:s, s:s, s:I, s:I, s:f, s:f, s:f}", "model", shunt_model_name(self->model),
                                    "device", device, "images", (json_int_t)self->count, "wrong",
                                    (json_int_t)self->wrong1, "top1_error", error1, "top5_error", error5,
                                    "images_per_second", speed),
                          false);
    printf("%s on %s, %zu pictures\n", shunt_model_name(self->model), device, self->count);
    printf("top-1 error  %.2f %%  (%llu wrong)\ntop-5 error  %.2f %%\nspeed        %.0f images/s\n", error1,
           (unsigned long long)self->wrong1, error5, speed);
    return EXIT_OK;
}

static int run(const void *settings, int noperands, char **operands)
{
    const eval_settings *wanted = settings;
    evaluation self = {0};
    (void)noperands;
    (void)operands;
    int status = set_up(wanted, &self);
    if (status == EXIT_OK) status = evaluate(&self);
    int written = output_end(&self.predictions, status == EXIT_OK);
    if (status == EXIT_OK) status = written;
    if (status == EXIT_OK) status = report(&self, wanted->output.json);
    free(self.labels);
    free(self.logits);
    free(self.images);
    shunt_dataset_close(self.dataset);
    shunt_model_destroy(self.model);
    shunt_device_close(self.device);
    return status;
}

const command eval_command = {
    .name = "eval",
    .summary = "Measure a model's error on a labelled data set.",
    .text = "Prints the share of pictures whose label is not the best guess (top-1 error), or not among the five best "
            "(top-5 error), and the pictures a second that the model itself took.",
    .groups = {{model_rows, FIELD(model)}, {rows, 0}, {device_rows, FIELD(device)}, {json_rows, FIELD(output)}},
    .examples = {{"shunt eval --model resnet20 --weights resnet20.safetensors --data cifar10:cifar-10-batches-bin",
                  "The error on CIFAR-10's 10,000 test pictures."},
                 {"shunt eval --weights mine.safetensors --data cifar10:DIR --limit 500 --predictions out.csv",
                  "A quick look, with every guess in a file."}},
    .settings_size = sizeof(eval_settings),
    .run = run,
};
