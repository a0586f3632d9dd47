/* box_overlay_none.c - without cairo there are no pictures with boxes drawn over them. */
#include "args.h"
#include "box_overlay.h"
#include "say.h"

int box_overlay_write(const shunt_image *image, const shunt_detections *found,
                      const char *(*name_of)(const void *context, int32_t label), const void *context, const char *path)
{
    (void)image, (void)found, (void)name_of, (void)context;
    return say_failure("%s: this command was built without cairo, which draws boxes", path);
}
