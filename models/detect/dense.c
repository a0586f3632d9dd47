/* dense.c - objects out of scores for each class at each anchor, as torchvision's RetinaNet finds them; and proposals, as its region proposal
 * network chooses them. */
#include "models/detect/detect.h"
#include "runtime/base/error.h"

#include <math.h>
#include <stdlib.h>

/* A class at an anchor. */
typedef struct entry {
    double score;
    int64_t index; /* (place x anchors + anchor) x classes + class */
} entry;

/* The best entries of a map: twice as many as are wanted at most, of which the worse half is dropped from time to time. */
typedef struct best {
    entry *list;
    size_t count, wanted;
    bool full; /* the first `wanted` are in order, and what is worse than the last of them is not wanted */
} best;

static int by_score(const void *x, const void *y)
{
    const entry *a = x, *b = y;
    if (a->score != b->score) return a->score > b->score ? -1 : 1;
    return a->index < b->index ? -1 : a->index > b->index;
}

static void cut(best *self)
{
    if (self->count) qsort(self->list, self->count, sizeof *self->list, by_score);
    if (self->count > self->wanted) self->count = self->wanted;
}

static void add(best *self, entry one)
{
    if (self->full && by_score(&one, &self->list[self->wanted - 1]) > 0) return;
    self->list[self->count++] = one;
    if (self->count < 2 * self->wanted) return;
    cut(self);
    self->full = true;
}

/* Logits below it surely give no higher score than `least`; those above are compared by score. */
static double least_logit(double least)
{
    const double margin = 1e-3;
    return least <= 0 ? -INFINITY : least >= 1 ? INFINITY : log(least / (1 - least)) - margin;
}

static void choose(const dense_job *job, const dense_map *map, best *out)
{
    const int64_t anchors = anchors_each(job->anchors), places = map->size[0] * map->size[1];
    const double least = least_logit(job->least_score);
    out->count = 0;
    out->full = false;
    for (int64_t plane = 0; plane < anchors * job->classes; plane++) {
        const float *logits = map->logits + plane * places;
        for (int64_t i = 0; i < places; i++) {
            if ((double)logits[i] < least) continue;
            const double score = 1 / (1 + exp(-(double)logits[i]));
            if (score > job->least_score) add(out, (entry){score, i * anchors * job->classes + plane});
        }
    }
    cut(out);
}

static detect_candidate make_candidate(const dense_job *job, int level, entry from)
{
    const dense_map *map = &job->maps[level];
    const int64_t anchors = anchors_each(job->anchors), places = map->size[0] * map->size[1];
    const int64_t anchor = from.index / job->classes, place = anchor / anchors, shape = anchor % anchors;
    const detect_grid grid = {.anchors = job->anchors,
                              .level = level,
                              .size = {map->size[0], map->size[1]},
                              .padded = {job->frame->padded[0], job->frame->padded[1]}};
    const detect_box begin = anchor_at(&grid, place, shape);
    double code[4];
    for (int i = 0; i < 4; i++) code[i] = (double)map->codes[(4 * shape + i) * places + place];
    const detect_box made = box_decode(&begin, code);
    return (detect_candidate){.box = box_clip(&made, job->frame->resized),
                              .score = from.score,
                              .label = job->by_level ? level : (int32_t)(from.index % job->classes)};
}

size_t dense_room(const dense_job *job)
{
    size_t room = 0;
    for (int level = 0; level < job->anchors->levels; level++) {
        const dense_map *map = &job->maps[level];
        const size_t all = (size_t)(map->size[0] * map->size[1] * anchors_each(job->anchors) * job->classes);
        room += all < job->most_of_map ? all : job->most_of_map;
    }
    return room;
}

shunt_status dense_find(const dense_job *job, detect_candidate **out, size_t *count)
{
    best chosen = {.list = reallocarray(NULL, 2 * job->most_of_map, sizeof *chosen.list), .wanted = job->most_of_map};
    detect_candidate *list = reallocarray(NULL, dense_room(job), sizeof *list);
    size_t found = 0;
    *out = NULL;
    *count = 0;
    if (!chosen.list || !list) {
        free(chosen.list);
        free(list);
        return error_memory();
    }
    for (int level = 0; level < job->anchors->levels; level++) {
        choose(job, &job->maps[level], &chosen);
        for (size_t i = 0; i < chosen.count; i++) {
            list[found] = make_candidate(job, level, chosen.list[i]);
            list[found].order = (uint32_t)found;
            found += box_has_sides(&list[found].box, job->least_side);
        }
    }
    free(chosen.list);
    *count = detect_suppress(list, found, job->overlap, job->most);
    *out = list;
    return SHUNT_OK;
}
