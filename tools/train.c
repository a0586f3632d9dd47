/* train.c - shunt train: trains a network by a recipe, from nothing or from weights, and goes on where it was cut off. */
#include "commands.h"
#include "progress.h"
#include "say.h"
#include <math.h>
#include <shunt/train.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct train_settings {
    const char *model, *shortcut, *data, *recipe, *out;
    const char *epochs, *steps, *rate, *batch, *seed, *holdout, *freeze;
    bool resume, skip_bad, log_gradients, recompute;
    int64_t workers, save_every;
    device_settings device;
    json_settings output;
} train_settings;

#define FIELD(name) offsetof(train_settings, name)

static const option_row rows[] = {
    {"model", OPTION_TEXT, FIELD(model), "M", "The network: resnet20, plain56, resnet18 ... (see shunt inspect).", NULL,
     0, 0},
    {"shortcut", OPTION_TEXT, FIELD(shortcut), "A|B|C",
     "Shortcut option of the paper. Without it: B, or A for the CIFAR nets.", NULL, 0, 0},
    {"data", OPTION_TEXT, FIELD(data), "KIND:DIR", "The labelled pictures: cifar10:DIR for CIFAR-10's binary version.",
     NULL, 0, 0},
    {"recipe", OPTION_TEXT, FIELD(recipe), "R",
     "paper: as in the paper, 64,000 steps on CIFAR; fast: one cycle in a fifth of that; or a file that an earlier "
     "run wrote, to repeat it. Without it: paper.",
     NULL, 0, 0},
    {"epochs", OPTION_TEXT, FIELD(epochs), "N",
     "Times through the training pictures; the recipe's schedule is stretched.", NULL, 0, 0},
    {"lr", OPTION_TEXT, FIELD(rate), "X", "The highest learning rate.", NULL, 0, 0},
    {"batch", OPTION_TEXT, FIELD(batch), "N", "Pictures in one step.", NULL, 0, 0},
    {"seed", OPTION_TEXT, FIELD(seed), "S", "Another one gives other initial weights and another order of pictures.",
     NULL, 0, 0},
    {"holdout", OPTION_TEXT, FIELD(holdout), "N",
     "Training pictures kept for validation after each epoch. Without it: a tenth.", NULL, 0, 0},
    {"freeze", OPTION_TEXT, FIELD(freeze), "NAMES",
     "Layers that stay as they are, from the first on: conv1,bn1,layer1.", NULL, 0, 0},
    {"out", OPTION_TEXT, FIELD(out), "DIR", "Where last.ckpt, best.safetensors and log.csv go.", NULL, 0, 0},
    {"resume", OPTION_FLAG, FIELD(resume), NULL, "Go on from the last checkpoint in --out.", NULL, 0, 0},
    {"workers", OPTION_COUNT, FIELD(workers), "N",
     "Threads that read pictures; the result does not depend on it. Without it: as many as processors, at most 8.",
     NULL, 1, 64},
    {"save-every", OPTION_COUNT, FIELD(save_every), "SECONDS",
     "A checkpoint at least so often, besides one after each epoch.", "600", 1, 1000000},
    {"skip-bad", OPTION_FLAG, FIELD(skip_bad), NULL, "Leave out pictures that cannot be decoded.", NULL, 0, 0},
    {"log-gradients", OPTION_FLAG, FIELD(log_gradients), NULL,
     "Write each layer's gradient norm per epoch to gradients.csv.", NULL, 0, 0},
    {"recompute", OPTION_FLAG, FIELD(recompute), NULL,
     "Compute activations again in the backward pass, to save memory.", NULL, 0, 0},
    {0}};

static volatile sig_atomic_t interrupted;

static void interrupt(int number)
{
    (void)number;
    interrupted = 1;
}

typedef struct training {
    const train_settings *settings;
    shunt_model *model;
    shunt_device *device;
    shunt_dataset *data, *test;
    shunt_recipe recipe;
    shunt_trainer *trainer;
    char checkpoint[4096];
    bool bar; /* the progress line is up */
} training;

/* ---- Setting up --------------------------------------------------------------------------------------------------- */

/* The options that change a field of the recipe. */
static int apply_options(const train_settings *settings, shunt_recipe *recipe)
{
    const struct {
        const char *option, *field, *value;
    } given[] = {{"epochs", "epochs", settings->epochs},    {"lr", "rate", settings->rate},
                 {"batch", "batch", settings->batch},       {"seed", "seed", settings->seed},
                 {"holdout", "holdout", settings->holdout}, {"freeze", "freeze", settings->freeze}};
    if (settings->epochs) recipe->steps = 0;
    for (size_t i = 0; i < sizeof given / sizeof *given; i++)
        if (given[i].value && shunt_recipe_set(recipe, given[i].field, given[i].value))
            return say_usage("--%s: %s", given[i].option, shunt_last_error());
    return EXIT_OK;
}

static int choose_recipe(training *self)
{
    const train_settings *settings = self->settings;
    const char *name = settings->recipe ? settings->recipe : "paper";
    bool file = strchr(name, '/') || strchr(name, '.');
    if (settings->resume) {
        if (shunt_recipe_load(self->checkpoint, &self->recipe)) return say_library_failure(NULL);
    } else if (file ? shunt_recipe_load(name, &self->recipe) : shunt_model_recipe(self->model, name, &self->recipe)) {
        return say_library_failure(NULL);
    }
    if (!file && !settings->resume) self->recipe.holdout = (int64_t)shunt_dataset_count(self->data) / 10;
    return apply_options(settings, &self->recipe);
}

static int make_model(training *self)
{
    const train_settings *settings = self->settings;
    shunt_model_options options = {.classes = (int64_t)shunt_dataset_classes(self->data)};
    if (settings->shortcut) options.shortcut = settings->shortcut[0];
    if (!settings->model) return say_usage("no model; name one with --model, such as resnet20");
    if (shunt_model_create(settings->model, &options, &self->model)) return say_library_failure(NULL);
    return EXIT_OK;
}

static int handle(void *context, const shunt_train_event *event);

static int make_trainer(training *self)
{
    const train_settings *settings = self->settings;
    if (shunt_model_initialize(self->model, (uint64_t)self->recipe.seed) || shunt_model_describe(self->model))
        return say_library_failure(NULL);
    shunt_train_setup setup = {.graph = shunt_model_graph(self->model),
                               .weights = shunt_model_weights(self->model),
                               .device = self->device,
                               .data = self->data,
                               .data_name = settings->data,
                               .preprocess = shunt_model_preprocess(self->model),
                               .recipe = &self->recipe,
                               .out = settings->out,
                               .workers = settings->workers,
                               .save_seconds = settings->save_every,
                               .log_gradients = settings->log_gradients,
                               .recompute = settings->recompute,
                               .skip_bad = settings->skip_bad,
                               .handler = handle,
                               .context = self};
    if (shunt_trainer_create(&setup, &self->trainer)) return say_library_failure(NULL);
    if (settings->resume && shunt_trainer_resume(self->trainer, self->checkpoint)) return say_library_failure(NULL);
    return EXIT_OK;
}

static int set_up(training *self)
{
    const train_settings *settings = self->settings;
    if (!settings->data) return say_usage("no data; name a set with --data cifar10:DIR");
    if (!settings->out) return say_usage("no folder for the results; name one with --out DIR");
    snprintf(self->checkpoint, sizeof self->checkpoint, "%s/last.ckpt", settings->out);
    if (!settings->resume && !access(self->checkpoint, F_OK))
        return say_failure(
            "%s: a run's checkpoint is there already; go on from it with --resume, or take another --out",
            self->checkpoint);
    if (shunt_dataset_open(settings->data, "train", &self->data)) return say_library_failure(NULL);
    if (shunt_dataset_open(settings->data, "test", &self->test)) return say_library_failure(NULL);
    int status = make_model(self);
    if (status == EXIT_OK) status = choose_recipe(self);
    if (status == EXIT_OK) status = device_from_settings(&settings->device, &self->device);
    if (status == EXIT_OK) status = make_trainer(self);
    return status;
}

/* ---- Under way ------------------------------------------------------------------------------------------------------ */

static void print_row(const shunt_train_event *event)
{
    const shunt_train_row *row = event->row;
    progress_lock();
    printf("epoch %lld/%lld  rate %.4g  training loss %.4f error %.2f %%", (long long)row->epoch,
           (long long)event->epochs, row->rate, row->training_loss, 100 * row->training_error);
    if (isfinite(row->validation_error))
        printf("  validation loss %.4f error %.2f %%%s", row->validation_loss, 100 * row->validation_error,
               event->improved ? " (best)" : "");
    printf("  %.0f s\n", row->seconds);
    fflush(stdout);
    progress_unlock();
}

static int handle(void *context, const shunt_train_event *event)
{
    training *self = context;
    if (event->stage == SHUNT_TRAIN_EPOCH && !self->settings->output.json) print_row(event);
    if (event->stage == SHUNT_TRAIN_CHECKPOINT && event->failed)
        say_failure("the checkpoint could not be written, the one before stands: %s", event->failed);
    if (event->stage == SHUNT_TRAIN_STEP) progress_advance(1);
    return interrupted;
}

static int train(training *self)
{
    int finished;
    struct sigaction action = {.sa_handler = interrupt, .sa_flags = SA_RESETHAND}; /* a second Ctrl-C ends at once */
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    shunt_status status = shunt_trainer_run(self->trainer, &finished);
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    if (status) return say_library_failure(NULL);
    if (finished) return EXIT_OK;
    return say_failure("stopped, and saved %s; the same command with --resume goes on", self->checkpoint);
}

static int run(const void *wanted, int noperands, char **operands)
{
    training self = {.settings = wanted};
    (void)noperands;
    (void)operands;
    int status = set_up(&self);
    if (status == EXIT_OK) status = train(&self);
    shunt_trainer_destroy(self.trainer);
    shunt_dataset_close(self.test);
    shunt_dataset_close(self.data);
    shunt_model_destroy(self.model);
    shunt_device_close(self.device);
    return status;
}

const command train_command = {
    .name = "train",
    .summary = "Train a network.",
    .text = "Trains by a recipe, with a checkpoint after each epoch. A run that was cut off, however, goes on with "
            "--resume and ends in the same weights.",
    .groups = {{rows, 0}, {device_rows, FIELD(device)}, {json_rows, FIELD(output)}},
    .examples = {{"shunt train --model resnet20 --data cifar10:cifar-10-batches-bin --recipe fast --out run",
                  "A CIFAR-10 network from nothing."},
                 {"shunt train --model resnet20 --data cifar10:cifar-10-batches-bin --out run --resume",
                  "Goes on where it was cut off."}},
    .settings_size = sizeof(train_settings),
    .run = run,
};
