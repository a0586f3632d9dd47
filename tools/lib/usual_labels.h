/* usual_labels.h - names for classes that have none, where their number says what they are. */
#ifndef SHUNT_TOOLS_USUAL_LABELS_H
#define SHUNT_TOOLS_USUAL_LABELS_H

#include <shunt/shunt.h>
#include <stdbool.h>

/* Gives a model without names those of Pascal VOC, if it labels pixels and has 21 classes, or those of COCO, if it finds objects and has
 * 91. Returns an EXIT_ number. */
int usual_labels_assume(shunt_model *model, bool *assumed);

/* Gives a model without names those of ImageNet, if it chooses one of 1000 classes. Without the file of the names that comes with Shunt it
 * keeps numbers. Returns an EXIT_ number. */
int usual_labels_assume_imagenet(shunt_model *model, bool *assumed);

#endif
