/* segmentation.h - what networks share that tell the class of each pixel: a dilated ResNet, then a head, whose map is resized to the
 * picture. Names and parameters are torchvision's. */
#ifndef SHUNT_MODELS_NETS_SEGMENTATION_H
#define SHUNT_MODELS_NETS_SEGMENTATION_H

#include "models/nets/net.h"

#define SEGMENTATION_SPARE "aux_classifier." /* a second head, which only helps training */
#define SEGMENTATION_SPARE_LAYER "aux_classifier.4"

/* Whether the name is PREFIX and a depth of a ResNet with bottlenecks, "fcn_resnet50", or of one for CIFAR, "fcn_resnet20". Fills *net. */
bool segmentation_parse(const char *name, const char *prefix, net_spec *net);
/* The backbone, "backbone.conv1" ... to its last stage. */
shunt_value segmentation_layers(net_builder *builder, shunt_value src);
/* Convolution, batch norm and ReLU, named "HEAD.CONV" and "HEAD.NORM". */
shunt_value segmentation_conv(net_builder *builder, const char *conv, const char *norm, shunt_value src,
                              net_window window);
/* A bilinear map of the size of `like`, by which the corners' pixels are as large as the others. */
shunt_value segmentation_resize(net_builder *builder, const char *name, shunt_value src, shunt_value like);
/* A head of FCN's, whose layers begin with `name`: its scores of the classes at each place of src, resized to the input, are the output
 * `result`. Between its convolutions it has a quarter of src's channels, or all of them in networks for small pictures. */
void segmentation_fcn_head(net_builder *builder, const char *name, const char *result, shunt_value src,
                           shunt_value input);
/* The scores of the classes at each place of src, by a convolution of 1x1 of this name; resized to the input, they are the output `result`. */
void segmentation_output(net_builder *builder, const char *conv, const char *result, shunt_value src,
                         shunt_value input);
/* With net->auxiliary: a head on the last stage but one. */
void segmentation_second_head(net_builder *builder, shunt_value input);

#endif
