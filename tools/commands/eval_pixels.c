/* eval_pixels.c - shunt eval of networks that label pixels: the mean intersection over union. Counts of pixels by class and by what the
 * network took them for are all that is kept of a picture. */
#include "eval_parts.h"
#include "lib/progress.h"
#include "lib/ranks.h"
#include "lib/say.h"
#include "lib/summary.h"
#include <math.h>
#include <stdlib.h>

enum { MOST_CLASSES = 255, IGNORED = 255 }; /* a label that counts for nothing */

typedef struct evaluation {
    shunt_model *model;
    shunt_device *device;
    shunt_pixelset *set;
    shunt_ranks *ranks;
    size_t classes;
    double *pixels; /* classes x classes: [label * classes + taken for]. Whole numbers, which ranks can add up */
    double counts[3];
    double seconds;
} evaluation;

enum { PICTURES, BAD, SPEED }; /* of counts: the last one in pictures a second */

/* ---- Pictures ------------------------------------------------------------------------------------------------------- */

static int check_labels(const evaluation *self, const char *name, const shunt_labelled_image *picture)
{
    const int64_t width = picture->image.width;
    for (int64_t i = 0; i < picture->image.height * width; i++)
        if (picture->classes[i] != IGNORED && picture->classes[i] >= self->classes)
            return say_failure("%s: the pixel in row %lld, column %lld has the label %d; %s has %zu classes", name,
                               (long long)(i / width), (long long)(i % width), picture->classes[i],
                               shunt_model_name(self->model), self->classes);
    return EXIT_OK;
}

static void count_pixels(evaluation *self, const shunt_labelled_image *picture, const shunt_segmentation *map)
{
    for (int64_t i = 0; i < map->height * map->width; i++)
        if (picture->classes[i] != IGNORED) self->pixels[picture->classes[i] * self->classes + map->classes[i]]++;
    self->counts[PICTURES]++;
}

static int take(evaluation *self, size_t index)
{
    shunt_labelled_image picture = {.classes = NULL};
    shunt_segmentation map = {.classes = NULL};
    int status = shunt_pixelset_get(self->set, index, &picture) ? say_library_failure(NULL) : EXIT_OK;
    if (status == EXIT_OK) status = check_labels(self, shunt_pixelset_name(self->set, index), &picture);
    const double begun = summary_clock();
    if (status == EXIT_OK && shunt_segment(self->model, self->device, &picture.image, &map))
        status = say_library_failure(shunt_pixelset_name(self->set, index));
    self->seconds += summary_clock() - begun;
    if (status == EXIT_OK) count_pixels(self, &picture, &map);
    shunt_segmentation_free(&map);
    shunt_labelled_image_free(&picture);
    return status;
}

static int evaluate(const part_settings *settings, evaluation *self)
{
    const size_t count = shunt_pixelset_count(self->set), limit = (size_t)settings->limit;
    size_t first, end;
    int status = EXIT_OK;
    shunt_ranks_share(self->ranks, limit && limit < count ? limit : count, &first, &end);
    if (ranks_speak(self->ranks)) progress_begin("evaluating", end - first);
    for (size_t i = first; status == EXIT_OK && i < end; i++) {
        status = take(self, i);
        if (status != EXIT_OK && settings->skip_bad) {
            self->counts[BAD]++;
            status = EXIT_OK;
        }
        if (ranks_speak(self->ranks)) progress_advance(1);
    }
    if (ranks_speak(self->ranks)) progress_end();
    self->counts[SPEED] = self->seconds > 0 ? self->counts[PICTURES] / self->seconds : 0;
    if (status == EXIT_OK && (shunt_ranks_sum(self->ranks, self->counts, 3) ||
                              shunt_ranks_sum(self->ranks, self->pixels, self->classes * self->classes)))
        return say_library_failure(NULL);
    if (status == EXIT_OK && self->counts[PICTURES] == 0) return say_failure("no picture could be read");
    return status;
}

/* ---- Setting up ------------------------------------------------------------------------------------------------- */

static int set_up(const part_work *work, evaluation *self)
{
    self->model = work->model;
    self->device = work->device;
    self->ranks = work->ranks;
    self->classes = (size_t)shunt_model_classes(self->model);
    if (self->classes > MOST_CLASSES)
        return say_failure("%s has %zu classes; a map of labels tells %d apart", shunt_model_name(self->model),
                           self->classes, MOST_CLASSES);
    if (shunt_pixelset_open(work->settings->data, NULL, &self->set)) return say_library_failure(NULL);
    self->pixels = calloc(self->classes * self->classes, sizeof *self->pixels);
    return self->pixels ? EXIT_OK : say_failure("no memory");
}

/* ---- The report --------------------------------------------------------------------------------------------------- */

/* Of one class: its pixels, those taken for it, and those of both. */
typedef struct class_result {
    double labelled, taken, both;
} class_result;

static class_result result_of(const evaluation *self, size_t class)
{
    class_result made = {.both = self->pixels[class * self->classes + class]};
    for (size_t i = 0; i < self->classes; i++) {
        made.labelled += self->pixels[class * self->classes + i];
        made.taken += self->pixels[i * self->classes + class];
    }
    return made;
}

static double iou_of(const class_result *result)
{
    return result->both / (result->labelled + result->taken - result->both);
}

typedef struct means {
    double iou, accuracy, right; /* shares; right: of all pixels */
    size_t seen, labelled;       /* classes that are labels or were taken; that are labels */
} means;

static means means_of(const evaluation *self)
{
    means made = {0};
    double all = 0;
    for (size_t c = 0; c < self->classes; c++) {
        const class_result result = result_of(self, c);
        all += result.labelled;
        made.right += result.both;
        if (result.labelled + result.taken > 0) made.seen++, made.iou += iou_of(&result);
        if (result.labelled > 0) made.labelled++, made.accuracy += result.both / result.labelled;
    }
    made.iou /= (double)made.seen;
    made.accuracy /= (double)made.labelled;
    made.right /= all;
    return made;
}

static json_t *share_json(double share)
{
    return isfinite(share) ? json_real(100 * share) : json_null();
}

static int report_json(const evaluation *self)
{
    const means m = means_of(self);
    json_t *classes = json_array();
    for (size_t c = 0; c < self->classes; c++) {
        const class_result result = result_of(self, c);
        const char *label = shunt_model_label(self->model, (int64_t)c);
        json_add(classes,
                 json_pack("{s:I, s:o, s:o, s:o, s:I}", "class", (json_int_t)c, "label",
                           label ? json_text(label) : json_null(), "iou", share_json(iou_of(&result)), "accuracy",
                           share_json(result.both / result.labelled), "pixels", (json_int_t)result.labelled));
    }
    return print_json(
        json_pack("{s:s, s:s, s:o, s:I, s:I, s:o, s:o, s:o, s:I, s:o, s:f}", "model", shunt_model_name(self->model),
                  "device", shunt_device_describe(self->device)->selector, "preprocess", preprocess_json(self->model),
                  "images", (json_int_t)self->counts[PICTURES], "bad", (json_int_t)self->counts[BAD], "mean_iou",
                  share_json(m.iou), "pixel_accuracy", share_json(m.right), "mean_accuracy", share_json(m.accuracy),
                  "classes_seen", (json_int_t)m.seen, "classes", classes, "images_per_second", self->counts[SPEED]),
        false);
}

static void print_classes(const evaluation *self)
{
    for (size_t c = 0; c < self->classes; c++) {
        const class_result result = result_of(self, c);
        const char *label = shunt_model_label(self->model, (int64_t)c);
        if (result.labelled + result.taken == 0) continue;
        say_line("%6.2f %%  %zu%s%s", 100 * iou_of(&result), c, label ? " " : "", label ? label : "");
    }
}

static int report_text(const part_settings *settings, const evaluation *self)
{
    const means m = means_of(self);
    say_line("%s on %s, %.0f pictures", shunt_model_name(self->model), shunt_device_describe(self->device)->selector,
             self->counts[PICTURES]);
    print_preprocess(self->model);
    if (self->counts[BAD] > 0) printf("left out        %.0f that cannot be used\n", self->counts[BAD]);
    printf("mean IoU        %.2f %%  (%zu of %zu classes occur)\npixel accuracy  %.2f %%\nmean accuracy   %.2f %%\n"
           "speed           %.3g images/s\n",
           100 * m.iou, m.seen, self->classes, 100 * m.right, 100 * m.accuracy, self->counts[SPEED]);
    if (settings->per_class) print_classes(self);
    return EXIT_OK;
}

int eval_pixels(const part_work *work)
{
    evaluation self = {.seconds = 0};
    const part_settings *settings = work->settings;
    int status = set_up(work, &self);
    if (status == EXIT_OK) status = evaluate(settings, &self);
    if (status == EXIT_OK && ranks_speak(self.ranks))
        status = settings->json ? report_json(&self) : report_text(settings, &self);
    free(self.pixels);
    shunt_pixelset_close(self.set);
    return status;
}
