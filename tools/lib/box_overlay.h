/* box_overlay.h - the objects of a picture, drawn over it. */
#ifndef SHUNT_TOOLS_BOX_OVERLAY_H
#define SHUNT_TOOLS_BOX_OVERLAY_H

#include <shunt/shunt.h>

/* Writes the picture as a PNG file with a box around each object, its class and its score. Each class has a colour; after eight they come
 * again. name_of gives the name of a class; of `context`. Returns an EXIT_ number, after printing why it is not EXIT_OK; the file is replaced as
 * a whole. */
int box_overlay_write(const shunt_image *image, const shunt_detections *found,
                      const char *(*name_of)(const void *context, int32_t label), const void *context,
                      const char *path);

#endif
