/* similarity.c - how much alike a detection and an object are: intersection over union, or object keypoint similarity. */
#include "runtime/coco/coco.h"

#include <float.h>
#include <math.h>

static double overlap(double a, double a_size, double b, double b_size)
{
    return fmin(a + a_size, b + b_size) - fmax(a, b);
}

/* Of a crowd the detection alone is the union. */
static double box_likeness(const coco_object *d, const coco_object *t)
{
    const double width = overlap(d->box[0], d->box[2], t->box[0], t->box[2]),
                 height = overlap(d->box[1], d->box[3], t->box[1], t->box[3]);
    if (width <= 0 || height <= 0) return 0;
    const double common = width * height, area = d->box[2] * d->box[3];
    return common / (t->crowd ? area : area + t->box[2] * t->box[3] - common);
}

static double mask_likeness(const coco_object *d, const coco_object *t)
{
    if (d->mask.height != t->mask.height || d->mask.width != t->mask.width) return -1;
    const uint64_t common = mask_common(&d->mask, &t->mask);
    if (!common) return 0;
    const uint64_t area = mask_area(&d->mask);
    return (double)common / (double)(t->crowd ? area : area + mask_area(&t->mask) - common);
}

/* How far a coordinate lies outside of the box's length before and behind it. */
static double outside(double at, double begin, double length)
{
    return fmax(0, begin - length - at) + fmax(0, at - (begin + 2 * length));
}

/* The mean of exp(-e) over the object's visible joints, e = distance^2 / (2 (2 sigma)^2 area); without visible ones, over all by the
 * distance from the doubled box (cocodataset.org, keypoints evaluation). */
static double joint_likeness(const coco_object *d, const coco_object *t)
{
    static const double sigma[COCO_JOINTS] = {.026, .025, .025, .035, .035, .079, .079, .072, .072,
                                              .062, .062, .107, .107, .087, .087, .089, .089};
    double sum = 0;
    for (int k = 0; k < COCO_JOINTS; k++) {
        const double *at = d->joints[k], *is = t->joints[k];
        if (t->visible && !(is[2] > 0)) continue;
        const double dx = t->visible ? at[0] - is[0] : outside(at[0], t->box[0], t->box[2]),
                     dy = t->visible ? at[1] - is[1] : outside(at[1], t->box[1], t->box[3]),
                     spread = 4 * sigma[k] * sigma[k];
        sum += exp(-(dx * dx + dy * dy) / spread / (t->area + DBL_EPSILON) / 2);
    }
    return sum / (t->visible ? t->visible : COCO_JOINTS);
}

void coco_compare(shunt_coco_task task, const coco_object *detections, size_t ndetections, const coco_object *truths,
                  size_t ntruths, double *likeness)
{
    double (*const alike[])(const coco_object *, const coco_object *) = {
        [SHUNT_COCO_BOXES] = box_likeness, [SHUNT_COCO_MASKS] = mask_likeness, [SHUNT_COCO_KEYPOINTS] = joint_likeness};
    for (size_t d = 0; d < ndetections; d++)
        for (size_t t = 0; t < ntruths; t++) likeness[d * ntruths + t] = alike[task](&detections[d], &truths[t]);
}
