/* bench_profile.c - see bench_profile.h. */
#include "bench_profile.h"
#include "lib/args.h"
#include "lib/progress.h"
#include "lib/say.h"
#include <stdlib.h>

static int keep_shortest(bench_profile *self, const shunt_plan_report *now)
{
    bool first = !self->steps;
    if (first) {
        self->steps = calloc(now->nsteps + 1, sizeof *self->steps);
        self->list = calloc(now->nsteps + 1, sizeof *self->list);
    }
    if (!self->steps || !self->list) return say_failure("no memory");
    for (size_t i = 0; i < now->nsteps; i++) {
        uint64_t before = self->steps[i].nanoseconds;
        self->steps[i] = *now->steps[i];
        if (!first && before < self->steps[i].nanoseconds) self->steps[i].nanoseconds = before;
        self->list[i] = &self->steps[i];
    }
    self->report = *now;
    self->report.steps = self->list;
    return EXIT_OK;
}

static int run(bench_profile *self, const bench_task *task, int64_t repeats)
{
    for (int64_t r = -1; r < repeats; r++) {
        const shunt_plan_report *plan;
        if (bench_task_run(task, self->executor) || bench_task_report(task, self->executor, &plan))
            return say_library_failure(NULL);
        if (r < 0) continue;
        int status = keep_shortest(self, plan);
        if (status) return status;
    }
    return EXIT_OK;
}

int bench_profile_make(const bench_task *task, shunt_device *device, int64_t repeats, bench_profile *out)
{
    *out = (bench_profile){0};
    if (shunt_executor_create(task->graph, task->weights, device, &out->executor)) return say_library_failure(NULL);
    shunt_executor_profile(out->executor, 1);
    progress_begin("profiling", 0);
    int status = run(out, task, repeats);
    progress_end();
    return status;
}

void bench_profile_end(bench_profile *self)
{
    free(self->steps);
    free(self->list);
    shunt_executor_destroy(self->executor);
}
