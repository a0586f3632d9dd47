/* classify.c - shunt classify: the most probable classes of pictures. One that cannot be read does not stop the others. */
#include "classify_answer.h"
#include "commands.h"
#include "lib/pictures.h"
#include "lib/precision.h"
#include "lib/progress.h"
#include "lib/say.h"
#include "lib/summary.h"
#include "lib/usual_labels.h"
#include <stdlib.h>
#include <string.h>

typedef struct classify_settings {
    model_settings model;
    device_settings device;
    preprocess_settings preprocess;
    head_settings head;
    const char *labels, *list, *ghost;
    int64_t top, batch;
    bool random_weights, csv, jsonl, no_exif;
    json_settings output;
} classify_settings;

#define FIELD(name) offsetof(classify_settings, name)

enum { USUAL_BATCH = 8, MOST_BATCH = 1024, MOST_DECODED = 256 << 20 };

static const option_row rows[] = {
    {"labels", OPTION_TEXT, FIELD(labels), "FILE",
     "Names of the classes, one per line. Default: the names in the weight file; for 1000 classes without names those "
     "of ImageNet, which is said; else numbers.",
     NULL, 0, 0},
    {"top", OPTION_COUNT, FIELD(top), "N", "How many classes to show.", "5", 1, 1000},
    {"ghost", OPTION_TEXT, FIELD(ghost), "THRESHOLD",
     "Of a network that chooses its blocks (ghost-...): a block runs for the pictures whose gate is above this. 0: "
     "always, 1: never. Default: 0.5.",
     NULL, 0, 0},
    {"list", OPTION_TEXT, FIELD(list), "FILE", "More pictures: a text file with one path a line; - is standard input.",
     NULL, 0, 0},
    {"batch", OPTION_COUNT, FIELD(batch), "N",
     "Pictures in one run. Default: 8, but one at a time where there are no more than 8.", NULL, 1, MOST_BATCH},
    {"csv", OPTION_FLAG, FIELD(csv), NULL,
     "Print comma-separated values: a heading, and a line for each class that is shown of each picture.", NULL, 0, 0},
    {"jsonl", OPTION_FLAG, FIELD(jsonl), NULL, "Print one JSON object a line, one line a picture.", NULL, 0, 0},
    {"no-exif", OPTION_FLAG, FIELD(no_exif), NULL,
     "Take pictures as the camera stored them. Default: they are turned as their EXIF orientation says.", NULL, 0, 0},
    {"random-weights", OPTION_FLAG, FIELD(random_weights), NULL,
     "Run without --weights. The guesses mean nothing; this only shows that everything works.", NULL, 0, 0},
    {0}};

static const char random_note[] = "Random weights: these guesses mean nothing.";

/* Random weights know no classes. */
static int set_labels(const classify_settings *self, shunt_model *model, bool *assumed)
{
    if (self->labels && shunt_model_load_labels(model, self->labels)) return say_library_failure(self->labels);
    if (self->random_weights) return EXIT_OK;
    int status = usual_labels_assume_imagenet(model, assumed);
    if (*assumed && !self->output.json)
        say_info("the file does not name its 1000 classes: they are taken as those of ImageNet");
    return status;
}

static int set_up_model(const classify_settings *self, shunt_model **out, double *threshold, bool *labels_assumed)
{
    if (self->random_weights && self->model.weights)
        return say_usage("--random-weights and --weights exclude each other");
    if (self->random_weights && model_is_file(&self->model))
        return say_usage("--random-weights and an ONNX file exclude each other");
    int status =
        model_from_settings(&self->model, self->random_weights ? WEIGHTS_OR_RANDOM : WEIGHTS_NEEDED, NULL, out);
    if (status) return status;
    if (shunt_model_task(*out) != SHUNT_TASK_CLASSIFY)
        return say_usage("%s does not tell the class of a picture; use shunt %s", shunt_model_name(*out),
                         command_for(*out));
    status = model_preprocess_from_settings(&self->preprocess, *out);
    if (status == EXIT_OK) status = head_from_settings(&self->head, *out, threshold);
    if (status == EXIT_OK) status = ghost_from_text(self->ghost, out, 1);
    return status == EXIT_OK ? set_labels(self, *out, labels_assumed) : status;
}

/* ---- Pictures, a batch at a time ----------------------------------------------------------------------------------- */

typedef struct work {
    shunt_model *model;
    shunt_device *device;
    answers to;
    size_t batch, wanted; /* pictures in a run; guesses of each */
    shunt_status (*read)(const char *path, shunt_image *out);
    bool labels_assumed;             /* the file has no names of classes */
    bool padded;                     /* each run has a whole batch, so that there is one plan */
    size_t waiting, decoded, failed; /* pictures; their bytes; pictures that gave no answer */
    shunt_image *images;
    shunt_frame *frames;
    const char **paths; /* of the images */
    shunt_guess *guesses;
    size_t *found;
} work;

static bool make_room(work *self)
{
    self->images = calloc(self->batch, sizeof *self->images);
    self->frames = calloc(self->batch, sizeof *self->frames);
    self->paths = calloc(self->batch, sizeof *self->paths);
    self->found = calloc(self->batch, sizeof *self->found);
    self->guesses = calloc(self->batch * self->wanted, sizeof *self->guesses);
    return self->images && self->frames && self->paths && self->found && self->guesses;
}

static void free_room(work *self)
{
    free(self->images);
    free(self->frames);
    free(self->paths);
    free(self->found);
    free(self->guesses);
}

static void put_failure(work *self, const char *path)
{
    self->failed++;
    say_library_failure(path);
    answers_put_failure(&self->to, path, shunt_last_error());
}

/* One picture by itself, after its batch has failed, to find out whose fault it was. */
static void run_alone(work *self, size_t i)
{
    shunt_status failed =
        shunt_classify_frames(self->model, self->device, &self->frames[i], 1, self->wanted, self->guesses, self->found);
    if (failed)
        put_failure(self, self->paths[i]);
    else
        answers_put(&self->to, self->paths[i], self->guesses, self->found[0]);
}

static void run_batch(work *self)
{
    const size_t n = self->padded ? self->batch : self->waiting;
    if (!self->waiting) return;
    for (size_t i = self->waiting; i < n; i++) self->frames[i] = self->frames[0];
    shunt_status failed =
        shunt_classify_frames(self->model, self->device, self->frames, n, self->wanted, self->guesses, self->found);
    for (size_t i = 0; i < self->waiting; i++) {
        if (failed)
            run_alone(self, i);
        else
            answers_put(&self->to, self->paths[i], self->guesses + i * self->wanted, self->found[i]);
        shunt_image_free(&self->images[i]);
    }
    progress_advance(self->waiting);
    self->waiting = self->decoded = 0;
}

static void take(work *self, const char *path)
{
    shunt_image *image = &self->images[self->waiting];
    if (self->read(path, image)) {
        run_batch(self); /* answers come in the order of the pictures */
        put_failure(self, path);
        progress_advance(1);
        return;
    }
    self->frames[self->waiting] = (shunt_frame){.height = image->height, .width = image->width, .planes = {image->rgb}};
    self->paths[self->waiting++] = path;
    self->decoded += (size_t)(3 * image->height * image->width);
    if (self->waiting == self->batch || self->decoded > MOST_DECODED) run_batch(self);
}

/* ---- The end ----------------------------------------------------------------------------------------------------------- */

static void say_summary(const work *self, size_t pictures, double seconds)
{
    const int64_t side = shunt_model_preprocess(self->model)->crop;
    const shunt_tensor_desc input =
        model_input(self->model, self->padded ? (int64_t)self->batch : 1, (const int64_t[]){side, side});
    summary_say(&(run_summary){self->model, self->device, input, pictures, self->failed, seconds, NULL});
}

/* ---- The command -------------------------------------------------------------------------------------------------------- */

static int choose_format(const classify_settings *self, answer_format *out)
{
    if (self->csv + self->jsonl + self->output.json > 1)
        return say_usage("--csv, --json and --jsonl exclude each other");
    *out = self->csv ? ANSWER_CSV : self->jsonl ? ANSWER_JSONL : self->output.json ? ANSWER_JSON : ANSWER_TEXT;
    return EXIT_OK;
}

static int print_report(const work *self, bool random)
{
    json_t *report = json_pack(
        "{s:s, s:s, s:o, s:b, s:o, s:b, s:s, s:f, s:o}", "model", shunt_model_name(self->model), "device",
        shunt_device_describe(self->device)->selector, "precision", precision_json_of(self->model, self->device),
        "random_weights", random, "preprocess", preprocess_json(self->model), "labels_assumed", self->labels_assumed,
        "head", shunt_head_name(self->to.head), "threshold", self->to.threshold, "images", self->to.images);
    if (random) json_put(report, "note", json_string(random_note));
    return print_json(report, false);
}

/* All pictures. EXIT_FAILED if any failed. */
static int classify(work *self, const classify_settings *settings, const picture_paths *pictures)
{
    const size_t classes = (size_t)shunt_model_outcomes(self->model), top = (size_t)settings->top;
    self->to.head = shunt_model_head(self->model);
    self->to.top = top;
    /* of two both, so that the threshold can choose either */
    self->wanted = self->to.head == SHUNT_HEAD_SIGMOID || top > classes ? classes : top;
    self->padded = pictures->count > USUAL_BATCH || settings->batch > 1;
    self->batch = settings->batch ? (size_t)settings->batch : self->padded ? USUAL_BATCH : 1;
    if (!make_room(self)) {
        free_room(self);
        return say_failure("no memory");
    }
    const double begun = summary_clock();
    answers_begin(&self->to, settings->random_weights ? random_note : NULL);
    progress_begin("classifying", pictures->count);
    for (size_t i = 0; i < pictures->count; i++) take(self, pictures->paths[i]);
    run_batch(self);
    progress_end();
    const double seconds = summary_clock() - begun;
    free_room(self);
    int status = self->to.format == ANSWER_JSON ? print_report(self, settings->random_weights) : EXIT_OK;
    say_summary(self, pictures->count, seconds);
    return self->failed ? EXIT_FAILED : status;
}

static int run(const void *settings, int noperands, char **operands)
{
    const classify_settings *self = settings;
    work all = {.read = self->no_exif ? shunt_image_read : shunt_image_read_upright};
    picture_paths pictures = {0};
    if (noperands == 0 && !self->list) return say_usage("no picture; name at least one");
    int status = choose_format(self, &all.to.format);
    if (status == EXIT_OK) status = set_up_model(self, &all.model, &all.to.threshold, &all.labels_assumed);
    if (status == EXIT_OK) status = pictures_find(operands, self->list, &pictures);
    if (status == EXIT_OK) status = device_from_settings(&self->device, &all.device);
    if (status == EXIT_OK) {
        const char *note = preprocess_option(&self->preprocess) ? NULL : shunt_model_input_note(all.model);
        if (note && !self->output.json) say_info(note);
        if (shunt_model_assumption(all.model) && !self->output.json) say_info(shunt_model_assumption(all.model));
        status = classify(&all, self, &pictures);
    }
    pictures_free(&pictures);
    shunt_model_destroy(all.model);
    shunt_device_close(all.device);
    return status;
}

const command classify_command = {
    .name = "classify",
    .summary = "Classify pictures: print the most probable classes.",
    .operands = "IMAGE|FOLDER...",
    .text =
        "Pictures are JPEG, PNG, PPM, BMP, and as Shunt was built GIF (the first picture), WebP and TIFF (shunt doctor "
        "says "
        "which); the format is detected from the content. Of a FOLDER all pictures are "
        "classified, also those in the folders in it. A picture that cannot be read is reported, and the others are "
        "still classified; the exit status is 1 then. Where a file is expected, - is standard input. The last line, "
        "on standard error, says how many pictures there were, where they ran, how fast, and how many failed.",
    .groups = {{model_rows, FIELD(model)},
               {rows, 0},
               {preprocess_rows, FIELD(preprocess)},
               {head_rows, FIELD(head)},
               {device_rows, FIELD(device)},
               {json_rows, FIELD(output)}},
    .examples = {{"shunt classify plane.jpg",
                  "With the network that comes with Shunt, which knows the ten classes of CIFAR-10."},
                 {"shunt classify --model resnet50 --weights resnet50.safetensors --labels imagenet.txt cat.jpg",
                  "The five most probable classes."},
                 {"shunt classify --weights mine.safetensors --top 1 *.jpg",
                  "Weights that name their model and labels need nothing else."},
                 {"find . -name '*.jpg' -size +9k | shunt classify --csv --top 1 --list - >found.csv",
                  "A table of the pictures that another program chose."},
                 {"SHUNT_DEVICE=scalar shunt classify --model resnet18 --random-weights cat.jpg",
                  "Check that it runs, in plain C, before you have weights."}},
    .settings_size = sizeof(classify_settings),
    .run = run,
};
