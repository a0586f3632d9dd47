/* step_table.h - a plan's steps as a table or as JSON. */
#ifndef SHUNT_TOOLS_STEP_TABLE_H
#define SHUNT_TOOLS_STEP_TABLE_H

#include <jansson.h>
#include <shunt/shunt.h>

/* What each step does: algorithm, layouts, cost. Returns an EXIT_ number, as all that print do. */
int print_steps(const shunt_plan_report *plan);
/* The most that a device can do; zeros when it is not known. */
typedef struct device_roof {
    double flops_per_second, bytes_per_second;
} device_roof;
/* The time of each step of a profiled run, and how near it came to the device's limit: of arithmetic or of memory, whichever is
 * lower. Over 100 % means that the algorithm needs fewer operations, or that data stayed in a cache. */
int print_step_times(const shunt_plan_report *plan, const device_roof *roof);
json_t *steps_json(const shunt_plan_report *plan);

#endif
