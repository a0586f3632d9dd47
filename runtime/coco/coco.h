/* coco.h - annotations and results in memory, and how they are compared. */
#ifndef SHUNT_RUNTIME_COCO_H
#define SHUNT_RUNTIME_COCO_H

#include "runtime/coco/mask.h"
#include "runtime/data/pixelset.h"

#include <jansson.h>
#include <shunt/coco.h>

enum { COCO_JOINTS = 17, COCO_THRESHOLDS = 10 };

typedef struct coco_picture {
    int64_t id;
    uint32_t height, width; /* 0: the file does not say */
    char *file;             /* with its folder in sets; NULL: the file does not say */
} coco_picture;

typedef struct coco_category {
    int64_t id;
    char *name;
} coco_category;

/* An object of the ground truth, or a detection. */
typedef struct coco_object {
    uint32_t picture, category; /* indices */
    uint32_t order;             /* in its file */
    uint32_t visible;           /* keypoints with a flag over 0 */
    int64_t id;
    double score; /* detections */
    double area, box[4];
    bool crowd, ignored, has_area, has_box;
    const json_t *segmentation, *keypoints; /* in the file's JSON; NULL: none */
    mask mask;
    double (*joints)[3]; /* x, y, flag, 17 of them */
} coco_object;

/* By category, picture, and then the order of the file. */
typedef struct coco_objects {
    coco_object *list;
    size_t count;
    uint64_t left_out;
} coco_objects;

struct shunt_coco {
    char *path;
    char *folder; /* of the pictures, in sets; else NULL */
    json_t *json;
    coco_picture *pictures;    /* by id */
    coco_category *categories; /* by id */
    size_t npictures, ncategories;
    coco_objects objects;
};

/* ---- read.c ---- */

shunt_status coco_take_options(const shunt_coco_options *given, shunt_coco_options *own);

/* As shunt_coco_open; folder: of the pictures, whose names must then stay within it, or NULL. */
shunt_status coco_open(const char *path, const char *folder, const shunt_coco_options *options, shunt_coco **out);

/* Parses a file that begins with this kind of value. The caller releases it. */
shunt_status coco_load_json(const char *path, json_type type, json_t **out);
/* The same of a text; path: its name in messages. */
shunt_status coco_parse_json(const char *text, size_t size, const char *path, json_type type, json_t **out);
void coco_objects_free(coco_objects *self);
/* Reads a list of annotations or (results) of detections, and sorts them. */
shunt_status coco_read_objects(const shunt_coco *truth, const char *path, const json_t *list, bool results,
                               bool skip_bad, coco_objects *out);

/* ---- shape.c ---- */

/* Reads what the task needs of an object: its mask or its joints. Its reason to be refused goes to `reason`, which is "" without
 * memory. */
bool coco_take_shape(const shunt_coco *truth, shunt_coco_task task, bool detection, coco_object *self, char *reason,
                     size_t size);

/* ---- by_picture.c: a truth as a set to train on ---- */

/* The objects by picture: those of picture p are number list[first[p]] to list[first[p + 1] - 1] of the truth. */
typedef struct coco_by_picture {
    size_t *list, *first;
} coco_by_picture;

/* Free it also after a failure. */
shunt_status coco_sort_by_picture(const shunt_coco *truth, coco_by_picture *out);
void coco_by_picture_free(coco_by_picture *self);
/* A category's id is its class, and class 0 the background: how many classes there are. An id that is not 1 .. most is an error; what: that
 * have classes, "pixels". */
shunt_status coco_count_classes(const shunt_coco *truth, int64_t most, const char *what, size_t *out);
/* NULL: no category has this id. */
const char *coco_class_name(const shunt_coco *truth, size_t class);

/* ---- pixels.c ---- */

extern const pixelset_kind pixelset_coco;

/* ---- similarity.c ---- */

/* likeness[d x truths + t] of each detection and object of a picture and category. */
void coco_compare(shunt_coco_task task, const coco_object *detections, size_t ndetections, const coco_object *truths,
                  size_t ntruths, double *likeness);

/* ---- match.c ---- */

enum { COCO_AREAS = 4, COCO_MOST_DETECTIONS = 100 };
typedef struct coco_areas {
    uint32_t count;
    double least[COCO_AREAS], most[COCO_AREAS];
} coco_areas;

/* How a detection came out: a bit for each threshold. */
typedef struct coco_outcome {
    double score;
    uint32_t rank; /* among its picture's detections */
    uint16_t matched[COCO_AREAS], ignored[COCO_AREAS];
} coco_outcome;

double coco_threshold(uint32_t index);
/* The detections, at most `most`, sorted by score, against the objects of one picture and category. Adds to npositive[area] the
 * objects that count. False: no memory. */
bool coco_match(shunt_coco_task task, const coco_areas *areas, const coco_object *detections, size_t ndetections,
                const coco_object *truths, size_t ntruths, coco_outcome *outcomes, uint64_t *npositive);

#endif
