/* train.c - shunt train: trains a network by a recipe, from random or given weights, and resumes interrupted runs. */
#include "commands.h"
#include "lib/curves.h"
#include "lib/precision.h"
#include "lib/progress.h"
#include "lib/ranks.h"
#include "lib/say.h"
#include "lib/training_run.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct train_settings {
    const char *model, *shortcut, *data, *recipe, *init, *out;
    const char *epochs, *rate, *rate_batch, *warm_up_epochs, *lars, *batch, *accumulate, *seed, *holdout, *limit,
        *freeze, *prune, *prune_ramp, *ghost, *ghost_weight, *ghost_ramp, *auxiliary, *scales;
    bool v1, resume, skip_bad, log_gradients, recompute, sync_bn, bf16_gradients;
    int64_t workers, save_every;
    preprocess_settings preprocess;
    device_settings device;
    json_settings output;
} train_settings;

#define FIELD(name) offsetof(train_settings, name)

static const option_row rows[] = {
    {"model", OPTION_TEXT, FIELD(model), "M",
     "The network: resnet50, resnext50_32x4d, plain34 ... for ImageNet; resnet20, plain56, cifar-resnet18, "
     "mini-resnet, cnn ... for CIFAR; an unknown name lists all. Default: that of --init, or of the checkpoint.",
     NULL, 0, 0},
    {"shortcut", OPTION_TEXT, FIELD(shortcut), "A|B|C",
     "Shortcut option of the paper. Default: B, or A for the CIFAR nets.", NULL, 0, 0},
    {"v1", OPTION_FLAG, FIELD(v1), NULL, "Bottlenecks with the stride in the 1x1 convolution, as in the paper.", NULL,
     0, 0},
    {"data", OPTION_TEXT, FIELD(data), "KIND:DIR",
     "The labelled pictures: cifar10:DIR, cifar100:DIR (binary or Python version), or imagefolder:DIR with "
     "DIR/class/*.jpg, or with DIR/train/class/ and DIR/val/class/ (also Training, Test, valid and similar names). "
     "Classes of both are matched by name. To label pixels, or to find objects: coco:DIR, with "
     "annotations/instances_train.json (or train2017) and the pictures in DIR/train, the same for val; for pixels also "
     "voc:DIR.",
     NULL, 0, 0},
    {"recipe", OPTION_TEXT, FIELD(recipe), "R",
     "paper: 64,000 steps on CIFAR, 90 epochs on larger pictures; fast: one cycle in a fifth of that; finetune; or a "
     "file that a run wrote, to repeat that run. Default: paper; with --init: finetune.",
     NULL, 0, 0},
    {"init", OPTION_TEXT, FIELD(init), "FILE",
     "Start from these weights of the same network. The classifier is kept if its labels name all classes of the data; "
     "otherwise it is initialized again.",
     NULL, 0, 0},
    {"freeze", OPTION_TEXT, FIELD(freeze), "NAMES",
     "Layers that are not trained, from the first one on: conv1,bn1,layer1.", NULL, 0, 0},
    {"epochs", OPTION_TEXT, FIELD(epochs), "N", "Epochs; the recipe's schedule is stretched to this length.", NULL, 0,
     0},
    {"lr", OPTION_TEXT, FIELD(rate), "X", "The highest learning rate.", NULL, 0, 0},
    {"lr-batch", OPTION_TEXT, FIELD(rate_batch), "N",
     "The batch that the rates are for: they are multiplied by --batch / N, as for large batches (Goyal et al. 2017). "
     "0: they are not.",
     NULL, 0, 0},
    {"warm-up-epochs", OPTION_TEXT, FIELD(warm_up_epochs), "N",
     "The rate rises for so many epochs: from that for --lr-batch, or else from a tenth of it.", NULL, 0, 0},
    {"lars", OPTION_TEXT, FIELD(lars), "X",
     "Steps of each weight tensor in proportion to its norm (LARS, You et al. 2017), with this coefficient of trust, "
     "such as 0.001. 0: "
     "plain SGD.",
     NULL, 0, 0},
    {"batch", OPTION_TEXT, FIELD(batch), "N", "Pictures in one step.", NULL, 0, 0},
    {"accumulate", OPTION_TEXT, FIELD(accumulate), "K",
     "Make each step of K parts of the batch, one after the other, for batches that do not fit into memory. Batch "
     "norms "
     "use the statistics of a part. Default: 1.",
     NULL, 0, 0},
    {"seed", OPTION_TEXT, FIELD(seed), "S", "Decides the initial weights and the order of the pictures.", NULL, 0, 0},
    {"holdout", OPTION_TEXT, FIELD(holdout), "N",
     "Training pictures kept for validation after each epoch. Default: a tenth.", NULL, 0, 0},
    {"limit", OPTION_TEXT, FIELD(limit), "N",
     "Take only N pictures of each set, spread evenly over it, for a quick trial. 0: all.", NULL, 0, 0},
    {"prune", OPTION_TEXT, FIELD(prune), "STRENGTH",
     "Penalise residual blocks until whole blocks add nothing, and shunt convert --drop-zero-blocks can leave them "
     "out; try 0.001. best.safetensors is then the network of the last epoch.",
     NULL, 0, 0},
    {"prune-ramp", OPTION_TEXT, FIELD(prune_ramp), "BEGIN,END",
     "Fractions of the run between which the penalty grows to its strength. Default: 0,0.5.", NULL, 0, 0},
    {"ghost", OPTION_TEXT, FIELD(ghost), "SHARE",
     "Also train a policy: a small network that chooses which residual blocks run for each picture. So many of them "
     "are to run: 0.5 is half. The network is then ghost-MODEL. Begin with a trained one (--init). best.safetensors is "
     "the network of the last epoch.",
     NULL, 0, 0},
    {"ghost-weight", OPTION_TEXT, FIELD(ghost_weight), "X",
     "Weight of the term in the loss for the share of blocks. Default: 2.", NULL, 0, 0},
    {"ghost-ramp", OPTION_TEXT, FIELD(ghost_ramp), "BEGIN,END",
     "Fractions of the run between which the share falls from 1. Default: 0,0.5.", NULL, 0, 0},
    {"auxiliary", OPTION_TEXT, FIELD(auxiliary), "X",
     "To label pixels: the weight in the loss of a second head, which only helps training. 0: none. Default: 0.5.",
     NULL, 0, 0},
    {"scales", OPTION_TEXT, FIELD(scales), "LEAST,MOST",
     "To label pixels, or to find objects: pictures are resized to between so many times the usual size. Default: for "
     "pixels 0.5,2, of networks for small pictures 1,1; for objects 1,1.",
     NULL, 0, 0},
    {"out", OPTION_TEXT, FIELD(out), "DIR",
     "Folder for last.ckpt, best.safetensors, log.csv and the curves; created if missing.", NULL, 0, 0},
    {"resume", OPTION_FLAG, FIELD(resume), NULL, "Continue from last.ckpt in --out, with the options stored there.",
     NULL, 0, 0},
    {"workers", OPTION_COUNT, FIELD(workers), "N",
     "Threads that read pictures. The result does not depend on it. Default: the number of processors, at most 8.",
     NULL, 1, 64},
    {"save-every", OPTION_COUNT, FIELD(save_every), "SECONDS",
     "Longest time between two checkpoints. One is also written after each epoch.", "600", 1, 1000000},
    {"skip-bad", OPTION_FLAG, FIELD(skip_bad), NULL,
     "Leave out pictures that cannot be decoded, and of objects annotations that are wrong.", NULL, 0, 0},
    {"log-gradients", OPTION_FLAG, FIELD(log_gradients), NULL,
     "Write the norm of each parameter's gradient, per epoch, to gradients.csv.", NULL, 0, 0},
    {"recompute", OPTION_FLAG, FIELD(recompute), NULL,
     "Compute activations again in the backward pass: a third more work for much less memory.", NULL, 0, 0},
    {"sync-bn", OPTION_FLAG, FIELD(sync_bn), NULL,
     "Under mpirun: batch norms use the statistics of the whole batch, not of each rank's slice.", NULL, 0, 0},
    {"bf16-gradients", OPTION_FLAG, FIELD(bf16_gradients), NULL,
     "Under mpirun: send gradients as bfloat16, in half the bytes. Each is off by 0.4 % at most.", NULL, 0, 0},
    {0}};

typedef struct training {
    const train_settings *settings;
    shunt_ranks *ranks;
    shunt_model *model;
    shunt_device *device;
    shunt_dataset *data, *test; /* test NULL: the set has none */
    shunt_task task;            /* of the network */
    shunt_anchors anchors;      /* if it finds objects */
    shunt_recipe recipe;
    shunt_trainer *trainer;
    int64_t first_step; /* of this process */
    char checkpoint[4096], *data_name;
    shunt_preprocess preprocess; /* of the checkpoint */
    json_t *description;         /* of the network of --init or the checkpoint; NULL: not known */
} training;

/* ---- What a file of an earlier run says ---------------------------------------------------------------------------- */

/* Keeps the network's description and preprocessing, and of a checkpoint the data that was typed then. */
static int read_file(training *self, const char *path)
{
    shunt_weights *file = NULL;
    if (shunt_weights_open(path, &file)) return say_library_failure(path);
    const char *model = shunt_weights_metadata(file, "model"), *position = shunt_weights_metadata(file, "training");
    self->description = model ? json_loads(model, 0, NULL) : NULL;
    json_t *object = position ? json_loads(position, 0, NULL) : NULL;
    const char *data = json_string_value(json_object_get(object, "data"));
    if (data && !self->data_name) self->data_name = strdup(data);
    json_decref(object);
    const char *preprocess = shunt_weights_metadata(file, "preprocess");
    shunt_status status = preprocess ? shunt_preprocess_parse(preprocess, &self->preprocess) : SHUNT_OK;
    shunt_weights_destroy(file);
    return status ? say_library_failure(path) : EXIT_OK;
}

/* ---- Setting up ---------------------------------------------------------------------------------------------------- */

/* What the network is for, by its name alone. An unknown name is refused later. */
static shunt_task task_of(const training *self)
{
    const char *name = json_string_value(json_object_get(self->description, "name"));
    shunt_model *model;
    if (self->settings->model) name = self->settings->model;
    if (!name || shunt_model_create(name, NULL, &model)) return SHUNT_TASK_CLASSIFY;
    const shunt_task task = shunt_model_task(model);
    shunt_model_destroy(model);
    return task;
}

static int open_data(training *self)
{
    const train_settings *settings = self->settings;
    if (settings->data) {
        free(self->data_name);
        self->data_name = strdup(settings->data);
    }
    self->task = task_of(self);
    return training_open_data(self->data_name, self->task, settings->skip_bad, &self->data, &self->test);
}

/* "ghost-resnet38" of a name with or without "ghost-"; the name as it is without --ghost. */
static const char *with_policy(const train_settings *settings, const char *name, char text[64])
{
    static const char prefix[] = "ghost-";
    snprintf(text, 64, "%s%s", settings->ghost && strncmp(name, prefix, sizeof prefix - 1) ? prefix : "", name);
    return text;
}

/* Of networks that label pixels, with a second head or without. */
static int make_model(training *self, bool second_head)
{
    const train_settings *settings = self->settings;
    char text[64];
    const char *name = json_string_value(json_object_get(self->description, "name"));
    /* fcn_resnet20 may start from a resnet20. */
    const bool backbone = name && settings->model && !settings->resume && pixels_are_labelled(self->data_name) &&
                          strstr(settings->model, name);
    if (name && settings->model && strcmp(name, settings->model) && !backbone)
        return say_usage("%s is of a %s, not of a %s", settings->resume ? self->checkpoint : settings->init, name,
                         settings->model);
    const char *shortcut = json_string_value(json_object_get(self->description, "shortcut"));
    shunt_model_options options = {.size = sizeof options, .classes = (int64_t)shunt_dataset_classes(self->data)};
    if (settings->model) name = settings->model;
    if (settings->shortcut) shortcut = settings->shortcut;
    if (settings->shortcut && (strlen(shortcut) != 1 || !strchr("ABC", shortcut[0])))
        return say_usage("--shortcut %s: must be A, B or C", shortcut);
    if (shortcut) options.shortcut = shortcut[0];
    options.auxiliary = second_head;
    options.v1 = settings->v1 || json_is_true(json_object_get(self->description, "v1"));
    if (!name) return say_usage("no model; name one with --model, such as resnet20");
    if (shunt_model_create(with_policy(settings, name, text), &options, &self->model)) return say_library_failure(NULL);
    return training_set_labels(self->model, self->data);
}

/* The options that change a field of the recipe. */
static int apply_options(const train_settings *settings, shunt_recipe *recipe)
{
    const struct {
        const char *option, *field, *value;
    } given[] = {{"epochs", "epochs", settings->epochs},
                 {"lr", "rate", settings->rate},
                 {"lr-batch", "rate_batch", settings->rate_batch},
                 {"warm-up-epochs", "warm_up_epochs", settings->warm_up_epochs},
                 {"lars", "lars", settings->lars},
                 {"batch", "batch", settings->batch},
                 {"accumulate", "accumulate", settings->accumulate},
                 {"seed", "seed", settings->seed},
                 {"holdout", "holdout", settings->holdout},
                 {"limit", "limit", settings->limit},
                 {"freeze", "freeze", settings->freeze},
                 {"prune", "prune", settings->prune},
                 {"prune-ramp", "prune_ramp", settings->prune_ramp},
                 {"ghost", "ghost", settings->ghost},
                 {"ghost-weight", "ghost_weight", settings->ghost_weight},
                 {"ghost-ramp", "ghost_ramp", settings->ghost_ramp},
                 {"auxiliary", "auxiliary", settings->auxiliary},
                 {"scales", "scales", settings->scales},
                 {"precision", "precision", settings->device.precision}};
    if (settings->epochs) recipe->steps = 0;
    for (size_t i = 0; i < sizeof given / sizeof *given; i++)
        if (given[i].value && shunt_recipe_set(recipe, given[i].field, given[i].value))
            return say_usage("--%s: %s", given[i].option, shunt_last_error());
    if (settings->ghost && recipe->ghost <= 0)
        return say_usage("--ghost %s: must be above 0 and at most 1", settings->ghost);
    if (settings->warm_up_epochs || recipe->warm_up_rate > recipe->rate)
        recipe->warm_up_rate = recipe->rate_batch ? recipe->rate : recipe->rate / 10;
    return EXIT_OK;
}

static int choose_recipe(training *self)
{
    const train_settings *settings = self->settings;
    const char *name = settings->recipe ? settings->recipe : settings->init ? "finetune" : "paper";
    bool named = !strpbrk(name, "/.") && strcmp(name, "-"); /* else a file */
    if (settings->resume) name = self->checkpoint;
    bool read = settings->resume || !named;
    if (read ? shunt_recipe_load(name, &self->recipe) : shunt_model_recipe(self->model, name, &self->recipe))
        return say_library_failure(NULL);
    const int status = apply_options(settings, &self->recipe);
    if (read || settings->holdout) return status;
    const int64_t all = (int64_t)shunt_dataset_count(self->data), limit = self->recipe.limit;
    self->recipe.holdout = (limit && limit < all ? limit : all) / 10;
    return status;
}

/* The recipe may do without it. */
static int drop_second_head(training *self)
{
    if (self->recipe.auxiliary > 0 || self->task != SHUNT_TASK_SEGMENT) return EXIT_OK;
    shunt_model_destroy(self->model);
    self->model = NULL;
    return make_model(self, false);
}

static int make_weights(training *self)
{
    const train_settings *settings = self->settings;
    uint64_t seed = (uint64_t)self->recipe.seed;
    /* A checkpoint has weights of its own. */
    shunt_status status = settings->init && !settings->resume ? shunt_model_adopt(self->model, settings->init, seed)
                                                              : shunt_model_initialize(self->model, seed);
    if (status) return say_library_failure(NULL);
    if (settings->resume && self->preprocess.resize) shunt_model_set_preprocess(self->model, &self->preprocess);
    int failed = model_preprocess_from_settings(&settings->preprocess, self->model);
    if (failed) return failed;
    return shunt_model_describe(self->model) ? say_library_failure(NULL) : EXIT_OK;
}

static int make_anchors(training *self)
{
    if (self->task != SHUNT_TASK_DETECT) return EXIT_OK;
    const int64_t side = shunt_model_preprocess(self->model)->crop;
    return shunt_model_anchors(self->model, side, &self->anchors) ? say_library_failure(NULL) : EXIT_OK;
}

/* That there is nothing which a new run would replace. Rank 0 writes, and may have begun. */
static int check_unused(const training *self)
{
    if (!ranks_speak(self->ranks) || access(self->checkpoint, F_OK)) return EXIT_OK;
    return say_failure("%s: this folder holds an earlier run; continue it with --resume, or name another --out",
                       self->checkpoint);
}

static int handle(void *context, const shunt_train_event *event);

static int make_trainer(training *self)
{
    const train_settings *settings = self->settings;
    shunt_train_setup setup = {.size = sizeof setup,
                               .graph = shunt_model_graph(self->model),
                               .weights = shunt_model_weights(self->model),
                               .device = self->device,
                               .data = self->data,
                               .data_name = self->data_name,
                               .preprocess = shunt_model_preprocess(self->model),
                               .recipe = &self->recipe,
                               .out = settings->out,
                               .workers = settings->workers ? settings->workers : ranks_workers(self->ranks),
                               .save_seconds = settings->save_every,
                               .log_gradients = settings->log_gradients,
                               .recompute = settings->recompute,
                               .skip_bad = settings->skip_bad,
                               .handler = handle,
                               .context = self,
                               .test = self->test,
                               .ranks = self->ranks,
                               .sync_statistics = settings->sync_bn,
                               .bf16_gradients = settings->bf16_gradients,
                               .anchors = self->anchors.boxes ? &self->anchors : NULL};
    if (ranks_speak(self->ranks)) progress_begin("checking the pictures", 0);
    shunt_status status = shunt_trainer_create(&setup, &self->trainer);
    if (ranks_speak(self->ranks)) progress_end();
    if (!status && settings->resume) status = shunt_trainer_resume(self->trainer, self->checkpoint);
    if (status) return say_library_failure(NULL);
    return settings->resume ? EXIT_OK : check_unused(self); /* again: now that nobody else can write there */
}

static int set_up(training *self)
{
    const train_settings *settings = self->settings;
    int status = EXIT_OK;
    if (!settings->out) return say_usage("no folder for the results; name one with --out DIR");
    if (settings->resume && preprocess_option(&settings->preprocess))
        return say_usage("--%s: a resumed run keeps the options it began with; leave it out with --resume",
                         preprocess_option(&settings->preprocess));
    snprintf(self->checkpoint, sizeof self->checkpoint, "%s/last.ckpt", settings->out);
    if ((status = ranks_begin(&self->ranks))) return status;
    if (!settings->resume && (status = check_unused(self))) return status;
    if (settings->resume)
        status = read_file(self, self->checkpoint);
    else if (settings->init)
        status = read_file(self, settings->init);
    if (status == EXIT_OK) status = open_data(self);
    if (status == EXIT_OK) status = make_model(self, self->task == SHUNT_TASK_SEGMENT);
    if (status == EXIT_OK) status = choose_recipe(self);
    if (status == EXIT_OK) status = drop_second_head(self);
    if (status == EXIT_OK) status = ranks_device(self->ranks, &settings->device, &self->device);
    if (status == EXIT_OK) status = make_weights(self);
    if (status == EXIT_OK) status = make_anchors(self);
    if (status == EXIT_OK) status = make_trainer(self);
    return status;
}

/* ---- Under way ------------------------------------------------------------------------------------------------------- */

static void draw_curves(const training *self)
{
    curves_write(self->settings->out, shunt_model_name(self->model), self->trainer);
}

static int handle(void *context, const shunt_train_event *event)
{
    const training *self = context;
    if (!ranks_speak(self->ranks)) return training_interrupted();
    if (event->stage == SHUNT_TRAIN_EPOCH) {
        if (!self->settings->output.json)
            training_print_epoch(event, "", "validation", shunt_trainer_blocks(self->trainer));
        draw_curves(self);
    }
    return training_handle(event);
}

static int train(training *self)
{
    self->first_step = shunt_trainer_step(self->trainer);
    int finished, status = training_run(self->trainer, ranks_speak(self->ranks) ? "training" : NULL, &finished);
    if (status || finished || !ranks_speak(self->ranks)) return status;
    return say_failure("stopped after this step, everything is saved; continue with: shunt train --resume --out %s",
                       self->settings->out);
}

/* What the ranks exchanged in the steps that this process did. */
static void report_ranks(const training *self)
{
    shunt_ranks_work work;
    const double steps = (double)(shunt_trainer_step(self->trainer) - self->first_step);
    if (shunt_ranks_describe(self->ranks)->count == 1 || shunt_ranks_measure(self->ranks, &work) || steps < 1) return;
    const double overlapped = work.seconds > work.waited ? 100 * (1 - work.waited / work.seconds) : 0;
    printf("exchanged     %.2f MiB a step in %.2f ms, %.0f %% of it while computing; %.2f ms of a processor\n",
           (double)work.bytes / steps / 0x1p20, 1e3 * work.seconds / steps, overlapped, 1e3 * work.processor / steps);
}

static int report(training *self)
{
    size_t count = shunt_trainer_rows(self->trainer);
    shunt_score score = {0};
    if (ranks_speak(self->ranks)) progress_begin("testing", 0);
    shunt_status status = self->test ? shunt_trainer_test(self->trainer, self->test, &score) : SHUNT_OK;
    if (ranks_speak(self->ranks)) progress_end();
    if (status) return say_library_failure(NULL);
    if (!ranks_speak(self->ranks)) return EXIT_OK;
    const shunt_train_row *row = shunt_trainer_row(self->trainer, (size_t)shunt_trainer_best(self->trainer));
    bool held = isfinite(row->validation_error);
    shunt_precision precision;
    if (shunt_trainer_precision(self->trainer, &precision)) return say_library_failure(NULL);
    double error = self->test ? 100 * (double)score.wrong / (double)score.pictures : 0;
    if (self->settings->output.json)
        return print_json(
            json_pack("{s:s, s:s, s:o, s:s, s:o, s:I, s:I, s:o, s:o}", "model", shunt_model_name(self->model), "device",
                      shunt_device_describe(self->device)->selector, "precision", precision_json(precision), "out",
                      self->settings->out, "preprocess", preprocess_json(self->model), "epochs", (json_int_t)count,
                      "best_epoch", (json_int_t)row->epoch, "validation_error",
                      held ? json_real(100 * row->validation_error) : json_null(), "test_error",
                      self->test ? json_real(error) : json_null()),
            false);
    printf("best epoch    %lld of %zu\n", (long long)row->epoch, count);
    const bool objects = self->task == SHUNT_TASK_DETECT;
    if (held && objects) printf("validation    a loss of %.4f\n", row->validation_loss);
    if (held) printf("validation    %.2f %% error\n", 100 * row->validation_error);
    if (self->test)
        printf("test          %.2f %% error (%lld of %lld %swrong)\n", error, (long long)score.wrong,
               (long long)score.pictures, objects ? "objects' anchors " : "");
    char text[PRECISION_CHARS];
    if (!precision_is_usual(precision)) say_line("precision     %s", precision_text(precision, text));
    report_ranks(self);
    say_line("weights       %s/best.safetensors", self->settings->out);
    return EXIT_OK;
}

static int run(const void *wanted, int noperands, char **operands)
{
    training self = {.settings = wanted};
    (void)noperands;
    (void)operands;
    int status = set_up(&self);
    if (status == EXIT_OK) status = train(&self);
    if (status == EXIT_OK && shunt_trainer_step(self.trainer) == shunt_trainer_steps(self.trainer))
        status = report(&self);
    shunt_trainer_destroy(self.trainer);
    shunt_anchors_free(&self.anchors);
    shunt_dataset_close(self.test);
    shunt_dataset_close(self.data);
    shunt_model_destroy(self.model);
    shunt_device_close(self.device);
    json_decref(self.description);
    free(self.data_name);
    ranks_end(self.ranks, status);
    return status;
}

const command train_command = {
    .name = "train",
    .summary = "Train a network, or fine-tune one.",
    .text =
        "Writes a checkpoint after each epoch, and the weights of the best epoch: the one with the lowest error on the "
        "pictures held out from training. The test pictures are used once, at the end. Ctrl-C finishes the step and "
        "saves. --resume continues an interrupted run; on the same device it ends in the same weights, bit for bit. "
        "Each file holds the whole recipe, and --recipe FILE repeats it.",
    .groups = {{rows, 0},
               {preprocess_rows, FIELD(preprocess)},
               {device_rows, FIELD(device)},
               {json_rows, FIELD(output)}},
    .examples = {{"shunt train --model resnet20 --data cifar10:cifar-10-batches-bin --recipe fast --out run",
                  "Trains a CIFAR-10 network from random weights."},
                 {"shunt train --resume --out run", "Continues where that run was interrupted."},
                 {"shunt train --init resnet50.safetensors --model resnet50 --data imagefolder:pets --out pets-run",
                  "Teaches a trained network new classes: the folders in pets."},
                 {"mpirun -n 4 shunt train --model resnet50 --data imagefolder:imagenet --out run",
                  "Four processes train one network; each takes a GPU, or a part of the processor."},
                 {"shunt classify --weights pets-run/best.safetensors cat.jpg", "Uses the result."}},
    .settings_size = sizeof(train_settings),
    .run = run,
};
