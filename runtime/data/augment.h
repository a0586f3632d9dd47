/* augment.h - a training picture: cropped, mirrored and normalised at random. */
#ifndef SHUNT_RUNTIME_AUGMENT_H
#define SHUNT_RUNTIME_AUGMENT_H

#include <shunt/train.h>

/* dst: 3 x crop x crop. All that is random is a function of key. */
shunt_status augment_picture(const shunt_recipe *recipe, const shunt_preprocess *preprocess, const shunt_image *image,
                             uint64_t key, float *dst);

#endif
