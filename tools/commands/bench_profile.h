/* bench_profile.h - the shortest time of each step of a plan, over several runs. */
#ifndef SHUNT_TOOLS_BENCH_PROFILE_H
#define SHUNT_TOOLS_BENCH_PROFILE_H

#include "bench_task.h"

typedef struct bench_profile {
    shunt_plan_report report; /* its steps are those of `list`; their texts are the executor's */
    shunt_step *steps;
    const shunt_step **list;
    shunt_executor *executor; /* its own: profiling is chosen before the first plan, and other runs stay free of it */
} bench_profile;

/* Runs `repeats` times after a warm-up, on an executor of its own, of this process alone. Ended with bench_profile_end, after a failure
 * as well. */
int bench_profile_make(const bench_task *task, shunt_device *device, int64_t repeats, bench_profile *out);
void bench_profile_end(bench_profile *self);

#endif
