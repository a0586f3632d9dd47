/* detect.c - shunt detect: which objects are where in pictures. A picture that cannot be read does not stop the others. */
#include "commands.h"
#include "lib/box_overlay.h"
#include "lib/box_results.h"
#include "lib/pictures.h"
#include "lib/progress.h"
#include "lib/results.h"
#include "lib/say.h"
#include "lib/summary.h"
#include "lib/usual_labels.h"
#include "runtime/shared/os.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

typedef struct detect_settings {
    model_settings model;
    device_settings device;
    preprocess_settings preprocess;
    const char *labels, *list, *out, *epsilon, *score, *overlap;
    int64_t longest, most, proposals;
    bool random_weights, no_exif;
    json_settings output;
} detect_settings;

#define FIELD(name) offsetof(detect_settings, name)

static const option_row rows[] = {
    {"out", OPTION_TEXT, FIELD(out), "FILE|FOLDER",
     "Write the picture with the objects' boxes, masks and names drawn over it, as a PNG file. For several pictures a "
     "folder, "
     "in "
     "which street.jpg's is street.png.",
     NULL, 0, 0},
    {"score", OPTION_TEXT, FIELD(score), "P", "Objects have a higher score.", "0.05", 0, 0},
    {"overlap", OPTION_TEXT, FIELD(overlap), "P",
     "Of two boxes of a class whose intersection over union is larger, the one of the lower score is left out.", "0.5",
     0, 0},
    {"most", OPTION_COUNT, FIELD(most), "N",
     "So many objects a picture at most. Default: as the network's authors chose.", NULL, 1, 100000},
    {"proposals", OPTION_COUNT, FIELD(proposals), "N",
     "Of networks that propose boxes first, such as Faster R-CNN: so many are looked into. Fewer take less time. "
     "Default: "
     "1000, which is most.",
     NULL, 1, 1000},
    {"longest", OPTION_COUNT, FIELD(longest), "N",
     "The long side of the network's input at most; the short side is --resize.", "1333", 1, 16384},
    {"epsilon", OPTION_TEXT, FIELD(epsilon), "0|1e-5",
     "What frozen batch norms add to a variance, which weight files do not hold. Default: 0 for torchvision's first "
     "files, "
     "which are known by their SHA-256, else 1e-5.",
     NULL, 0, 0},
    {"labels", OPTION_TEXT, FIELD(labels), "FILE",
     "Names of the classes, one per line, the background first. Default: the names in the weight file; for 91 classes "
     "without names those of COCO.",
     NULL, 0, 0},
    {"list", OPTION_TEXT, FIELD(list), "FILE", "More pictures: a text file with one path a line; - is standard input.",
     NULL, 0, 0},
    {"no-exif", OPTION_FLAG, FIELD(no_exif), NULL,
     "Take pictures as the camera stored them. Default: they are turned as their EXIF orientation says.", NULL, 0, 0},
    {"random-weights", OPTION_FLAG, FIELD(random_weights), NULL,
     "Run without --weights. The objects mean nothing; this only shows that everything works.", NULL, 0, 0},
    {0}};

static const char random_note[] = "Random weights: these objects mean nothing.";

/* Pictures under way. */
typedef struct work {
    shunt_model *model;
    shunt_device *device;
    shunt_detect_options options;
    shunt_status (*read)(const char *path, shunt_image *out);
    result_paths drawn;
    json_t *results; /* in COCO's format; NULL: text is printed */
    bool numbered;   /* all pictures' names are numbers */
    shunt_tensor_desc input;
    size_t failed;
} work;

/* ---- COCO's number of a picture ------------------------------------------------------------------------------------- */

static const char *file_name(const char *path)
{
    const char *slash = os_last_slash(path);
    return slash ? slash + 1 : path;
}

/* "000000397133.jpg" is 397133; -1: the name is no such number. */
static int64_t number_of(const char *path)
{
    enum { MOST_DIGITS = 15 };
    const char *name = file_name(path), *end = name;
    while (isdigit((unsigned char)*end)) end++;
    if (end == name || end - name > MOST_DIGITS || (*end && *end != '.')) return -1;
    return strtoll(name, NULL, 10);
}

static bool all_numbered(const picture_paths *pictures)
{
    for (size_t i = 0; i < pictures->count; i++)
        if (number_of(pictures->paths[i]) < 0) return false;
    return true;
}

/* ---- One picture ---------------------------------------------------------------------------------------------------- */

/* The name of a class; without labels "class 3", which the next call overwrites. */
static const char *name_of(const void *context, int32_t label)
{
    static char text[24];
    const char *name = shunt_model_label(context, label);
    if (name) return name;
    snprintf(text, sizeof text, "class %d", label);
    return text;
}

static void print_picture(const work *self, const char *path, const shunt_detections *found)
{
    const shunt_detection *one;
    say_line("%s", path);
    for (size_t i = 0; (one = shunt_detections_at(found, i)); i++)
        say_line("  %5.1f %%  %s  %.1f,%.1f - %.1f,%.1f", 100 * (double)one->score, name_of(self->model, one->label),
                 (double)one->box[0], (double)one->box[1], (double)one->box[2], (double)one->box[3]);
}

static int put(const work *self, size_t i, const char *path, const shunt_image *image, const shunt_detections *found)
{
    int status = EXIT_OK;
    if (self->drawn.paths) status = box_overlay_write(image, found, name_of, self->model, self->drawn.paths[i]);
    if (status == EXIT_OK && self->results)
        status = box_results_add(self->results, self->numbered ? number_of(path) : (json_int_t)i + 1, file_name(path),
                                 image, found);
    if (status == EXIT_OK && !self->results) print_picture(self, path, found);
    return status;
}

static int take(work *self, size_t i, const char *path)
{
    shunt_image image = {0};
    shunt_detections *found = NULL;
    int64_t size[2];
    int status = EXIT_OK;
    if (self->read(path, &image) || shunt_detect(self->model, self->device, &image, &self->options, &found)) {
        self->failed++;
        say_library_failure(path);
    } else {
        shunt_detections_input(found, &size[0], &size[1]);
        self->input = model_input(self->model, 1, size);
        status = put(self, i, path, &image, found);
    }
    shunt_detections_free(found);
    shunt_image_free(&image);
    progress_advance(1);
    return status;
}

/* ---- The command ---------------------------------------------------------------------------------------------------- */

static int choose_part(const char *name, const char *text, double *out)
{
    char *end;
    *out = strtod(text, &end);
    if (end == text || *end || !(*out > 0 && *out < 1))
        return say_usage("--%s %s: must be a number between 0 and 1", name, text);
    return EXIT_OK;
}

static int choose_options(const detect_settings *self, shunt_detect_options *out)
{
    *out = (shunt_detect_options){.size = sizeof *out,
                                  .most = (uint32_t)self->most,
                                  .longest = self->longest,
                                  .proposals = (uint32_t)self->proposals};
    int status = choose_part("score", self->score, &out->least_score);
    return status == EXIT_OK ? choose_part("overlap", self->overlap, &out->overlap) : status;
}

static int set_labels(const detect_settings *self, shunt_model *model)
{
    bool assumed;
    if (self->labels && shunt_model_load_labels(model, self->labels)) return say_library_failure(self->labels);
    int status = usual_labels_assume(model, &assumed);
    if (assumed && !self->output.json)
        say_info("the file does not name its 91 classes: they are taken as those of COCO");
    return status;
}

static int set_up_model(const detect_settings *self, shunt_model **out)
{
    shunt_model_options options = {.size = sizeof options};
    if (self->random_weights && self->model.weights)
        return say_usage("--random-weights and --weights exclude each other");
    int status = epsilon_from_text(self->epsilon, &options.epsilon);
    if (status == EXIT_OK)
        status =
            model_from_settings(&self->model, self->random_weights ? WEIGHTS_OR_RANDOM : WEIGHTS_NEEDED, &options, out);
    if (status == EXIT_OK && shunt_model_task(*out) != SHUNT_TASK_DETECT)
        status = say_usage("%s finds no objects; use shunt %s, or a network such as retinanet_resnet50_fpn",
                           shunt_model_name(*out), command_for(*out));
    preprocess_settings whole = self->preprocess; /* no square is cut out */
    if (!whole.crop) whole.crop = whole.resize;
    if (status == EXIT_OK) status = model_preprocess_from_settings(&whole, *out);
    if (status == EXIT_OK && shunt_model_assumption(*out)) say_info(shunt_model_assumption(*out));
    return status == EXIT_OK ? set_labels(self, *out) : status;
}

/* All pictures. EXIT_FAILED if any failed. */
static int detect(work *self, const detect_settings *settings, const picture_paths *pictures)
{
    const double begun = summary_clock();
    int status = EXIT_OK;
    self->numbered = all_numbered(pictures);
    if (settings->output.json && !(self->results = json_array())) return say_failure("no memory");
    if (settings->random_weights && !settings->output.json) say_line("%s", random_note);
    progress_begin("detecting", pictures->count);
    for (size_t i = 0; status == EXIT_OK && i < pictures->count; i++) status = take(self, i, pictures->paths[i]);
    progress_end();
    const double seconds = summary_clock() - begun;
    if (status == EXIT_OK && self->results) status = print_json(json_incref(self->results), false);
    json_decref(self->results);
    if (status != EXIT_OK) return status;
    summary_say(
        &(run_summary){self->model, self->device, self->input, pictures->count, self->failed, seconds, &self->options});
    return self->failed ? EXIT_FAILED : EXIT_OK;
}

static int run(const void *settings, int noperands, char **operands)
{
    const detect_settings *self = settings;
    work all = {.read = self->no_exif ? shunt_image_read : shunt_image_read_upright};
    picture_paths pictures = {0};
    if (noperands == 0 && !self->list) return say_usage("no picture; name at least one");
    int status = choose_options(self, &all.options);
    if (status == EXIT_OK) status = set_up_model(self, &all.model);
    if (status == EXIT_OK) status = pictures_find(operands, self->list, &pictures);
    if (status == EXIT_OK) status = results_place("out", self->out, &pictures, &all.drawn);
    if (status == EXIT_OK) status = device_from_settings(&self->device, &all.device);
    if (status == EXIT_OK) status = detect(&all, self, &pictures);
    results_free(&all.drawn);
    pictures_free(&pictures);
    shunt_model_destroy(all.model);
    shunt_device_close(all.device);
    return status;
}

const command detect_command = {
    .name = "detect",
    .summary = "Find objects in pictures: what they are, and the boxes around them.",
    .operands = "IMAGE|FOLDER...",
    .text =
        "Pictures are as for shunt classify. For each of them the objects are printed, the one with the highest score "
        "first: "
        "score, class, and the left upper and right lower corner of the box in pixels. With --json all objects of all "
        "pictures are one list in COCO's format of results, as shunt score reads it: image_id is the number in the "
        "picture's name (000000397133.jpg), or, if not all names are numbers, its place, from 1. A picture that cannot "
        "be "
        "read is reported, and the others go on; the exit status is 1 then. The last line, on standard error, says how "
        "many pictures there were, where they ran, how fast, and how many failed.",
    .groups = {{model_rows, FIELD(model)},
               {rows, 0},
               {preprocess_rows, FIELD(preprocess)},
               {device_rows, FIELD(device)},
               {json_rows, FIELD(output)}},
    .examples = {{"shunt detect --model retinanet_resnet50_fpn --weights retinanet.pth street.jpg --out boxes.png",
                  "The objects of a picture, and the picture with their boxes."},
                 {"shunt detect --model retinanet_resnet50_fpn --weights retinanet.pth --json val2017/ >results.json",
                  "All pictures of a folder, for shunt score."},
                 {"shunt detect --model fasterrcnn_resnet50_fpn --weights fasterrcnn.pth --proposals 300 street.jpg",
                  "Faster R-CNN, on the 300 best proposals."}},
    .settings_size = sizeof(detect_settings),
    .run = run,
};
