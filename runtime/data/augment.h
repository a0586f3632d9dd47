/* augment.h - a training picture: cropped, mirrored and normalised at random. */
#ifndef SHUNT_RUNTIME_AUGMENT_H
#define SHUNT_RUNTIME_AUGMENT_H

#include "runtime/data/dataset.h"

#include <shunt/train.h>

/* dst: 3 x crop x crop. All that is random is a function of key. */
shunt_status augment_picture(const shunt_recipe *recipe, const shunt_preprocess *preprocess, const shunt_image *image,
                             uint64_t key, float *dst);

/* Of pictures whose pixels have classes: the picture, resized as the preprocessing says, and by recipe->scales if it is augmented, and
 * the part of it that is seen. recipe NULL: its centre, as for inference. labels: crop x crop; PIXEL_NO_CLASS outside of the picture. */
shunt_status augment_pixels(const shunt_recipe *recipe, const shunt_preprocess *preprocess,
                            const shunt_labelled_image *picture, uint64_t key, float *dst, uint8_t *labels);

/* Of pictures with objects: the picture, resized as networks that find objects have it, and by recipe->scales, so that no side is longer than
 * the crop; it lies in the left upper corner of crop x crop, and the rest is 0. Its objects' boxes become those of the result. recipe NULL: as
 * for inference. */
shunt_status augment_objects(const shunt_recipe *recipe, const shunt_preprocess *preprocess, boxed_image *picture,
                             uint64_t key, float *dst);

#endif
