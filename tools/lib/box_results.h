/* box_results.h - detections in COCO's format of results. */
#ifndef SHUNT_TOOLS_BOX_RESULTS_H
#define SHUNT_TOOLS_BOX_RESULTS_H

#include "json_out.h"
#include <shunt/detect.h>

/* Adds the objects of a picture to the list, with their masks if they have any. Returns an EXIT_ number. */
int box_results_add(json_t *results, json_int_t image_id, const char *file_name, const shunt_image *image,
                    const shunt_detections *found);

#endif
