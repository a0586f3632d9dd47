/* class_map.h - maps of classes as pictures. */
#ifndef SHUNT_TOOLS_CLASS_MAP_H
#define SHUNT_TOOLS_CLASS_MAP_H

#include <shunt/shunt.h>

/* Writes a PNG file with a palette, whose numbers are the classes and whose colours are Pascal VOC's. Both return an EXIT_ number, after
 * printing why it is not EXIT_OK; the file is replaced as a whole. */
int class_map_write(const shunt_segmentation *map, const char *path);

/* One class to show over a picture. */
typedef struct class_shown {
    int64_t index;
    const char *name;
} class_shown;
/* Writes the picture as a PNG file with the pixels of these classes tinted, and a list of their colours and names. The colours are told
 * apart by the colour-blind, too; after eight they come again. */
int class_overlay_write(const shunt_image *image, const shunt_segmentation *map, const class_shown *shown, size_t count,
                        const char *path);

#endif
