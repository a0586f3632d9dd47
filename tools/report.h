/* report.h - a plan's steps as a table or as JSON. */
#ifndef SHUNT_TOOLS_REPORT_H
#define SHUNT_TOOLS_REPORT_H

#include <jansson.h>
#include <shunt/shunt.h>

/* What each step does: algorithm, layouts, cost. Returns an EXIT_ number, as all that print do. */
int print_steps(const shunt_plan_report *plan);
/* What each step took, of a profiled run. */
int print_step_times(const shunt_plan_report *plan);
json_t *steps_json(const shunt_plan_report *plan);

#endif
