/* plan.h - how a study that trains began, in OUT/study.json: the same command, or one with only --out, continues. */
#ifndef SHUNT_TOOLS_STUDIES_PLAN_H
#define SHUNT_TOOLS_STUDIES_PLAN_H

#include "study.h"

/* Options that were not typed are taken from the study in settings->out; they live as long as *plan. *plan is NULL if no study has
 * begun there; it must be released. Refuses options that can no longer change, such as the number of epochs. */
int plan_recall(const char *name, study_settings *settings, json_t **plan);
/* The number of epochs that the budget allowed then; 0: not known. */
int64_t plan_epochs(const json_t *plan);
/* Writes study.json. epochs: the number that the budget allowed. */
int plan_keep(const char *name, const study_settings *settings, int64_t epochs);

#endif
