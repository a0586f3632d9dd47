/* evaluate.c - the figures: average precision and recall over thresholds, areas and numbers of detections. */
#include "runtime/coco/coco.h"

#include "runtime/base/error.h"

#include <float.h>
#include <stdlib.h>
#include <string.h>

enum { RECALLS = 101, LIMITS = 3 };

/* A figure is a mean over thresholds (or one), for one range of areas and one limit of detections. */
typedef struct figure {
    const char *name;
    bool recall;
    int threshold; /* -1: all */
    uint32_t area, limit;
} figure;

typedef struct task_row {
    coco_areas areas;
    uint32_t limits[LIMITS], nlimits; /* detections of a picture */
    uint32_t nfigures;
    figure figures[SHUNT_COCO_FIGURES];
} task_row;

#define LARGEST 1e10
static const task_row objects_row = {.areas = {4, {0, 0, 32 * 32, 96 * 96}, {LARGEST, 32 * 32, 96 * 96, LARGEST}},
                                     .limits = {1, 10, 100},
                                     .nlimits = 3,
                                     .nfigures = 12,
                                     .figures = {{"AP", false, -1, 0, 2},
                                                 {"AP50", false, 0, 0, 2},
                                                 {"AP75", false, 5, 0, 2},
                                                 {"APs", false, -1, 1, 2},
                                                 {"APm", false, -1, 2, 2},
                                                 {"APl", false, -1, 3, 2},
                                                 {"AR1", true, -1, 0, 0},
                                                 {"AR10", true, -1, 0, 1},
                                                 {"AR100", true, -1, 0, 2},
                                                 {"ARs", true, -1, 1, 2},
                                                 {"ARm", true, -1, 2, 2},
                                                 {"ARl", true, -1, 3, 2}}};
static const task_row keypoints_row = {.areas = {3, {0, 32 * 32, 96 * 96}, {LARGEST, 96 * 96, LARGEST}},
                                       .limits = {20},
                                       .nlimits = 1,
                                       .nfigures = 10,
                                       .figures = {{"AP", false, -1, 0, 0},
                                                   {"AP50", false, 0, 0, 0},
                                                   {"AP75", false, 5, 0, 0},
                                                   {"APm", false, -1, 1, 0},
                                                   {"APl", false, -1, 2, 0},
                                                   {"AR", true, -1, 0, 0},
                                                   {"AR50", true, 0, 0, 0},
                                                   {"AR75", true, 5, 0, 0},
                                                   {"ARm", true, -1, 1, 0},
                                                   {"ARl", true, -1, 2, 0}}};

static const task_row *row_of(shunt_coco_task task)
{
    return task == SHUNT_COCO_KEYPOINTS ? &keypoints_row : &objects_row;
}

const char *shunt_coco_figure(shunt_coco_task task, uint32_t index)
{
    return index < row_of(task)->nfigures ? row_of(task)->figures[index].name : NULL;
}

/* Over the categories that have an object: sums of precision (over recalls) and of recall, for each threshold. */
typedef struct cell {
    double precision[COCO_THRESHOLDS], recall[COCO_THRESHOLDS];
    uint64_t categories;
} cell;

typedef struct evaluation {
    const shunt_coco *truth;
    shunt_coco_task task;
    const task_row *row;
    coco_objects truths, found;
    coco_outcome *outcomes;
    size_t noutcomes;
    double *precision; /* by detection, of one curve */
    cell cells[COCO_AREAS][LIMITS];
} evaluation;

/* ---- Precision and recall of a category ---- */

static double recall_at(uint32_t index)
{
    return index + 1 == RECALLS ? 1 : index * .01;
}

/* Precision becomes the best at this recall or above; the mean over the recalls 0, 0.01 ... 1, 0 for those that are not reached. */
static double mean_precision(double *precision, const uint64_t *hits, size_t count, uint64_t npositive)
{
    double sum = 0;
    for (size_t i = count; i-- > 1;)
        if (precision[i] > precision[i - 1]) precision[i - 1] = precision[i];
    size_t at = 0;
    for (uint32_t r = 0; r < RECALLS; r++) {
        while (at < count && (double)hits[at] / (double)npositive < recall_at(r)) at++;
        if (at == count) break;
        sum += precision[at];
    }
    return sum / RECALLS;
}

static void add_curve(evaluation *self, uint64_t *hits, uint32_t area, uint32_t limit, uint32_t threshold,
                      uint64_t npositive)
{
    const uint16_t bit = (uint16_t)(1 << threshold);
    uint64_t right = 0, wrong = 0;
    size_t count = 0;
    for (size_t i = 0; i < self->noutcomes; i++) {
        const coco_outcome *o = &self->outcomes[i];
        if (o->rank >= self->row->limits[limit]) continue;
        if (!(o->ignored[area] & bit)) {
            right += (o->matched[area] & bit) != 0;
            wrong += (o->matched[area] & bit) == 0;
        }
        hits[count] = right;
        self->precision[count++] = (double)right / ((double)(right + wrong) + DBL_EPSILON);
    }
    cell *to = &self->cells[area][limit];
    to->recall[threshold] += count ? (double)right / (double)npositive : 0;
    to->precision[threshold] += mean_precision(self->precision, hits, count, npositive);
}

/* Stable: of equal scores the picture with the lower id comes first. The outcomes lie in the order of pictures and ranks. */
static bool sort_outcomes(evaluation *self)
{
    coco_outcome *from = self->outcomes, *spare = malloc((self->noutcomes + 1) * sizeof *spare), *to = spare;
    if (!spare) return false;
    for (size_t width = 1; width < self->noutcomes; width *= 2) {
        for (size_t begin = 0; begin < self->noutcomes; begin += 2 * width) {
            size_t middle = begin + width < self->noutcomes ? begin + width : self->noutcomes;
            const size_t end = middle + width < self->noutcomes ? middle + width : self->noutcomes;
            for (size_t at = begin, a = begin, b = middle; at < end; at++)
                to[at] = b == end || (a < middle && from[a].score >= from[b].score) ? from[a++] : from[b++];
        }
        coco_outcome *swap = from;
        from = to;
        to = swap;
    }
    if (from != self->outcomes) memcpy(self->outcomes, from, self->noutcomes * sizeof *from);
    free(spare);
    return true;
}

/* ---- Objects and detections of a category, picture by picture ---- */

static int by_score(const void *a, const void *b)
{
    const coco_object *x = a, *y = b;
    if (x->score != y->score) return x->score > y->score ? -1 : 1;
    return (x->order > y->order) - (x->order < y->order);
}

/* The objects from *at on that are of this category and picture. */
static size_t take_group(const coco_objects *from, size_t *at, uint32_t category, uint32_t picture)
{
    const size_t begin = *at;
    while (*at < from->count && from->list[*at].category == category && from->list[*at].picture == picture) ++*at;
    return *at - begin;
}

static bool match_picture(evaluation *self, coco_object *found, size_t nfound, const coco_object *truths,
                          size_t ntruths, uint64_t *npositive)
{
    const size_t most = self->row->limits[self->row->nlimits - 1];
    qsort(found, nfound, sizeof *found, by_score);
    if (nfound > most) nfound = most;
    if (!coco_match(self->task, &self->row->areas, found, nfound, truths, ntruths, self->outcomes + self->noutcomes,
                    npositive))
        return false;
    self->noutcomes += nfound;
    return true;
}

/* From *truth and *found on, which are behind the category before. */
static bool evaluate_category(evaluation *self, uint32_t category, size_t *truth, size_t *found, uint64_t *hits)
{
    uint64_t npositive[COCO_AREAS] = {0};
    self->noutcomes = 0;
    for (uint32_t p = 0; p < self->truth->npictures; p++) {
        coco_object *detections = self->found.list + *found;
        const coco_object *truths = self->truths.list + *truth;
        const size_t nfound = take_group(&self->found, found, category, p),
                     ntruths = take_group(&self->truths, truth, category, p);
        if ((nfound || ntruths) && !match_picture(self, detections, nfound, truths, ntruths, npositive)) return false;
    }
    if (!sort_outcomes(self)) return false;
    for (uint32_t a = 0; a < self->row->areas.count; a++) {
        if (!npositive[a]) continue;
        for (uint32_t limit = 0; limit < self->row->nlimits; limit++) {
            self->cells[a][limit].categories++;
            for (uint32_t t = 0; t < COCO_THRESHOLDS; t++) add_curve(self, hits, a, limit, t, npositive[a]);
        }
    }
    return true;
}

static shunt_status evaluate_all(evaluation *self)
{
    const size_t room = self->found.count + 1;
    uint64_t *hits = malloc(room * sizeof *hits);
    self->outcomes = malloc(room * sizeof *self->outcomes);
    self->precision = malloc(room * sizeof *self->precision);
    bool good = hits && self->outcomes && self->precision;
    size_t truth = 0, found = 0;
    for (uint32_t c = 0; good && c < self->truth->ncategories; c++)
        good = evaluate_category(self, c, &truth, &found, hits);
    free(self->precision);
    free(self->outcomes);
    free(hits);
    return good ? SHUNT_OK : error_memory();
}

/* ---- The whole ---- */

static double figure_of(const evaluation *self, const figure *f)
{
    const cell *from = &self->cells[f->area][f->limit];
    const double *values = f->recall ? from->recall : from->precision;
    double sum = 0;
    if (!from->categories) return -1;
    for (int t = 0; t < COCO_THRESHOLDS; t++)
        if (f->threshold < 0 || t == f->threshold) sum += values[t];
    return sum / (double)from->categories / (f->threshold < 0 ? COCO_THRESHOLDS : 1);
}

/* Copies of the objects with what the task needs of each. */
static shunt_status take_shapes(evaluation *self, const char *path, bool detection, bool skip_bad,
                                coco_objects *objects)
{
    size_t kept = 0;
    char reason[160];
    for (size_t i = 0; i < objects->count; i++) {
        coco_object *one = &objects->list[kept];
        *one = objects->list[i];
        if (coco_take_shape(self->truth, self->task, detection, one, reason, sizeof reason)) {
            kept++;
            continue;
        }
        mask_free(&one->mask);
        free(one->joints);
        one->joints = NULL;
        const unsigned long long number = one->order;
        const long long id = one->id;
        if (reason[0] && skip_bad) {
            objects->left_out++;
            continue;
        }
        memmove(&objects->list[kept], &objects->list[i + 1], (objects->count - i - 1) * sizeof *objects->list);
        objects->count -= i + 1 - kept;
        if (!reason[0]) return error_memory();
        return detection ? error_fail(SHUNT_E_INVALID, "%s: result %llu: %s", path, number, reason)
                         : error_fail(SHUNT_E_INVALID, "%s: annotation %llu (id %lld): %s", path, number, id, reason);
    }
    objects->count = kept;
    return SHUNT_OK;
}

static shunt_status copy_objects(const coco_objects *from, coco_objects *to)
{
    *to = (coco_objects){.list = malloc((from->count + 1) * sizeof *to->list), .left_out = from->left_out};
    if (!to->list) return error_memory();
    memcpy(to->list, from->list, from->count * sizeof *to->list);
    to->count = from->count;
    return SHUNT_OK;
}

static shunt_status prepare(evaluation *self, const char *path, const json_t *results, bool skip_bad)
{
    shunt_status status = copy_objects(&self->truth->objects, &self->truths);
    if (!status) status = coco_read_objects(self->truth, path, results, true, skip_bad, &self->found);
    if (!status) status = take_shapes(self, self->truth->path, false, skip_bad, &self->truths);
    if (!status) status = take_shapes(self, path, true, skip_bad, &self->found);
    return status;
}

/* Takes the results over. */
static shunt_status evaluate_results(const shunt_coco *truth, const char *path, json_t *results, shunt_coco_task task,
                                     bool skip_bad, shunt_coco_score *out)
{
    evaluation *self = calloc(1, sizeof *self);
    shunt_status status = self ? SHUNT_OK : error_memory();
    if (!status) {
        self->truth = truth;
        self->task = task;
        self->row = row_of(task);
        status = prepare(self, path, results, skip_bad);
    }
    if (!status) status = evaluate_all(self);
    if (!status) {
        shunt_coco_score score = {.size = out->size,
                                  .count = self->row->nfigures,
                                  .pictures = truth->npictures,
                                  .objects = self->truths.count,
                                  .detections = self->found.count,
                                  .left_out = self->truths.left_out + self->found.left_out};
        for (uint32_t i = 0; i < score.count; i++) score.figures[i] = figure_of(self, &self->row->figures[i]);
        memcpy(out, &score, out->size && out->size < sizeof score ? out->size : sizeof score);
    }
    if (self) {
        coco_objects_free(&self->truths);
        coco_objects_free(&self->found);
    }
    free(self);
    json_decref(results);
    return status;
}

shunt_status shunt_coco_evaluate(const shunt_coco *truth, const char *results, shunt_coco_task task,
                                 const shunt_coco_options *options, shunt_coco_score *out)
{
    if (!truth || !results || !out || task > SHUNT_COCO_KEYPOINTS)
        return error_fail(SHUNT_E_INVALID, "shunt_coco_evaluate: ground truth, results, a task and out must be given");
    shunt_coco_options own;
    json_t *json = NULL;
    shunt_status status = coco_take_options(options, &own);
    if (!status) status = coco_load_json(results, JSON_ARRAY, &json);
    return status ? status : evaluate_results(truth, results, json, task, own.skip_bad != 0, out);
}

shunt_status shunt_coco_evaluate_text(const shunt_coco *truth, const char *text, size_t size, shunt_coco_task task,
                                      const shunt_coco_options *options, shunt_coco_score *out)
{
    static const char name[] = "the results";
    if (!truth || !text || !out || task > SHUNT_COCO_KEYPOINTS)
        return error_fail(SHUNT_E_INVALID,
                          "shunt_coco_evaluate_text: ground truth, a text, a task and out must be given");
    shunt_coco_options own;
    json_t *json = NULL;
    shunt_status status = coco_take_options(options, &own);
    if (!status) status = coco_parse_json(text, size, name, JSON_ARRAY, &json);
    return status ? status : evaluate_results(truth, name, json, task, own.skip_bad != 0, out);
}
