/* detection.h - what networks share that find objects: a ResNet, and the pyramid of maps that its stages become (Lin et al.: Feature Pyramid
 * Networks for Object Detection, 2017). Names and parameters are torchvision's. */
#ifndef SHUNT_MODELS_NETS_DETECTION_H
#define SHUNT_MODELS_NETS_DETECTION_H

#include "models/nets/net.h"

#define DETECTION_BACKBONE "backbone.body."

enum { DETECTION_CHANNELS = 256, DETECTION_RATIOS = 3 };

/* Whether the name is PREFIX, a depth of a ResNet and ENDING: "retinanet_resnet50_fpn". Fills *net. */
bool detection_parse(const char *name, const char *prefix, const char *ending, net_spec *net);
/* The backbone, "backbone.body.conv1" ... to its last stage. */
shunt_value detection_layers(net_builder *builder, shunt_value src);
/* The maps that `count` stages from number `first` on become, the largest first. */
typedef struct detection_stages {
    int first, count;
    int64_t channels; /* of each map */
} detection_stages;
void detection_pyramid(net_builder *builder, const detection_stages *stages, shunt_value *maps);

#endif
