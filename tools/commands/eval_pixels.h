/* eval_pixels.h - shunt eval of networks that label pixels: the mean intersection over union. */
#ifndef SHUNT_TOOLS_EVAL_PIXELS_H
#define SHUNT_TOOLS_EVAL_PIXELS_H

#include "commands.h"

typedef struct pixel_settings {
    const model_settings *model;
    const device_settings *device;
    const preprocess_settings *preprocess;
    const char *data, *labels;
    int64_t limit;
    bool skip_bad, per_class, json;
} pixel_settings;

/* Whether --data names a set of pictures whose pixels have classes. */
bool pixels_are_labelled(const char *data);
/* Runs the whole command. Returns an EXIT_ number. */
int eval_pixels(const pixel_settings *settings);

#endif
