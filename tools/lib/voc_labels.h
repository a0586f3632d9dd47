/* voc_labels.h - names for 21 classes that have none. */
#ifndef SHUNT_TOOLS_VOC_LABELS_H
#define SHUNT_TOOLS_VOC_LABELS_H

#include <shunt/shunt.h>
#include <stdbool.h>

/* Gives a model of 21 classes without names those of Pascal VOC. Returns an EXIT_ number. */
int voc_labels_assume(shunt_model *model, bool *assumed);

#endif
