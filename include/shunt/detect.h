/* detect.h - which objects are where in a picture.
 *
 *     #include <stdio.h>
 *     int main(int argc, char **argv)
 *     {
 *         shunt_device *device; shunt_model *model; shunt_image image; shunt_detections *found; const shunt_detection *one;
 *         if (argc < 3 || shunt_device_open(NULL, NULL, &device) || shunt_model_create("retinanet_resnet50_fpn", NULL, &model) ||
 *             shunt_model_load(model, argv[1]) || shunt_image_read(argv[2], &image) ||
 *             shunt_detect(model, device, &image, NULL, &found))
 *             return fprintf(stderr, "%s\n", shunt_last_error()), 1;
 *         for (size_t i = 0; (one = shunt_detections_at(found, i)); i++)
 *             printf("%5.1f %%  class %d at %.0f, %.0f\n", 100 * one->score, one->label, one->box[0], one->box[1]);
 *         shunt_detections_free(found);
 *         shunt_image_free(&image);
 *         shunt_model_destroy(model);
 *         shunt_device_close(device);
 *     }
 */
#ifndef SHUNT_DETECT_H
#define SHUNT_DETECT_H

#include <shunt/model.h>

#ifdef __cplusplus
extern "C" {
#endif

/* It may grow at its end, so do not put it into arrays or other structs. */
typedef struct shunt_detection {
    float box[4];  /* left, top, right, bottom, in pixels of the picture, whose upper left corner is 0, 0 */
    float score;   /* 0 .. 1 */
    int32_t label; /* the class; 0 is the background in most networks, and never found */
} shunt_detection;

/* The objects of one picture, the one with the highest score first. */
typedef struct shunt_detections shunt_detections;

/* 0 stands for what torchvision has as the network's default. */
typedef struct shunt_detect_options {
    uint32_t size; /* sizeof(shunt_detect_options); 0: as in the first version */
    uint32_t most; /* so many objects are found at most; 0: 300, and 100 in networks that propose boxes first */
    int64_t
        longest; /* the long side of the network's input at most; 0: 1333. The short side is the preprocessing's `resize` */
    double least_score; /* objects have a higher score; 0: 0.05 */
    double
        overlap; /* of two boxes of a class whose intersection over union is larger, the one of the lower score is left out; 0: 0.5 */
    uint32_t
        proposals; /* of networks that propose boxes first: so many are looked into at most; 0: 1000, which is most */
} shunt_detect_options;

/* Resizes the whole picture and pads it to multiples of 32, runs the network on the device, and makes its results boxes, as torchvision
 * does. options may be NULL. A model may be used by several threads. Free the result with shunt_detections_free. Fails with
 * SHUNT_E_INVALID if a result of the network is NaN or infinite. */
SHUNT_API shunt_status shunt_detect(shunt_model *model, shunt_device *device, const shunt_image *image,
                                    const shunt_detect_options *options, shunt_detections **out);
SHUNT_API void shunt_detections_free(shunt_detections *detections);
SHUNT_API size_t shunt_detections_count(const shunt_detections *detections);
/* Lives as long as the list; NULL past the last one. */
SHUNT_API const shunt_detection *shunt_detections_at(const shunt_detections *detections, size_t index);
/* The size of the network's input, padding included. */
SHUNT_API void shunt_detections_input(const shunt_detections *detections, int64_t *height, int64_t *width);

/* Whether the network gives each object a mask: Mask R-CNN. */
SHUNT_API int shunt_detections_have_masks(const shunt_detections *detections);
/* How probable it is for each pixel of the picture, row by row, that it belongs to object number `index`; 0 outside of its box. It does if that
 * is more than 0.5. probabilities has room for all pixels. SHUNT_E_UNSUPPORTED without masks. */
SHUNT_API shunt_status shunt_detections_mask(const shunt_detections *detections, size_t index, float *probabilities);

/* The runs that shunt_detect makes for a picture whose network's input is height x width (shunt_detections_input): number 0, and in networks
 * that propose boxes first one for the proposals, and in those with masks one for the objects. For reports, and for preparing before the first picture comes. The executor is the model's. inputs
 * has room for SHUNT_DETECT_MOST_INPUTS. Prepares the run before this one. SHUNT_E_NOT_FOUND past the last run. */
enum { SHUNT_DETECT_MOST_INPUTS = 8 };
SHUNT_API shunt_status shunt_detect_run(shunt_model *model, shunt_device *device, int64_t height, int64_t width,
                                        const shunt_detect_options *options, size_t index, shunt_executor **executor,
                                        shunt_tensor_desc *inputs, size_t *ninputs);

/* The names of COCO's categories, whose numbers are those of COCO's files, 1 to 90: a model of 91 classes has them whose file says nothing.
 * 0 is "__background__", and numbers that COCO left out are "N/A", as with torchvision. NULL past the last one. */
SHUNT_API const char *shunt_coco_label(size_t index);

#ifdef __cplusplus
}
#endif
#endif
