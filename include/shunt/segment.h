/* segment.h - the class of each pixel of a picture.
 *
 *     #include <stdio.h>
 *     int main(int argc, char **argv)
 *     {
 *         shunt_device *device; shunt_model *model; shunt_image image; shunt_segmentation map;
 *         if (argc < 3 || shunt_device_open(NULL, NULL, &device) || shunt_model_create("deeplabv3_resnet50", NULL, &model) ||
 *             shunt_model_load(model, argv[1]) || shunt_image_read(argv[2], &image) ||
 *             shunt_segment(model, device, &image, &map))
 *             return fprintf(stderr, "%s\n", shunt_last_error()), 1;
 *         printf("the pixel in the upper left corner is of class %d\n", map.classes[0]);
 *         shunt_segmentation_free(&map);
 *         shunt_image_free(&image);
 *         shunt_model_destroy(model);
 *         shunt_device_close(device);
 *     }
 */
#ifndef SHUNT_SEGMENT_H
#define SHUNT_SEGMENT_H

#include <shunt/model.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct shunt_segmentation {
    int64_t height, width;             /* the picture's own */
    uint8_t *classes;                  /* height x width, row by row from the top: the class with the highest score */
    int64_t input_height, input_width; /* of the network's input */
} shunt_segmentation;

/* The whole picture, its short side resized as the model's preprocessing says. The scores are resized to the picture's own size
 * (bilinear), and each pixel gets the class of the highest one; of equals the lower number. Models of at most 256 classes. Free the result
 * with shunt_segmentation_free. */
SHUNT_API shunt_status shunt_segment(shunt_model *model, shunt_device *device, const shunt_image *image,
                                     shunt_segmentation *out);
SHUNT_API void shunt_segmentation_free(shunt_segmentation *segmentation);

/* The names of the classes of Pascal VOC, which a model of 21 classes has whose file says nothing; NULL past the last one. */
SHUNT_API const char *shunt_voc_label(size_t index);

#ifdef __cplusplus
}
#endif
#endif
