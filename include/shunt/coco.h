/* coco.h - detections compared with COCO's ground truth: average precision and recall, as pycocotools defines and computes them.
 *
 *     #include <stdio.h>
 *     int main(int argc, char **argv)
 *     {
 *         shunt_coco *truth;
 *         shunt_coco_score score = {.size = sizeof score};
 *         if (argc < 3 || shunt_coco_open(argv[1], NULL, &truth)) return fprintf(stderr, "%s\n", shunt_last_error()), 1;
 *         if (shunt_coco_evaluate(truth, argv[2], SHUNT_COCO_BOXES, NULL, &score)) return fprintf(stderr, "%s\n", shunt_last_error()), 1;
 *         for (uint32_t i = 0; i < score.count; i++) printf("%-5s %.3f\n", shunt_coco_figure(SHUNT_COCO_BOXES, i), score.figures[i]);
 *         shunt_coco_close(truth);
 *     }
 */
#ifndef SHUNT_COCO_H
#define SHUNT_COCO_H

#include <shunt/data.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Ground truth: pictures, categories, objects. It does not change after it is opened, so several threads may use it. */
typedef struct shunt_coco shunt_coco;

/* What is compared: boxes (intersection over union), masks (the same of their pixels), or keypoints (object keypoint similarity with
 * COCO's 17 constants). */
typedef enum shunt_coco_task { SHUNT_COCO_BOXES, SHUNT_COCO_MASKS, SHUNT_COCO_KEYPOINTS } shunt_coco_task;

typedef struct shunt_coco_options {
    uint32_t size;     /* sizeof(shunt_coco_options); 0: as in the first version */
    uint32_t skip_bad; /* leave out objects that are wrong, and count them; 0: the first one is an error */
    uint64_t limit;    /* when opened: only the pictures with the lowest ids, so many, and their objects; 0: all */
} shunt_coco_options;

/* Reads a file of annotations, such as instances_val2017.json: "images" (id, height, width), "categories" (id, name), "annotations" (id,
 * image_id, category_id, bbox, area, iscrowd; segmentation as polygons or runs; keypoints, num_keypoints). What a task does not
 * need may be missing. options may be NULL. Close it with shunt_coco_close. */
SHUNT_API shunt_status shunt_coco_open(const char *path, const shunt_coco_options *options, shunt_coco **out);
/* The same of a folder with pictures, "coco:DIR": DIR/annotations/instances_NAME.json, whose pictures lie in DIR/NAME. NAME is
 * train2017, train2014 or train for the split "train"; val2017, val2014, val, test2017 or test for "test" or NULL. There must be one of
 * them. */
SHUNT_API shunt_status shunt_coco_open_set(const char *spec, const char *split, const shunt_coco_options *options,
                                           shunt_coco **out);
/* The pictures, by id: the file_name of number `index`, in a set with its folder; "" where the file has none. NULL past the last one.
 * id may be NULL. */
SHUNT_API const char *shunt_coco_picture(const shunt_coco *truth, size_t index, int64_t *id);
/* To train on (shunt/train.h): the pictures with the boxes of their objects, without crowds. A category's id is its class. A bbox without area or
 * outside of its picture is an error, or left out and counted with options->skip_bad; of one that lies partly outside the rest counts. Takes
 * the truth over, also after a failure. options may be NULL. */
SHUNT_API shunt_status shunt_dataset_of_objects(shunt_coco *truth, const shunt_coco_options *options,
                                                shunt_dataset **out);
/* NULL is allowed. */
SHUNT_API void shunt_coco_close(shunt_coco *truth);

enum { SHUNT_COCO_FIGURES = 12 };
typedef struct shunt_coco_score {
    uint32_t size;                      /* sizeof(shunt_coco_score), set by the caller; 0: as in the first version */
    uint32_t count;                     /* of figures: 12, of keypoints 10 */
    double figures[SHUNT_COCO_FIGURES]; /* from 0 to 1; -1: the ground truth has no object of that kind */
    uint64_t pictures, objects, detections;
    uint64_t left_out; /* objects and detections that skip_bad left out */
} shunt_coco_score;
/* Compares a file of results, a list of objects with image_id, category_id, score, and bbox, segmentation (runs with "size" and "counts",
 * compressed or not) or keypoints. Of the detections of a category in a picture the 100 (keypoints: 20) with the highest scores
 * count. options may be NULL. */
SHUNT_API shunt_status shunt_coco_evaluate(const shunt_coco *truth, const char *results, shunt_coco_task task,
                                           const shunt_coco_options *options, shunt_coco_score *out);
/* The same of results in memory, `size` bytes of JSON. */
SHUNT_API shunt_status shunt_coco_evaluate_text(const shunt_coco *truth, const char *text, size_t size,
                                                shunt_coco_task task, const shunt_coco_options *options,
                                                shunt_coco_score *out);
/* The short name of a figure: AP is the mean precision over 101 recalls and the thresholds 0.50, 0.55 ... 0.95; AP50 at one threshold;
 * APs, APm, APl for objects below 32x32 pixels, to 96x96, above; AR1, AR10, AR100 the recall with so many detections a picture.
 * NULL past the last. */
SHUNT_API const char *shunt_coco_figure(shunt_coco_task task, uint32_t index);

/* A mask as COCO's compressed runs, the "counts" of a segmentation. inside: height x width bytes, row by row, 0 outside. Writes at most
 * `size` bytes to text, which ends with a NUL unless size is 0. Returns the length of the whole, without the NUL. */
SHUNT_API size_t shunt_coco_runs(const unsigned char *inside, int64_t height, int64_t width, char *text, size_t size);

#ifdef __cplusplus
}
#endif

#endif
