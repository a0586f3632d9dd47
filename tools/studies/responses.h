/* responses.h - the two halves of the responses study. */
#ifndef SHUNT_TOOLS_STUDIES_RESPONSES_H
#define SHUNT_TOOLS_STUDIES_RESPONSES_H

#include "study.h"

/* struct study's draw. */
int responses_draw(const csv *results, report *out);

#endif
