/* segment.c - shunt segment: the class of each pixel of pictures. A picture that cannot be read does not stop the others. */
#include "commands.h"
#include "lib/class_map.h"
#include "lib/pictures.h"
#include "lib/precision.h"
#include "lib/progress.h"
#include "lib/results.h"
#include "lib/say.h"
#include "lib/summary.h"
#include "lib/usual_labels.h"
#include <stdlib.h>
#include <string.h>

typedef struct segment_settings {
    model_settings model;
    device_settings device;
    preprocess_settings preprocess;
    const char *labels, *list, *out, *overlay;
    bool random_weights, no_exif;
    json_settings output;
} segment_settings;

#define FIELD(name) offsetof(segment_settings, name)

static const option_row rows[] = {
    {"out", OPTION_TEXT, FIELD(out), "FILE|FOLDER",
     "Write the class of each pixel as a PNG file with a palette, of the picture's size. For several pictures a "
     "folder, "
     "in which street.jpg's classes are street.png.",
     NULL, 0, 0},
    {"overlay", OPTION_TEXT, FIELD(overlay), "FILE|FOLDER",
     "Write the picture with its classes drawn over it, as a PNG file. Class 0, the background, is not drawn.", NULL, 0,
     0},
    {"labels", OPTION_TEXT, FIELD(labels), "FILE",
     "Names of the classes, one per line. Default: the names in the weight file; for 21 classes without names those of "
     "Pascal VOC.",
     NULL, 0, 0},
    {"list", OPTION_TEXT, FIELD(list), "FILE", "More pictures: a text file with one path a line; - is standard input.",
     NULL, 0, 0},
    {"no-exif", OPTION_FLAG, FIELD(no_exif), NULL,
     "Take pictures as the camera stored them. Default: they are turned as their EXIF orientation says.", NULL, 0, 0},
    {"random-weights", OPTION_FLAG, FIELD(random_weights), NULL,
     "Run without --weights. The classes mean nothing; this only shows that everything works.", NULL, 0, 0},
    {0}};

static const char random_note[] = "Random weights: these classes mean nothing.";

/* Pictures under way. */
typedef struct work {
    shunt_model *model;
    shunt_device *device;
    shunt_status (*read)(const char *path, shunt_image *out);
    result_paths maps, overlays;
    json_t *images; /* of the report; NULL: text is printed */
    shunt_tensor_desc input;
    size_t failed;
    bool labels_assumed;
} work;

/* ---- One picture ------------------------------------------------------------------------------------------------------ */

enum { CLASSES = 256 };

/* The classes that a picture has, the largest first. */
typedef struct census {
    uint64_t pixels[CLASSES];
    int64_t order[CLASSES];
    size_t found;
    char names[CLASSES][16]; /* of those without a label */
} census;

static void count_classes(const shunt_segmentation *map, census *out)
{
    *out = (census){.found = 0};
    for (int64_t i = 0; i < map->height * map->width; i++) out->pixels[map->classes[i]]++;
    for (int64_t c = 0; c < CLASSES; c++) {
        size_t at = out->found;
        if (!out->pixels[c]) continue;
        for (; at && out->pixels[out->order[at - 1]] < out->pixels[c]; at--) out->order[at] = out->order[at - 1];
        out->order[at] = c;
        out->found++;
    }
}

static const char *name_of(const work *self, int64_t class, census *counts)
{
    const char *label = shunt_model_label(self->model, class);
    if (label) return label;
    snprintf(counts->names[class], sizeof counts->names[class], "class %lld", (long long)class);
    return counts->names[class];
}

static void print_picture(const work *self, const char *path, const shunt_segmentation *map, census *counts)
{
    say_line("%s", path);
    for (size_t i = 0; i < counts->found; i++) {
        const int64_t class = counts->order[i];
        const double share = (double)counts->pixels[class] / (double)(map->height * map->width);
        say_line("  %5.1f %%  %s", 100 * share, name_of(self, class, counts));
    }
}

static void report_picture(const work *self, const char *path, const shunt_segmentation *map, const census *counts)
{
    json_t *classes = json_array(), *image = json_pack("{s:o, s:I, s:I}", "image", json_text(path), "height",
                                                       (json_int_t)map->height, "width", (json_int_t)map->width);
    for (size_t i = 0; i < counts->found; i++) {
        const int64_t class = counts->order[i];
        const char *label = shunt_model_label(self->model, class);
        json_add(classes,
                 json_pack("{s:I, s:o, s:I}", "class", (json_int_t) class, "label",
                           label ? json_text(label) : json_null(), "pixels", (json_int_t)counts->pixels[class]));
    }
    json_put(image, "classes", classes);
    json_add(self->images, image);
}

static int write_overlay(const work *self, size_t i, const shunt_image *image, const shunt_segmentation *map,
                         census *counts)
{
    class_shown shown[CLASSES];
    size_t count = 0;
    for (size_t k = 0; k < counts->found; k++)
        if (counts->order[k]) shown[count++] = (class_shown){counts->order[k], name_of(self, counts->order[k], counts)};
    return class_overlay_write(image, map, shown, count, self->overlays.paths[i]);
}

/* What a picture gives. */
static int put(const work *self, size_t i, const char *path, const shunt_image *image, const shunt_segmentation *map)
{
    census *counts = malloc(sizeof *counts);
    if (!counts) return say_failure("no memory");
    int status = EXIT_OK;
    count_classes(map, counts);
    if (self->maps.paths) status = class_map_write(map, self->maps.paths[i]);
    if (status == EXIT_OK && self->overlays.paths) status = write_overlay(self, i, image, map, counts);
    if (status == EXIT_OK && self->images) report_picture(self, path, map, counts);
    if (status == EXIT_OK && !self->images) print_picture(self, path, map, counts);
    free(counts);
    return status;
}

static void put_failure(work *self, const char *path)
{
    self->failed++;
    say_library_failure(path);
    if (self->images)
        json_add(self->images,
                 json_pack("{s:o, s:o}", "image", json_text(path), "error", json_text(shunt_last_error())));
}

static int take(work *self, size_t i, const char *path)
{
    shunt_image image = {0};
    shunt_segmentation map = {0};
    int status = EXIT_OK;
    if (self->read(path, &image) || shunt_segment(self->model, self->device, &image, &map)) {
        put_failure(self, path);
    } else {
        self->input = model_input(self->model, 1, (const int64_t[]){map.input_height, map.input_width});
        status = put(self, i, path, &image, &map);
    }
    shunt_segmentation_free(&map);
    shunt_image_free(&image);
    progress_advance(1);
    return status;
}

/* ---- The command -------------------------------------------------------------------------------------------------------- */

static int set_labels(const segment_settings *self, shunt_model *model, bool *assumed)
{
    if (self->labels && shunt_model_load_labels(model, self->labels)) return say_library_failure(self->labels);
    int status = usual_labels_assume(model, assumed);
    if (*assumed && !self->output.json)
        say_info("the file does not name its 21 classes: they are taken as those of Pascal VOC");
    return status;
}

static int set_up_model(const segment_settings *self, shunt_model **out, bool *assumed)
{
    if (self->random_weights && self->model.weights)
        return say_usage("--random-weights and --weights exclude each other");
    int status =
        model_from_settings(&self->model, self->random_weights ? WEIGHTS_OR_RANDOM : WEIGHTS_NEEDED, NULL, out);
    if (status == EXIT_OK && shunt_model_task(*out) != SHUNT_TASK_SEGMENT)
        status = say_usage("%s tells no classes of pixels; use shunt %s, or a network such as deeplabv3_resnet50",
                           shunt_model_name(*out), command_for(*out));
    preprocess_settings whole = self->preprocess; /* no square is cut out */
    if (!whole.crop) whole.crop = whole.resize;
    if (status == EXIT_OK) status = model_preprocess_from_settings(&whole, *out);
    return status == EXIT_OK ? set_labels(self, *out, assumed) : status;
}

static int print_report(const work *self, const segment_settings *settings)
{
    json_t *report = json_pack("{s:s, s:s, s:o, s:b, s:o, s:b, s:O}", "model", shunt_model_name(self->model), "device",
                               shunt_device_describe(self->device)->selector, "precision",
                               precision_json_of(self->model, self->device), "random_weights", settings->random_weights,
                               "preprocess", preprocess_json(self->model), "labels_assumed", self->labels_assumed,
                               "images", self->images);
    if (settings->random_weights) json_put(report, "note", json_string(random_note));
    return print_json(report, false);
}

/* All pictures. EXIT_FAILED if any failed. */
static int segment(work *self, const segment_settings *settings, const picture_paths *pictures)
{
    const double begun = summary_clock();
    int status = EXIT_OK;
    if (settings->output.json && !(self->images = json_array())) return say_failure("no memory");
    if (settings->random_weights && !settings->output.json) say_line("%s", random_note);
    progress_begin("segmenting", pictures->count);
    for (size_t i = 0; status == EXIT_OK && i < pictures->count; i++) status = take(self, i, pictures->paths[i]);
    progress_end();
    const double seconds = summary_clock() - begun;
    if (status == EXIT_OK && settings->output.json) status = print_report(self, settings);
    json_decref(self->images);
    if (status != EXIT_OK) return status;
    summary_say(&(run_summary){self->model, self->device, self->input, pictures->count, self->failed, seconds, NULL});
    return self->failed ? EXIT_FAILED : EXIT_OK;
}

static int run(const void *settings, int noperands, char **operands)
{
    const segment_settings *self = settings;
    work all = {.read = self->no_exif ? shunt_image_read : shunt_image_read_upright};
    picture_paths pictures = {0};
    if (noperands == 0 && !self->list) return say_usage("no picture; name at least one");
    int status = set_up_model(self, &all.model, &all.labels_assumed);
    if (status == EXIT_OK) status = pictures_find(operands, self->list, &pictures);
    if (status == EXIT_OK) status = results_place("out", self->out, &pictures, &all.maps);
    if (status == EXIT_OK) status = results_place("overlay", self->overlay, &pictures, &all.overlays);
    if (status == EXIT_OK) status = device_from_settings(&self->device, &all.device);
    if (status == EXIT_OK) status = segment(&all, self, &pictures);
    results_free(&all.maps);
    results_free(&all.overlays);
    pictures_free(&pictures);
    shunt_model_destroy(all.model);
    shunt_device_close(all.device);
    return status;
}

const command segment_command = {
    .name = "segment",
    .summary = "Find the class of each pixel of pictures.",
    .operands = "IMAGE|FOLDER...",
    .text =
        "Pictures are as for shunt classify. For each of them the classes that it has are printed, with their share of "
        "the "
        "pixels. A picture that cannot be read is reported, and the others are still segmented; the exit status is 1 "
        "then. Where a picture is expected, - is standard input. The last line, on standard error, says how many "
        "pictures there were, where they ran, how fast, and how many failed.",
    .groups = {{model_rows, FIELD(model)},
               {rows, 0},
               {preprocess_rows, FIELD(preprocess)},
               {device_rows, FIELD(device)},
               {json_rows, FIELD(output)}},
    .examples = {{"shunt segment --model deeplabv3_resnet50 --weights deeplabv3.pth street.jpg --out classes.png",
                  "A map of the classes, of the picture's size."},
                 {"shunt segment --model fcn_resnet50 --weights fcn.pth --overlay drawn/ holiday/",
                  "All pictures of a folder, with their classes drawn over them."},
                 {"shunt segment --model deeplabv3_resnet50 --weights deeplabv3.pth --json street.jpg",
                  "How many pixels each class has, for another program."}},
    .settings_size = sizeof(segment_settings),
    .run = run,
};
