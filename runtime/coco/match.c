/* match.c - which detections of a picture find which objects of a category. */
#include "runtime/coco/coco.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* As numpy.linspace(0.5, 0.95, 10) has them. */
double coco_threshold(uint32_t index)
{
    return index + 1 == COCO_THRESHOLDS ? .95 : .5 + index * ((.95 - .5) / (COCO_THRESHOLDS - 1));
}

static bool beyond(double area, const coco_areas *areas, uint32_t a)
{
    return area < areas->least[a] || area > areas->most[a];
}

/* The objects of one picture for one range of areas: those that count first, then those that are ignored. */
typedef struct field {
    const coco_object *truths;
    const double *likeness; /* detections x truths */
    uint32_t *order;        /* of the truths */
    bool *taken;            /* by order */
    size_t count, counting;
} field;

static void arrange(field *self, shunt_coco_task task, const coco_areas *areas, uint32_t a)
{
    self->counting = 0;
    size_t at = 0;
    for (int ignored = 0; ignored < 2; ignored++) {
        for (uint32_t t = 0; t < self->count; t++) {
            const coco_object *one = &self->truths[t];
            const bool is = one->crowd || (task == SHUNT_COCO_KEYPOINTS && one->ignored) || beyond(one->area, areas, a);
            if (is == ignored) self->order[at++] = t;
        }
        if (!ignored) self->counting = at;
    }
}

/* The most alike object that is still free; of equals the last. An ignored one only where no counting one is found, a crowd as often
 * as is wanted. -1: none reaches the threshold. */
static int64_t find_best(const field *self, size_t detection, double threshold)
{
    double best = fmin(threshold, 1 - 1e-10);
    int64_t found = -1;
    for (size_t i = 0; i < self->count; i++) {
        const uint32_t t = self->order[i];
        if (self->taken[i] && !self->truths[t].crowd) continue;
        if (found >= 0 && (size_t)found < self->counting && i >= self->counting) break;
        const double is = self->likeness[detection * self->count + t];
        if (is < best) continue;
        best = is;
        found = (int64_t)i;
    }
    return found;
}

/* An object whose id is 0 is found by none: pycocotools stores the id as the sign of a match. Its figures are the standard, so this is
 * kept. */
static void match_all(field *self, const coco_areas *areas, uint32_t a, uint32_t threshold,
                      const coco_object *detections, size_t ndetections, coco_outcome *outcomes)
{
    const uint16_t bit = (uint16_t)(1 << threshold);
    memset(self->taken, 0, self->count * sizeof *self->taken);
    for (size_t d = 0; d < ndetections; d++) {
        const int64_t found = find_best(self, d, coco_threshold(threshold));
        bool matched = false, ignored = false;
        if (found >= 0) {
            self->taken[found] = true;
            matched = self->truths[self->order[found]].id != 0;
            ignored = (size_t)found >= self->counting;
        }
        if (matched) outcomes[d].matched[a] |= bit;
        if (ignored || (!matched && beyond(detections[d].area, areas, a))) outcomes[d].ignored[a] |= bit;
    }
}

bool coco_match(shunt_coco_task task, const coco_areas *areas, const coco_object *detections, size_t ndetections,
                const coco_object *truths, size_t ntruths, coco_outcome *outcomes, uint64_t *npositive)
{
    double *likeness = malloc((ndetections * ntruths + 1) * sizeof *likeness);
    field self = {.truths = truths,
                  .likeness = likeness,
                  .count = ntruths,
                  .order = malloc((ntruths + 1) * sizeof *self.order),
                  .taken = malloc(ntruths + 1)};
    const bool good = likeness && self.order && self.taken;
    if (good) coco_compare(task, detections, ndetections, truths, ntruths, likeness);
    for (uint32_t d = 0; good && d < ndetections; d++)
        outcomes[d] = (coco_outcome){.score = detections[d].score, .rank = d};
    for (uint32_t a = 0; good && a < areas->count; a++) {
        arrange(&self, task, areas, a);
        npositive[a] += self.counting;
        for (uint32_t t = 0; t < COCO_THRESHOLDS; t++) match_all(&self, areas, a, t, detections, ndetections, outcomes);
    }
    free(self.taken);
    free(self.order);
    free(likeness);
    return good;
}
