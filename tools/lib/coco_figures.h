/* coco_figures.h - the figures of detections that were compared with COCO's ground truth, as they are shown. */
#ifndef SHUNT_TOOLS_COCO_FIGURES_H
#define SHUNT_TOOLS_COCO_FIGURES_H

#include "json_out.h"
#include <shunt/coco.h>

/* Each by its name; null: there is no such object. */
void coco_figures_put(json_t *report, shunt_coco_task task, const shunt_coco_score *score);
void coco_figures_print(shunt_coco_task task, const shunt_coco_score *score);
/* "boxes", "masks", "keypoints"; NULL past the last. */
const char *coco_task_name(size_t task);

#endif
