/* detect.h - what finding objects does outside of the network: anchors, boxes out of codes, and boxes that cover each other. Plain numbers, no
 * network and no device. Computed in double; sizes are (height, width). */
#ifndef SHUNT_MODELS_DETECT_H
#define SHUNT_MODELS_DETECT_H

#include "models/nets/net.h"
#include "runtime/data/padded.h"

/* ---- boxes.c ---- */

typedef struct detect_box {
    double left, top, right, bottom;
} detect_box;

/* The maps' places: a map of `size` of an input of `padded`. */
typedef struct detect_grid {
    const net_anchors *anchors;
    int level;
    int64_t size[2], padded[2];
} detect_grid;

/* How many anchors a place has. */
int64_t anchors_each(const net_anchors *anchors);
/* Anchor `shape` of place `place`, counted row by row. */
detect_box anchor_at(const detect_grid *grid, int64_t place, int64_t shape);
/* code: how far the centre moves, in sides of `from`, and the logarithms of what the sides grow by. */
detect_box box_decode(const detect_box *from, const double code[4]);
/* Whether no side is shorter than `least`. */
bool box_has_sides(const detect_box *box, double least);
/* The part within (height, width). */
detect_box box_clip(const detect_box *box, const int64_t size[2]);
/* From the resized picture to the picture. */
detect_box box_to_picture(const detect_box *box, const padded_frame *frame);

/* ---- suppress.c ---- */

typedef struct detect_candidate {
    detect_box box;
    double score;
    int32_t label;
    uint32_t order; /* of equal scores the lower is better */
} detect_candidate;

/* Sorts by score, the highest first, and keeps those that no better one of the same label covers: whose intersection over union is larger
 * than `overlap`. Returns how many there are, at most `most`; they are the first ones then. */
size_t detect_suppress(detect_candidate *list, size_t count, double overlap, size_t most);

/* ---- dense.c: networks that classify each anchor, or propose it ---- */

typedef struct dense_map {
    int64_t size[2];
    const float *logits; /* (anchors x classes, size), anchor by anchor */
    const float *codes;  /* (anchors x 4, size) */
} dense_map;

typedef struct dense_job {
    const net_anchors *anchors;
    int64_t classes;
    const padded_frame *frame;
    const dense_map *maps; /* anchors->levels of them */
    double least_score, overlap;
    double least_side;  /* smaller boxes are left out before others can cover them */
    size_t most_of_map; /* candidates that a map may give */
    size_t most;
    bool by_level; /* the label is the map's number, so boxes of different maps do not cover each other: proposals */
} dense_job;

/* How many boxes dense_find may find. */
size_t dense_room(const dense_job *job);
/* The objects, in pixels of the resized picture; to be freed. */
shunt_status dense_find(const dense_job *job, detect_candidate **out, size_t *count);

/* ---- regions.c: networks that look into proposed boxes ---- */

typedef struct regions_job {
    int64_t classes; /* the background, number 0, included */
    const padded_frame *frame;
    const detect_candidate *proposals;
    size_t count;        /* of proposals */
    const float *logits; /* (count, classes) */
    const float *codes;  /* (count, classes x 4) */
    double least_score, overlap;
    size_t most;
} regions_job;

/* Boxes with the number of their picture, 0, as ROI_ALIGN takes them; rows behind `count` are no boxes. rois: (rows, 5). */
void regions_fill(const detect_candidate *boxes, size_t count, size_t rows, float *rois);
/* The objects, in pixels of the resized picture; to be freed. */
shunt_status regions_find(const regions_job *job, detect_candidate **out, size_t *count);

/* ---- masks.c ---- */

/* A mask is square, whatever its box is. */
enum { DETECT_MASK = 28 };
/* The mask within its box, in pixels of the picture, of (height, width); 0 outside. dst: all of the picture. */
void detect_paste(const float mask[DETECT_MASK * DETECT_MASK], const detect_box *box, const int64_t picture[2],
                  float *dst);

#endif
