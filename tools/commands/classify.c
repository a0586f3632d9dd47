/* classify.c - shunt classify: the most probable classes of pictures. One that cannot be read does not stop the others. */
#include "commands.h"
#include "lib/progress.h"
#include "lib/say.h"
#include <stdlib.h>

typedef struct classify_settings {
    model_settings model;
    device_settings device;
    preprocess_settings preprocess;
    head_settings head;
    const char *labels;
    int64_t top;
    bool random_weights;
    json_settings output;
} classify_settings;

#define FIELD(name) offsetof(classify_settings, name)

static const option_row rows[] = {
    {"labels", OPTION_TEXT, FIELD(labels), "FILE",
     "Names of the classes, one per line. Default: the names in the weight file, or numbers.", NULL, 0, 0},
    {"top", OPTION_COUNT, FIELD(top), "N", "How many classes to show.", "5", 1, 1000},
    {"random-weights", OPTION_FLAG, FIELD(random_weights), NULL,
     "Run without --weights. The guesses mean nothing; this only shows that everything works.", NULL, 0, 0},
    {0}};

static const char random_note[] = "Random weights: these guesses mean nothing.";

static int set_up_model(const classify_settings *self, shunt_model **out, double *threshold)
{
    if (self->random_weights && self->model.weights)
        return say_usage("--random-weights and --weights exclude each other");
    if (self->random_weights && model_is_file(&self->model))
        return say_usage("--random-weights and an ONNX file exclude each other");
    int status =
        model_from_settings(&self->model, self->random_weights ? WEIGHTS_OR_RANDOM : WEIGHTS_NEEDED, NULL, out);
    if (status) return status;
    status = model_preprocess_from_settings(&self->preprocess, *out);
    if (status == EXIT_OK) status = head_from_settings(&self->head, *out, threshold);
    if (status) return status;
    if (self->labels && shunt_model_load_labels(*out, self->labels)) return say_library_failure(self->labels);
    return EXIT_OK;
}

/* The guesses of pictures, one after the other. */
typedef struct answer {
    shunt_head head;
    double threshold;
    shunt_guess *guesses;
    size_t classes, top, count; /* that there are; that are shown at most; of guesses */
} answer;

/* Whether a class counts as shown. */
static bool is_chosen(const answer *self, const shunt_guess *guess)
{
    double probability = (double)guess->probability;
    if (self->head == SHUNT_HEAD_SOFTMAX) return guess == self->guesses;
    /* of the two, one: the second from the threshold on */
    if (self->head == SHUNT_HEAD_SIGMOID && guess->index == 0) return 1 - probability < self->threshold;
    return probability >= self->threshold;
}

/* The class that is chosen comes first, also where the threshold makes it the less probable one. */
static void order(answer *self)
{
    if (self->head == SHUNT_HEAD_SIGMOID && self->count == 2 && !is_chosen(self, self->guesses)) {
        shunt_guess first = self->guesses[0];
        self->guesses[0] = self->guesses[1];
        self->guesses[1] = first;
    }
    if (self->count > self->top) self->count = self->top;
}

static void print_guesses(const char *path, const answer *self)
{
    const shunt_guess *guesses = self->guesses;
    bool several = self->head == SHUNT_HEAD_MULTI_LABEL;
    say_line("%s", path);
    if (several && !is_chosen(self, guesses)) say_line("  no class with %g %% or more", 100 * self->threshold);
    for (size_t i = 0; i < self->count && (!several || is_chosen(self, &guesses[i])); i++) {
        double percent = 100 * (double)guesses[i].probability;
        if (guesses[i].label)
            say_line("  %6.2f %%  %s", percent, guesses[i].label);
        else
            say_line("  %6.2f %%  class %lld", percent, (long long)guesses[i].index);
    }
}

static json_t *guesses_json(const char *path, const answer *self)
{
    const shunt_guess *guesses = self->guesses;
    json_t *list = json_array();
    for (size_t i = 0; i < self->count; i++) {
        json_t *label = guesses[i].label ? json_text(guesses[i].label) : json_null();
        json_add(list,
                 json_pack("{s:I, s:o, s:f, s:b}", "class", (json_int_t)guesses[i].index, "label", label, "probability",
                           (double)guesses[i].probability, "chosen", is_chosen(self, &guesses[i])));
    }
    return json_pack("{s:o, s:o}", "image", json_text(path), "guesses", list);
}

/* All pictures; `images` receives the JSON, or is NULL for text. Returns EXIT_FAILED if any failed. */
static int classify_images(answer *to, shunt_model *model, shunt_device *device, char **paths, json_t *images)
{
    int status = EXIT_OK;
    to->head = shunt_model_head(model);
    /* of two both, so that the threshold can choose either */
    size_t wanted = to->head == SHUNT_HEAD_SIGMOID || to->top > to->classes ? to->classes : to->top;
    to->guesses = calloc(wanted, sizeof *to->guesses);
    if (!to->guesses) return say_failure("no memory");
    for (; *paths; paths++) {
        progress_begin("classifying", 0);
        shunt_status failed = shunt_classify(model, device, *paths, wanted, to->guesses, &to->count);
        progress_end();
        if (!failed) order(to);
        if (failed) {
            status = say_library_failure(*paths);
            if (images)
                json_add(images,
                         json_pack("{s:o, s:o}", "image", json_text(*paths), "error", json_text(shunt_last_error())));
        } else if (images) {
            json_add(images, guesses_json(*paths, to));
        } else {
            print_guesses(*paths, to);
        }
    }
    free(to->guesses);
    return status;
}

static int run(const void *settings, int noperands, char **operands)
{
    const classify_settings *self = settings;
    shunt_model *model = NULL;
    shunt_device *device = NULL;
    if (noperands == 0) return say_usage("no picture; name at least one");
    answer to = {.top = (size_t)self->top};
    int status = set_up_model(self, &model, &to.threshold);
    if (status == EXIT_OK) status = device_from_settings(&self->device, &device);
    if (status != EXIT_OK) goto done;

    json_t *images = self->output.json ? json_array() : NULL;
    if (self->random_weights && !images) puts(random_note);
    const char *note = shunt_model_input_note(model);
    if (note && !images && !preprocess_option(&self->preprocess)) say_log(NULL, SHUNT_LOG_INFO, note);
    if (shunt_model_assumption(model) && !images) say_log(NULL, SHUNT_LOG_INFO, shunt_model_assumption(model));
    to.classes = (size_t)shunt_model_outcomes(model);
    status = classify_images(&to, model, device, operands, images);
    if (images) {
        json_t *report = json_pack("{s:s, s:s, s:b, s:o, s:s, s:f, s:o}", "model", shunt_model_name(model), "device",
                                   shunt_device_describe(device)->selector, "random_weights", self->random_weights,
                                   "preprocess", preprocess_json(model), "head", shunt_head_name(to.head), "threshold",
                                   to.threshold, "images", images);
        if (self->random_weights) json_put(report, "note", json_string(random_note));
        int failed = print_json(report, false);
        if (failed) status = failed;
    }
done:
    shunt_model_destroy(model);
    shunt_device_close(device);
    return status;
}

const command classify_command = {
    .name = "classify",
    .summary = "Classify pictures: print the most probable classes.",
    .operands = "IMAGE...",
    .text = "Pictures are JPEG, PNG or PPM; the format is detected from the content. A picture that cannot be read is "
            "reported, and the others are still classified. Where a file is expected, - is standard input.",
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
                 {"SHUNT_DEVICE=scalar shunt classify --model resnet18 --random-weights cat.jpg",
                  "Check that it runs, in plain C, before you have weights."}},
    .settings_size = sizeof(classify_settings),
    .run = run,
};
