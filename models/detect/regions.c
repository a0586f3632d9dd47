/* regions.c - objects out of the classes of proposed boxes, as torchvision's RoIHeads finds them. */
#include "models/detect/detect.h"
#include "runtime/base/error.h"

#include <math.h>
#include <stdlib.h>

static const double least_side = 0.01;

void regions_fill(const detect_candidate *boxes, size_t count, size_t rows, float *rois)
{
    for (size_t i = 0; i < rows; i++, rois += 5) {
        const bool any = i < count;
        const detect_box box = any ? boxes[i].box : (detect_box){0, 0, 0, 0};
        rois[0] = any ? 0 : -1;
        rois[1] = (float)box.left;
        rois[2] = (float)box.top;
        rois[3] = (float)box.right;
        rois[4] = (float)box.bottom;
    }
}

/* What a softmax divides by, and the largest logit, which it subtracts first. */
typedef struct normal {
    double largest, sum;
} normal;

static normal normal_of(const float *logits, int64_t classes)
{
    normal made = {-INFINITY, 0};
    for (int64_t c = 0; c < classes; c++)
        if ((double)logits[c] > made.largest) made.largest = (double)logits[c];
    for (int64_t c = 0; c < classes; c++) made.sum += exp((double)logits[c] - made.largest);
    return made;
}

/* The box that the proposal becomes for a class. Networks are trained on codes of centres times 10 and of sides times 5. */
static detect_box box_of(const regions_job *job, size_t proposal, int64_t class)
{
    const float *codes = job->codes + 4 * ((int64_t)proposal * job->classes + class);
    const double code[4] = {(double)codes[0] / 10, (double)codes[1] / 10, (double)codes[2] / 5, (double)codes[3] / 5};
    const detect_box made = box_decode(&job->proposals[proposal].box, code);
    return box_clip(&made, job->frame->resized);
}

/* The objects of one proposal, at most one of each class; returns how many. */
static size_t look(const regions_job *job, size_t proposal, detect_candidate *out)
{
    const float *logits = job->logits + (int64_t)proposal * job->classes;
    const normal by = normal_of(logits, job->classes);
    size_t found = 0;
    for (int64_t c = 1; c < job->classes; c++) {
        const double score = exp((double)logits[c] - by.largest) / by.sum;
        if (!(score > job->least_score)) continue;
        out[found] = (detect_candidate){.box = box_of(job, proposal, c),
                                        .score = score,
                                        .label = (int32_t)c,
                                        .order = (uint32_t)((int64_t)proposal * job->classes + c)};
        found += box_has_sides(&out[found].box, least_side);
    }
    return found;
}

shunt_status regions_find(const regions_job *job, detect_candidate **out, size_t *count)
{
    detect_candidate *list = reallocarray(NULL, job->count * (size_t)job->classes + 1, sizeof *list);
    size_t found = 0;
    *out = NULL;
    *count = 0;
    if (!list) return error_memory();
    for (size_t i = 0; i < job->count; i++) found += look(job, i, list + found);
    *count = detect_suppress(list, found, job->overlap, job->most);
    *out = list;
    return SHUNT_OK;
}
