/* eval.c - shunt eval: the error of a model, or of several together, on labelled pictures, and its speed. */
#include "commands.h"
#include "lib/csv.h"
#include "eval_cost.h"
#include "eval_parts.h"
#include "eval_tally.h"
#include "lib/output.h"
#include "lib/precision.h"
#include "lib/progress.h"
#include "lib/ranks.h"
#include "lib/say.h"
#include "runtime/shared/os.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_MODELS = 32, MOST_SCALES = 16 };

typedef struct eval_settings {
    model_settings model;
    device_settings device;
    preprocess_settings preprocess;
    head_settings head;
    const char *data, *picture_labels, *labels, *crops, *scales, *predictions, *ghost, *epsilon;
    int64_t limit, batch, readers, confusions;
    bool skip_bad, per_class;
    json_settings output;
} eval_settings;

#define FIELD(name) offsetof(eval_settings, name)

static const option_row rows[] = {
    {"data", OPTION_TEXT, FIELD(data), "KIND:DIR",
     "The labelled pictures: imagefolder:DIR for DIR/class/picture.jpg (or the same in DIR/val), cifar10:DIR and "
     "cifar100:DIR for CIFAR's archives, the binary or the Python version. For networks that find objects coco:DIR, "
     "with annotations/instances_val2017.json (or val) in DIR, and the pictures in DIR/val2017. For networks that "
     "label pixels the same, or voc:DIR, with "
     "JPEGImages, SegmentationClass and ImageSets/Segmentation/val.txt in DIR.",
     NULL, 0, 0},
    {"picture-labels", OPTION_TEXT, FIELD(picture_labels), "FILE",
     "For an imagefolder whose pictures all lie in DIR: lines of NAME,LABEL, also with semicolons, tabs or blanks, "
     "quotes, an index before the name, or a heading; or one LABEL for each picture in the order of their names. "
     "Labels are classes' numbers, from 0, or names.",
     NULL, 0, 0},
    {"labels", OPTION_TEXT, FIELD(labels), "FILE",
     "Names of the model's classes, one per line. A folder is matched to the class of its name: a whole line, a line's "
     "first word (n01440764), or one of the names between commas. Without names: by number, folders in sorted order.",
     NULL, 0, 0},
    {"crops", OPTION_TEXT, FIELD(crops), "centre|ten|whole",
     "Part of a picture that the model sees: centre; ten (four corners, centre, and all mirrored); or whole (fully "
     "convolutional). Probabilities are averaged.",
     "centre", 0, 0},
    {"scales", OPTION_TEXT, FIELD(scales), "N,N...",
     "Short sides that each picture is resized to, in turn; probabilities are averaged. Default: the preset's; for "
     "--crops whole the paper's 224,256,384,480,640.",
     NULL, 0, 0},
    {"ghost", OPTION_TEXT, FIELD(ghost), "THRESHOLD",
     "Of networks that choose their blocks (ghost-...): a block runs for the pictures whose gate is above this. 0: "
     "always, 1: never; the more, the fewer multiply-adds. Default: 0.5, as it was trained.",
     NULL, 0, 0},
    {"epsilon", OPTION_TEXT, FIELD(epsilon), "0|1e-5",
     "Of networks that find objects: what frozen batch norms add to a variance, as of shunt detect.", NULL, 0, 0},
    {"limit", OPTION_COUNT, FIELD(limit), "N", "Take only the first N pictures.", NULL, 1, INT64_MAX},
    {"batch", OPTION_COUNT, FIELD(batch), "N", "Pictures, or crops of them, in one run.", "100", 1, 65536},
    {"readers", OPTION_COUNT, FIELD(readers), "N",
     "Threads that read pictures ahead. Default: the number of processors, at most 8.", NULL, 1, 64},
    {"skip-bad", OPTION_FLAG, FIELD(skip_bad), NULL,
     "Report and skip pictures that cannot be read, instead of stopping at the first.", NULL, 0, 0},
    {"per-class", OPTION_FLAG, FIELD(per_class), NULL, "Also print each class's errors.", NULL, 0, 0},
    {"confusions", OPTION_COUNT, FIELD(confusions), "N", "Also print the N most frequent mistakes.", NULL, 1, 1000000},
    {"predictions", OPTION_TEXT, FIELD(predictions), "FILE",
     "Write a CSV file with each picture's index, class, predicted class and its probability, and its file if it has "
     "one.",
     NULL, 0, 0},
    {0}};

/* One evaluation under way. */
typedef struct evaluation {
    shunt_model *models[MOST_MODELS];
    size_t nmodels;
    shunt_device *device;
    shunt_dataset *dataset;
    shunt_predict_options options;
    int64_t scales[MOST_SCALES];
    int64_t *classes; /* the models', of the data set's */
    double threshold;
    tally tally;
    eval_cost cost;
    shunt_ranks *ranks;
    output predictions; /* file NULL: not asked for; rank 0 writes it */
    FILE *lines;        /* of this rank's predictions: the file, or in memory for rank 0; NULL: not asked for */
    os_text memory;
    double seconds; /* in the models alone, reading and resizing not counted */
    double speed;   /* pictures in a second, of all ranks */
    int status;     /* of what the handler does */
} evaluation;

/* ---- Each picture --------------------------------------------------------------------------------------------- */

static int count_bad(evaluation *self, const shunt_prediction *told)
{
    enum { MOST_NAMED = 20 };
    if (++self->tally.bad <= MOST_NAMED)
        say_failure("left out: %s", told->failed);
    else if (self->tally.bad == MOST_NAMED + 1)
        say_failure("left out: more pictures, which are counted below");
    return EXIT_OK;
}

static int count_picture(void *context, const shunt_prediction *told)
{
    evaluation *self = context;
    if (ranks_speak(self->ranks)) progress_advance(1);
    if (!told->probabilities) return self->status = count_bad(self, told);
    int64_t label = self->classes[told->label], best;
    self->status = tally_add(&self->tally, told->probabilities, label, &best);
    if (self->status == EXIT_OK) self->status = eval_cost_add(&self->cost, told->multiply_adds);
    FILE *file = self->lines;
    const char *name = shunt_dataset_picture(self->dataset, told->index);
    if (file)
        fprintf(file, "%zu,%lld,%lld,%.6f%s", told->index, (long long)label, (long long)best, told->probabilities[best],
                name ? "," : "\n");
    if (file && name) {
        csv_print_field(file, name);
        putc('\n', file);
    }
    return self->status;
}

/* The pictures [first, first + count). */
static int evaluate(evaluation *self, size_t first, size_t count)
{
    if (!count) return EXIT_OK;
    self->options.size = sizeof self->options;
    self->options.handler = count_picture;
    self->options.context = self;
    self->options.first = first;
    self->options.limit = count;
    if (ranks_speak(self->ranks)) progress_begin("evaluating", count);
    shunt_status failed =
        shunt_predict(self->models, self->nmodels, self->device, self->dataset, &self->options, &self->seconds);
    if (ranks_speak(self->ranks)) progress_end();
    return failed ? say_library_failure(NULL) : self->status;
}

/* The lines of the other ranks come behind those of rank 0. */
static int collect_predictions(evaluation *self)
{
    void *all = NULL;
    char *kept = NULL;
    size_t bytes = 0, kept_bytes = 0;
    if (!ranks_speak(self->ranks)) {
        self->lines = NULL;
        kept = os_text_end(&self->memory, &kept_bytes);
        if (!kept) return say_failure("no memory for the predictions");
    }
    shunt_status failed = shunt_ranks_gather(self->ranks, kept, kept_bytes, &all, &bytes);
    free(kept);
    if (failed) return say_library_failure(NULL);
    if (all) fwrite(all, 1, bytes, self->predictions.file);
    free(all);
    return EXIT_OK;
}

/* What the ranks found becomes one result, on rank 0. */
static int merge(evaluation *self)
{
    self->speed = self->seconds > 0 ? (double)self->tally.count / self->seconds : 0;
    int status = shunt_ranks_sum(self->ranks, &self->speed, 1) ? say_library_failure(NULL) : EXIT_OK;
    if (status == EXIT_OK) status = tally_merge(&self->tally, self->ranks);
    if (status == EXIT_OK) status = eval_cost_merge(&self->cost, self->ranks);
    if (status == EXIT_OK && self->lines) status = collect_predictions(self);
    if (status == EXIT_OK && !self->tally.count) status = say_failure("no picture could be read");
    if (status == EXIT_OK) tally_sort(&self->tally);
    return status;
}

/* ---- Setting up ------------------------------------------------------------------------------------------------- */

static int make_models(const eval_settings *settings, char **operands, evaluation *self)
{
    int status = EXIT_OK;
    shunt_model **next = self->models;
    if (settings->model.weights || !*operands) {
        status = model_from_settings(&settings->model, WEIGHTS_NEEDED, NULL, next);
        if (status == EXIT_OK) next++;
    }
    for (; status == EXIT_OK && *operands; operands++) {
        status = next == self->models + MOST_MODELS ? say_usage("more than %d weight files", MOST_MODELS)
                                                    : model_from_operand(&settings->model, *operands, next);
        if (status == EXIT_OK) next++;
    }
    self->nmodels = (size_t)(next - self->models);
    for (size_t m = 0; status == EXIT_OK && m < self->nmodels; m++) {
        status = model_preprocess_from_settings(&settings->preprocess, self->models[m]);
        if (status == EXIT_OK) status = head_from_settings(&settings->head, self->models[m], &self->threshold);
    }
    if (status == EXIT_OK) status = ghost_from_text(settings->ghost, self->models, self->nmodels);
    if (status == EXIT_OK && settings->labels && shunt_model_load_labels(self->models[0], settings->labels))
        return say_library_failure(settings->labels);
    return status;
}

static int parse_scales(const char *text, evaluation *self)
{
    const char *at = text;
    do {
        char *end;
        long long side = isdigit((unsigned char)*at) ? strtoll(at, &end, 10) : 0;
        if (side < 1 || side > 16384 || (*end && *end != ',') || self->options.nsides == MOST_SCALES)
            return say_usage("--scales %s: must be up to %d numbers from 1 to 16384 with commas between", text,
                             MOST_SCALES);
        self->scales[self->options.nsides++] = side;
        at = end + 1;
        if (!*end) break;
    } while (1);
    return EXIT_OK;
}

static int choose_views(const eval_settings *settings, evaluation *self)
{
    static const char *const names[] = {
        [SHUNT_CROP_CENTRE] = "centre", [SHUNT_CROP_TEN] = "ten", [SHUNT_CROP_WHOLE] = "whole", NULL};
    size_t crops = 0;
    while (names[crops] && strcmp(names[crops], settings->crops)) crops++;
    if (!names[crops]) return say_usage("--crops %s: must be centre, ten or whole", settings->crops);
    self->options.crops = (shunt_crops)crops;
    self->options.sides = self->scales;
    if (settings->scales) return parse_scales(settings->scales, self);
    return crops == SHUNT_CROP_WHOLE ? parse_scales("224,256,384,480,640", self) : EXIT_OK;
}

static int open_data(const eval_settings *settings, evaluation *self)
{
    if (shunt_dataset_open_labelled(settings->data, NULL, settings->picture_labels, &self->dataset))
        return say_library_failure(NULL);
    self->classes = calloc(shunt_dataset_classes(self->dataset), sizeof *self->classes);
    if (!self->classes) return say_failure("no memory");
    if (shunt_dataset_match(self->dataset, self->models[0], self->classes)) return say_library_failure(settings->data);
    return tally_begin(&self->tally, self->models[0], self->threshold);
}

static int begin_predictions(const char *path, evaluation *self)
{
    if (!ranks_speak(self->ranks)) {
        os_text_begin(&self->memory);
        self->lines = self->memory.to;
        return self->lines ? EXIT_OK : say_failure("no memory");
    }
    int status = output_begin(&self->predictions, path);
    bool named = shunt_dataset_picture(self->dataset, 0) != NULL;
    self->lines = self->predictions.file;
    if (status == EXIT_OK) fprintf(self->lines, "index,label,predicted,probability%s\n", named ? ",file" : "");
    return status;
}

static shunt_status agree_on_model(const evaluation *self, const shunt_model *model)
{
    char text[256];
    snprintf(text, sizeof text, "%s, %lld classes, head %s, threshold %g", shunt_model_name(model),
             (long long)shunt_model_outcomes(model), shunt_head_name(shunt_model_head(model)), self->threshold);
    shunt_status status = shunt_ranks_agree(self->ranks, "the network", text);
    char preprocess[SHUNT_PREPROCESS_TEXT];
    shunt_preprocess_print(shunt_model_preprocess(model), preprocess, sizeof preprocess);
    if (!status) status = shunt_ranks_agree(self->ranks, "the preprocessing", preprocess);
    return status ? status : shunt_ranks_agree_weights(self->ranks, shunt_model_weights(model));
}

/* Ranks that see other pictures or other networks must not add up. */
static int agree(const eval_settings *settings, const evaluation *self)
{
    uint64_t fingerprint;
    char text[256];
    if (shunt_ranks_describe(self->ranks)->count == 1) return EXIT_OK;
    if (shunt_dataset_fingerprint(self->dataset, &fingerprint)) return say_library_failure(NULL);
    snprintf(text, sizeof text,
             "%zu pictures, fingerprint %016llx, --limit %lld, --crops %s, --scales %s, --ghost %s, %zu networks",
             shunt_dataset_count(self->dataset), (unsigned long long)fingerprint, (long long)settings->limit,
             settings->crops, settings->scales ? settings->scales : "none", settings->ghost ? settings->ghost : "none",
             self->nmodels);
    shunt_status status = shunt_ranks_agree(self->ranks, "what they evaluate", text);
    for (size_t m = 0; !status && m < self->nmodels; m++) status = agree_on_model(self, self->models[m]);
    return status ? say_library_failure(NULL) : EXIT_OK;
}

static int set_up(const eval_settings *settings, char **operands, evaluation *self)
{
    if (!settings->data) return say_usage("no data; name a set with --data imagefolder:DIR or --data cifar10:DIR");
    self->options.batch = settings->batch;
    self->options.workers = settings->readers;
    self->options.skip_bad = settings->skip_bad;
    int status = ranks_begin(&self->ranks);
    if (status == EXIT_OK) status = choose_views(settings, self);
    if (status == EXIT_OK) status = make_models(settings, operands, self);
    if (status == EXIT_OK) status = open_data(settings, self);
    if (status == EXIT_OK) status = agree(settings, self);
    if (status == EXIT_OK) status = ranks_device(self->ranks, &settings->device, &self->device);
    if (status == EXIT_OK && settings->predictions) status = begin_predictions(settings->predictions, self);
    return status;
}

/* Of model m's executor, which has run. */
static shunt_precision precision_taken(const evaluation *self, size_t m)
{
    shunt_executor *executor = NULL;
    return precision_of(shunt_model_executor(self->models[m], self->device, &executor) ? NULL : executor);
}

/* ---- The report --------------------------------------------------------------------------------------------------- */

static int report_json(const eval_settings *settings, const evaluation *self)
{
    const tally *t = &self->tally;
    double n = (double)t->count;
    json_t *models = json_array(), *scales = json_array(), *preprocess = json_array(), *precisions = json_array();
    for (size_t m = 0; m < self->nmodels; m++) {
        json_add(models, json_string(shunt_model_name(self->models[m])));
        json_add(preprocess, preprocess_json(self->models[m]));
        json_add(precisions, precision_json(precision_taken(self, m)));
    }
    for (size_t s = 0; s < self->options.nsides; s++) json_add(scales, json_integer(self->scales[s]));
    json_t *report = json_pack("{s:s, s:o, s:o, s:s, s:s, s:o, s:I, s:I, s:I, s:f, s:f, s:f}", "model",
                               shunt_model_name(self->models[0]), "models", models, "preprocess", preprocess, "device",
                               shunt_device_describe(self->device)->selector, "crops", settings->crops, "scales",
                               scales, "images", (json_int_t)t->count, "bad", (json_int_t)t->bad, "wrong",
                               (json_int_t)t->wrong1, "top1_error", 100 * (double)t->wrong1 / n, "top5_error",
                               100 * (double)t->wrong5 / n, "images_per_second", self->speed);
    json_put(report, "precision", precisions);
    json_put(report, "head", json_string(shunt_head_name(t->head)));
    json_put(report, "threshold", json_real(t->threshold));
    if (t->head == SHUNT_HEAD_MULTI_LABEL) {
        json_put(report, "missed", json_integer((json_int_t)t->missed));
        json_put(report, "named", json_integer((json_int_t)t->named));
    }
    eval_cost_put(report, &self->cost, self->models[0]);
    if (settings->per_class) json_put(report, "classes", tally_classes_json(t, self->models[0]));
    if (settings->confusions)
        json_put(report, "confusions", tally_pairs_json(t, self->models[0], (size_t)settings->confusions));
    return print_json(report, false);
}

static void print_precision(shunt_precision precision)
{
    char text[PRECISION_CHARS];
    if (!precision_is_usual(precision)) say_line("precision    %s", precision_text(precision, text));
}

static int report_text(const eval_settings *settings, const evaluation *self)
{
    const tally *t = &self->tally;
    double n = (double)t->count;
    int status = EXIT_OK;
    os_text list;
    size_t size;
    os_text_begin(&list);
    for (size_t m = 0; list.to && m < self->nmodels; m++)
        fprintf(list.to, "%s%s", m ? " + " : "", shunt_model_name(self->models[m]));
    char *names = os_text_end(&list, &size);
    if (!names) return say_failure("no memory");
    say_line("%s on %s, %llu pictures", names, shunt_device_describe(self->device)->selector,
             (unsigned long long)t->count);
    free(names);
    for (size_t m = 0; m < self->nmodels; m++) print_preprocess(self->models[m]);
    for (size_t m = 0; m < self->nmodels; m++) print_precision(precision_taken(self, m));
    if (t->bad) printf("left out     %llu that cannot be read\n", (unsigned long long)t->bad);
    if (t->head != SHUNT_HEAD_SOFTMAX)
        printf("head         %s, threshold %g %%\n", shunt_head_name(t->head), 100 * t->threshold);
    if (t->head == SHUNT_HEAD_MULTI_LABEL)
        printf("missed       %.2f %%  (%llu labels below that)\nnamed        %.2f classes a picture\n",
               100 * (double)t->missed / n, (unsigned long long)t->missed, (double)t->named / n);
    printf("top-1 error  %.2f %%  (%llu wrong)\ntop-5 error  %.2f %%\nspeed        %.0f images/s\n",
           100 * (double)t->wrong1 / n, (unsigned long long)t->wrong1, 100 * (double)t->wrong5 / n, self->speed);
    status = eval_cost_print(&self->cost, self->models[0]);
    if (settings->per_class && status == EXIT_OK) status = tally_print_classes(t, self->models[0]);
    if (settings->confusions && status == EXIT_OK)
        status = tally_print_pairs(t, self->models[0], (size_t)settings->confusions);
    return status;
}

/* ---- Pixels and objects --------------------------------------------------------------------------------------------------------- */

/* The first option that says something of whole pictures, or NULL. */
static const char *needless_option(const eval_settings *settings)
{
    return settings->picture_labels                 ? "--picture-labels"
           : strcmp(settings->crops, "centre") != 0 ? "--crops"
           : settings->scales                       ? "--scales"
           : settings->confusions                   ? "--confusions"
           : settings->predictions                  ? "--predictions"
           : settings->ghost                        ? "--ghost"
           : strcmp(settings->head.head, "auto")    ? "--head"
                                                    : NULL;
}

static int run_parts(const eval_settings *settings, int noperands)
{
    const char *other = needless_option(settings);
    if (other)
        return say_usage("%s does not apply to voc:DIR and coco:DIR, where pixels or objects have classes", other);
    if (noperands) return say_usage("one network is evaluated on pixels or objects; name its file with --weights");
    return eval_parts(&(part_settings){.model = &settings->model,
                                       .device = &settings->device,
                                       .preprocess = &settings->preprocess,
                                       .data = settings->data,
                                       .labels = settings->labels,
                                       .epsilon = settings->epsilon,
                                       .limit = settings->limit,
                                       .skip_bad = settings->skip_bad,
                                       .per_class = settings->per_class,
                                       .json = settings->output.json});
}

static int run(const void *settings, int noperands, char **operands)
{
    const eval_settings *wanted = settings;
    evaluation self = {0};
    if (parts_are_labelled(wanted->data)) return run_parts(wanted, noperands);
    if (wanted->epsilon) return say_usage("--epsilon is for networks that find objects, on coco:DIR");
    int status = set_up(wanted, operands, &self);
    if (status == EXIT_OK) {
        const size_t count = shunt_dataset_count(self.dataset), limit = (size_t)wanted->limit;
        size_t first, end;
        shunt_ranks_share(self.ranks, limit && limit < count ? limit : count, &first, &end);
        status = evaluate(&self, first, end - first);
    }
    if (status == EXIT_OK) status = merge(&self);
    int written = output_end(&self.predictions, status == EXIT_OK);
    if (status == EXIT_OK) status = written;
    if (status == EXIT_OK && ranks_speak(self.ranks))
        status = wanted->output.json ? report_json(wanted, &self) : report_text(wanted, &self);
    tally_end(&self.tally);
    eval_cost_end(&self.cost);
    free(self.classes);
    shunt_dataset_close(self.dataset);
    for (size_t m = 0; m < self.nmodels; m++) shunt_model_destroy(self.models[m]);
    shunt_device_close(self.device);
    size_t unsent;
    free(os_text_end(&self.memory, &unsent));
    ranks_end(self.ranks, status);
    return status;
}

const command eval_command = {
    .name = "eval",
    .summary = "Measure the error of a model, or of several together, on labelled pictures.",
    .operands = "[[MODEL=]WEIGHTS]...",
    .text =
        "Prints the top-1 error (the label is not the best guess), the top-5 error (the label is not among the five "
        "best), and the pictures per second of the model alone. Several weight files form an ensemble: their "
        "probabilities are averaged. Of networks that label pixels it prints the mean intersection over union of "
        "the classes, at the pictures' own size, and the share of right pixels; of networks that find objects COCO's "
        "average precision and recall, of boxes and of masks.",
    .groups = {{model_rows, FIELD(model)},
               {rows, 0},
               {preprocess_rows, FIELD(preprocess)},
               {head_rows, FIELD(head)},
               {device_rows, FIELD(device)},
               {json_rows, FIELD(output)}},
    .examples = {{"shunt eval --model resnet20 --weights resnet20.safetensors --data cifar10:cifar-10-batches-bin",
                  "The error on CIFAR-10's 10,000 test pictures."},
                 {"shunt eval --model resnet50 --weights resnet50.pth --data imagefolder:imagenet --crops ten",
                  "ImageNet's validation pictures in imagenet/val/n01440764/... , by ten crops."},
                 {"shunt eval resnet34=a.pth resnet50=b.pth --data imagefolder:val --crops whole",
                  "Two networks together, at the paper's five sizes."},
                 {"shunt eval --model retinanet_resnet50_fpn --weights retinanet.pth --data coco:coco",
                  "The precision of boxes on COCO's validation pictures: shunt detect and shunt score in one."},
                 {"mpirun -n 4 shunt eval --model resnet50 --weights resnet50.pth --data imagefolder:imagenet",
                  "Four processes share the pictures; each takes a GPU, or a part of the processor."},
                 {"shunt eval --weights mine.safetensors --data cifar10:DIR --limit 500 --predictions out.csv",
                  "A quick look, with every guess in a file."}},
    .settings_size = sizeof(eval_settings),
    .run = run,
};
