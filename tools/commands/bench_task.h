/* bench_task.h - what shunt bench measures: runs of a network, or steps of its training, with their inputs and results. */
#ifndef SHUNT_TOOLS_BENCH_TASK_H
#define SHUNT_TOOLS_BENCH_TASK_H

#include <shunt/shunt.h>
#include <stdbool.h>

/* Networks that find objects have ten results and more. */
enum { BENCH_MOST_RESULTS = 16 };
typedef struct bench_task {
    const shunt_graph *graph;
    const shunt_weights *weights;
    shunt_tensor inputs[3], results[BENCH_MOST_RESULTS];
    size_t ninputs, nresults;
    shunt_graph *step; /* of training; and its weights. NULL else */
    shunt_weights *fresh;
} bench_task;

/* The results' memory comes later: bench_task_allocate. Ended with bench_task_end, after a failure as well. */
int bench_task_make(bench_task *self, const shunt_model *model, bool training, bool recompute, int64_t batch,
                    const int64_t size[2]);
/* Asks the executor, which prepares for it, what the results are. */
int bench_task_allocate(bench_task *self, shunt_executor *executor);
void bench_task_end(bench_task *self);

/* Both return shunt_executor_'s. */
shunt_status bench_task_run(const bench_task *self, shunt_executor *executor);
shunt_status bench_task_report(const bench_task *self, shunt_executor *executor, const shunt_plan_report **out);

#endif
