/* plan.h - how a study that trains began, in OUT/study.json: the same command, or one with only --out, continues. */
#ifndef SHUNT_TOOLS_STUDIES_PLAN_H
#define SHUNT_TOOLS_STUDIES_PLAN_H

#include "study.h"

/* What the study in settings->out began with takes the place of what was not typed; it lives as long as *plan, which is NULL
 * where nothing has begun, and is to be released. Refuses what cannot be changed any more, such as the number of epochs. */
int plan_recall(const char *name, study_settings *settings, json_t **plan);
/* The epochs that the budget came to then; 0: not known. */
int64_t plan_epochs(const json_t *plan);
/* Writes it down. epochs: what the budget came to. */
int plan_keep(const char *name, const study_settings *settings, int64_t epochs);

#endif
