/* box_results.c - see box_results.h. */
#include "box_results.h"
#include "args.h"
#include "box_mask.h"
#include "say.h"
#include <shunt/coco.h>
#include <stdlib.h>

/* The mask of an object, of the picture's size, as the result's "segmentation". */
static int put_mask(const shunt_image *image, const shunt_detections *found, size_t index, json_t *result)
{
    box_mask mask;
    int status = box_mask_make(image, found, index, &mask);
    if (status != EXIT_OK) return status;
    const size_t length = shunt_coco_runs(mask.inside, image->height, image->width, NULL, 0);
    char *text = malloc(length + 1);
    if (text) {
        shunt_coco_runs(mask.inside, image->height, image->width, text, length + 1);
        json_put(
            result, "segmentation",
            json_pack("{s:[I, I], s:s}", "size", (json_int_t)image->height, (json_int_t)image->width, "counts", text));
    }
    box_mask_free(&mask);
    free(text);
    return text ? EXIT_OK : say_failure("no memory");
}

int box_results_add(json_t *results, json_int_t image_id, const char *file_name, const shunt_image *image,
                    const shunt_detections *found)
{
    const shunt_detection *one;
    int status = EXIT_OK;
    for (size_t k = 0; status == EXIT_OK && (one = shunt_detections_at(found, k)); k++) {
        const double left = (double)one->box[0], top = (double)one->box[1];
        json_t *result =
            json_pack("{s:I, s:I, s:[f, f, f, f], s:f, s:o}", "image_id", image_id, "category_id",
                      (json_int_t)one->label, "bbox", left, top, (double)one->box[2] - left, (double)one->box[3] - top,
                      "score", (double)one->score, "file_name", json_text(file_name));
        if (shunt_detections_have_masks(found)) status = put_mask(image, found, k, result);
        json_add(results, result);
    }
    return status;
}
