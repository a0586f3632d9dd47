/* targets.c - see targets.h. The sums are in the order of torchvision's, in double, so that the same anchors have equal quotients. */
#include "runtime/data/targets.h"

#include <math.h>
#include <stdlib.h>

static const double least_of_object = 0.5, least_between = 0.4;

static double area(const double box[4])
{
    return (box[2] - box[0]) * (box[3] - box[1]);
}

static double likeness(const double object[4], const double anchor[4])
{
    const double width = fmin(object[2], anchor[2]) - fmax(object[0], anchor[0]);
    const double height = fmin(object[3], anchor[3]) - fmax(object[1], anchor[1]);
    const double common = fmax(width, 0) * fmax(height, 0);
    return common / (area(object) + area(anchor) - common);
}

/* The object that an anchor covers best, the first of equals; and how well. count: 1 at least. */
static int32_t best_object(const boxed_object *objects, size_t count, const double anchor[4], double *quality)
{
    int32_t best = 0;
    *quality = likeness(objects[0].box, anchor);
    for (size_t k = 1; k < count; k++) {
        const double other = likeness(objects[k].box, anchor);
        if (!(other > *quality)) continue;
        *quality = other;
        best = (int32_t)k;
    }
    return best;
}

/* Whether no anchor covers some object better than this one does. */
static bool is_best_of_some(const boxed_object *objects, size_t count, const double anchor[4], const double *highest)
{
    for (size_t k = 0; k < count; k++)
        if (highest[k] > 0 && !(likeness(objects[k].box, anchor) < highest[k])) return true;
    return false;
}

bool targets_match(const shunt_anchors *anchors, const boxed_object *objects, size_t count, int32_t *best)
{
    const int64_t all = anchors->shapes * anchors->places;
    double *highest = calloc(count + 1, sizeof *highest), quality;
    if (!highest) return false;
    for (int64_t i = 0; i < all; i++)
        for (size_t k = 0; k < count; k++)
            highest[k] = fmax(highest[k], likeness(objects[k].box, anchors->boxes + 4 * i));
    for (int64_t i = 0; i < all; i++) {
        const double *anchor = anchors->boxes + 4 * i;
        best[i] = TARGET_NONE;
        if (!count) continue;
        const int32_t object = best_object(objects, count, anchor, &quality);
        if (quality >= least_of_object || is_best_of_some(objects, count, anchor, highest))
            best[i] = object;
        else if (quality >= least_between)
            best[i] = TARGET_BETWEEN;
    }
    free(highest);
    return true;
}

void targets_encode(const double anchor[4], const double box[4], double code[4])
{
    const double width = anchor[2] - anchor[0], height = anchor[3] - anchor[1];
    const double own_width = box[2] - box[0], own_height = box[3] - box[1];
    code[0] = (box[0] + own_width / 2 - (anchor[0] + width / 2)) / width;
    code[1] = (box[1] + own_height / 2 - (anchor[1] + height / 2)) / height;
    code[2] = log(own_width / width);
    code[3] = log(own_height / height);
}

static void put(const shunt_anchors *anchors, int64_t i, const boxed_object *object, const int64_t *classes,
                const anchor_targets *out)
{
    const int64_t shape = i / anchors->places, place = i % anchors->places;
    double code[4] = {0, 0, 0, 0};
    if (object) targets_encode(anchors->boxes + 4 * i, object->box, code);
    for (int64_t k = 0; k < 4; k++) out->codes[(4 * shape + k) * anchors->places + place] = (float)code[k];
    out->labels[i] = object ? (float)(classes ? classes[object->class] : object->class) : -1;
}

int64_t targets_fill(const shunt_anchors *anchors, const boxed_object *objects, size_t count, const int64_t *classes,
                     double share, const anchor_targets *out)
{
    const int64_t all = anchors->shapes * anchors->places;
    int64_t found = 0;
    int32_t *best = calloc((size_t)all + 1, sizeof *best);
    if (!best || !targets_match(anchors, objects, count, best)) {
        free(best);
        return -1;
    }
    for (int64_t i = 0; i < all; i++) found += best[i] >= 0;
    const float weight = (float)(share / (double)(found ? found : 1));
    for (int64_t i = 0; i < all; i++) {
        put(anchors, i, best[i] >= 0 ? &objects[best[i]] : NULL, classes, out);
        out->weights[i] = best[i] == TARGET_BETWEEN ? 0 : weight;
        out->code_weights[i] = best[i] >= 0 ? weight : 0;
    }
    free(best);
    return found;
}
