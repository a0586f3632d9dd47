/* class_overlay_none.c - without cairo there are no pictures with classes drawn over them. */
#include "args.h"
#include "class_map.h"
#include "say.h"

int class_overlay_write(const shunt_image *image, const shunt_segmentation *map, const class_shown *shown, size_t count,
                        const char *path)
{
    (void)image, (void)map, (void)shown, (void)count;
    return say_failure("%s: this command was built without cairo, which draws overlays", path);
}
