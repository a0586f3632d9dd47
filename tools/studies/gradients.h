/* gradients.h - the two halves of the gradients study. */
#ifndef SHUNT_TOOLS_STUDIES_GRADIENTS_H
#define SHUNT_TOOLS_STUDIES_GRADIENTS_H

#include "study.h"

/* struct study's draw. */
int gradients_draw(const csv *results, report *out);

#endif
