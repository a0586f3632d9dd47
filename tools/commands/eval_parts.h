/* eval_parts.h - shunt eval of networks that say what is where in a picture: the classes of pixels, or objects. */
#ifndef SHUNT_TOOLS_EVAL_PARTS_H
#define SHUNT_TOOLS_EVAL_PARTS_H

#include "commands.h"

typedef struct part_settings {
    const model_settings *model;
    const device_settings *device;
    const preprocess_settings *preprocess;
    const char *data, *labels, *epsilon;
    int64_t limit;
    bool skip_bad, per_class, json;
} part_settings;

/* What both kinds work with. */
typedef struct part_work {
    const part_settings *settings;
    shunt_ranks *ranks;
    shunt_model *model;
    shunt_device *device;
} part_work;

/* Whether --data names a set of pictures with what is where in them. */
bool parts_are_labelled(const char *data);
/* Runs the whole command. Returns an EXIT_ number. */
int eval_parts(const part_settings *settings);

/* eval_pixels.c: the mean intersection over union. eval_objects.c: COCO's precision and recall. */
int eval_pixels(const part_work *work);
int eval_objects(const part_work *work);

#endif
