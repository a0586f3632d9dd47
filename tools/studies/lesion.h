/* lesion.h - the study of lesions: measured in lesion.c, reported in lesion_report.c. */
#ifndef SHUNT_TOOLS_STUDIES_LESION_H
#define SHUNT_TOOLS_STUDIES_LESION_H

#include "study.h"

enum { LESION_MOST_BLOCKS = 1024 };

int lesion_draw(const csv *results, report *out);

#endif
