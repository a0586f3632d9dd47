/* box_mask.h - the pixels of an object. */
#ifndef SHUNT_TOOLS_BOX_MASK_H
#define SHUNT_TOOLS_BOX_MASK_H

#include <shunt/shunt.h>

/* 1 where the picture's pixel belongs to the object, else 0; row by row. */
typedef struct box_mask {
    unsigned char *inside;
} box_mask;

/* Of a network with masks. Returns an EXIT_ number, after printing why it is not EXIT_OK. Freed with box_mask_free. */
int box_mask_make(const shunt_image *image, const shunt_detections *found, size_t index, box_mask *out);
void box_mask_free(box_mask *self);

#endif
