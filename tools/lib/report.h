/* report.h - a plan's steps as a table or as JSON. */
#ifndef SHUNT_TOOLS_REPORT_H
#define SHUNT_TOOLS_REPORT_H

#include <jansson.h>
#include <shunt/shunt.h>

/* What each step does: algorithm, layouts, cost. Returns an EXIT_ number, as all that print do. */
int print_steps(const shunt_plan_report *plan);
/* The most that a device can do; zeros when it is not known. */
typedef struct device_roof {
    double flops_per_second, bytes_per_second;
} device_roof;
/* What each step took, of a profiled run, and how near the roof it came: arithmetic or memory, whichever holds it back.
 * Over 100 % means an algorithm that does with fewer operations, or data that stayed in a cache. */
int print_step_times(const shunt_plan_report *plan, const device_roof *roof);
json_t *steps_json(const shunt_plan_report *plan);

#endif
