/* padded.h - a picture as networks that find objects take it: resized, and padded at its right and lower edges. Sizes are (height, width). */
#ifndef SHUNT_RUNTIME_PADDED_H
#define SHUNT_RUNTIME_PADDED_H

#include <shunt/data.h>

typedef struct padded_frame {
    int64_t picture[2]; /* the picture's own size */
    int64_t resized[2]; /* what it becomes: the part of the input that is not padding */
    int64_t padded[2];  /* the input: multiples of 32 */
} padded_frame;

/* The short side becomes `shortest`, unless the long one would be more than `longest`. Fails where nothing is left of a side. */
shunt_status padded_frame_of(const shunt_image *image, int64_t shortest, int64_t longest, padded_frame *out);
/* dst: 3 x padded; the padding is 0. */
shunt_status padded_fill(const padded_frame *frame, const shunt_preprocess *preprocess, const shunt_image *image,
                         float *dst);

#endif
