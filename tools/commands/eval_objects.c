/* eval_objects.c - shunt eval of networks that find objects, on COCO's folders: what shunt detect --json and shunt score do one after the
 * other. The ranks find objects in their share of the pictures; rank 0 compares them. */
#include "eval_parts.h"
#include "lib/box_results.h"
#include "lib/coco_figures.h"
#include "lib/progress.h"
#include "lib/ranks.h"
#include "lib/say.h"
#include "lib/summary.h"
#include "runtime/shared/os.h"
#include <stdlib.h>
#include <string.h>

enum { MOST_TASKS = 2 }; /* boxes, and masks */

typedef struct object_work {
    const part_work *parts;
    shunt_coco *truth;
    json_t *found; /* of this rank */
    double counts[4];
    double seconds;
    size_t tasks;
    shunt_coco_score scores[MOST_TASKS];
} object_work;

enum {
    PICTURES,
    BAD,
    MASKED,
    SPEED
}; /* of counts: pictures whose objects have masks; the last one in pictures a second */

/* ---- Pictures ------------------------------------------------------------------------------------------------------- */

static const char *file_name(const char *path)
{
    const char *slash = os_last_slash(path);
    return slash ? slash + 1 : path;
}

static int take(object_work *self, size_t index)
{
    const part_work *parts = self->parts;
    int64_t id;
    const char *path = shunt_coco_picture(self->truth, index, &id);
    shunt_image image = {0};
    shunt_detections *found = NULL;
    int status = shunt_image_read(path, &image) ? say_library_failure(NULL) : EXIT_OK;
    const double begun = summary_clock();
    if (status == EXIT_OK && shunt_detect(parts->model, parts->device, &image, NULL, &found))
        status = say_library_failure(path);
    self->seconds += summary_clock() - begun;
    if (status == EXIT_OK) {
        self->counts[PICTURES]++;
        self->counts[MASKED] += shunt_detections_have_masks(found);
        status = box_results_add(self->found, (json_int_t)id, file_name(path), &image, found);
    }
    shunt_detections_free(found);
    shunt_image_free(&image);
    return status;
}

static size_t count_pictures(const object_work *self)
{
    size_t count = 0;
    while (shunt_coco_picture(self->truth, count, NULL)) count++;
    return count;
}

static int find_all(object_work *self)
{
    shunt_ranks *ranks = self->parts->ranks;
    size_t first, end;
    int status = EXIT_OK;
    shunt_ranks_share(ranks, count_pictures(self), &first, &end);
    if (ranks_speak(ranks)) progress_begin("detecting", end - first);
    for (size_t i = first; status == EXIT_OK && i < end; i++) {
        status = take(self, i);
        if (status != EXIT_OK && self->parts->settings->skip_bad) {
            self->counts[BAD]++;
            status = EXIT_OK;
        }
        if (ranks_speak(ranks)) progress_advance(1);
    }
    if (ranks_speak(ranks)) progress_end();
    self->counts[SPEED] = self->seconds > 0 ? self->counts[PICTURES] / self->seconds : 0;
    if (status == EXIT_OK && shunt_ranks_sum(ranks, self->counts, 4)) return say_library_failure(NULL);
    self->tasks = self->counts[MASKED] > 0 ? 2 : 1;
    if (status == EXIT_OK && self->counts[PICTURES] == 0) return say_failure("no picture could be read");
    return status;
}

/* ---- The comparison ------------------------------------------------------------------------------------------------- */

/* The lists of all ranks, one behind the other, become one. */
static int join(const char *text, size_t size, json_t *into)
{
    for (size_t at = 0; at < size;) {
        json_error_t error;
        json_t *one = json_loadb(text + at, size - at, JSON_DISABLE_EOF_CHECK, &error);
        const bool joined = one && !json_array_extend(into, one);
        json_decref(one);
        if (!joined) return say_failure("the results of all processes cannot be joined: %s", error.text);
        at += (size_t)error.position;
    }
    return EXIT_OK;
}

static int write_list(const json_t *list, char **text, size_t *size)
{
    os_text made;
    os_text_begin(&made);
    const bool written = made.to && json_write(list, made.to, JSON_REAL_PRECISION(9)); /* as shunt detect */
    *text = os_text_end(&made, size);
    return written && *text ? EXIT_OK : say_failure("no memory");
}

/* The results of all ranks, on rank 0. */
static int collect(const object_work *self, char **text, size_t *size)
{
    void *all = NULL;
    int status = write_list(self->found, text, size);
    if (status != EXIT_OK || shunt_ranks_describe(self->parts->ranks)->count == 1) return status;
    if (shunt_ranks_gather(self->parts->ranks, *text, *size, &all, size)) return say_library_failure(NULL);
    if (!all) return EXIT_OK;
    free(*text);
    *text = NULL;
    json_t *joined = json_array();
    status = joined ? join(all, *size, joined) : say_failure("no memory");
    if (status == EXIT_OK) status = write_list(joined, text, size);
    json_decref(joined);
    free(all);
    return status;
}

static int compare(object_work *self, const char *text, size_t size)
{
    for (size_t task = 0; task < self->tasks; task++) {
        self->scores[task].size = sizeof self->scores[task];
        if (shunt_coco_evaluate_text(self->truth, text, size, (shunt_coco_task)task, NULL, &self->scores[task]))
            return say_library_failure(NULL);
    }
    return EXIT_OK;
}

/* ---- The report --------------------------------------------------------------------------------------------------- */

static int report_json(const object_work *self)
{
    const part_work *parts = self->parts;
    const shunt_coco_score *score = &self->scores[0];
    json_t *report = json_pack("{s:s, s:s, s:o, s:I, s:I, s:I, s:I, s:f}", "model", shunt_model_name(parts->model),
                               "device", shunt_device_describe(parts->device)->selector, "preprocess",
                               preprocess_json(parts->model), "images", (json_int_t)self->counts[PICTURES], "bad",
                               (json_int_t)self->counts[BAD], "objects", (json_int_t)score->objects, "detections",
                               (json_int_t)score->detections, "images_per_second", self->counts[SPEED]);
    for (size_t task = 0; task < self->tasks; task++) {
        json_t *figures = json_object();
        coco_figures_put(figures, (shunt_coco_task)task, &self->scores[task]);
        json_put(report, coco_task_name(task), figures);
    }
    return print_json(report, false);
}

static int report_text(const object_work *self)
{
    const part_work *parts = self->parts;
    const shunt_coco_score *score = &self->scores[0];
    say_line("%s on %s, %.0f pictures, %llu objects, %llu detections", shunt_model_name(parts->model),
             shunt_device_describe(parts->device)->selector, self->counts[PICTURES], (unsigned long long)score->objects,
             (unsigned long long)score->detections);
    print_preprocess(parts->model);
    if (self->counts[BAD] > 0)
        printf("left out  %.0f that cannot be used; their objects count as not found\n", self->counts[BAD]);
    for (size_t task = 0; task < self->tasks; task++) {
        say_line("%s", coco_task_name(task));
        coco_figures_print((shunt_coco_task)task, &self->scores[task]);
    }
    printf("speed  %.3g images/s\n", self->counts[SPEED]);
    return EXIT_OK;
}

/* ---- The whole ------------------------------------------------------------------------------------------------------ */

static int open_truth(object_work *self)
{
    const part_settings *settings = self->parts->settings;
    const shunt_coco_options options = {
        .size = sizeof options, .skip_bad = settings->skip_bad, .limit = (uint64_t)settings->limit};
    if (shunt_coco_open_set(settings->data, NULL, &options, &self->truth)) return say_library_failure(NULL);
    self->found = json_array();
    return self->found ? EXIT_OK : say_failure("no memory");
}

int eval_objects(const part_work *parts)
{
    object_work self = {.parts = parts};
    char *text = NULL;
    size_t size = 0;
    int status = open_truth(&self);
    if (status == EXIT_OK) status = find_all(&self);
    if (status == EXIT_OK) status = collect(&self, &text, &size);
    if (status == EXIT_OK && ranks_speak(parts->ranks)) {
        status = compare(&self, text, size);
        if (status == EXIT_OK) status = parts->settings->json ? report_json(&self) : report_text(&self);
    }
    free(text);
    json_decref(self.found);
    shunt_coco_close(self.truth);
    return status;
}
