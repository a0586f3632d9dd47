/* bench_streams.h - several runs of one executor in flight, and one after another, in turn: throughput of both, and how long each run in
 * flight takes from its submission to its end. */
#ifndef SHUNT_TOOLS_BENCH_STREAMS_H
#define SHUNT_TOOLS_BENCH_STREAMS_H

#include "bench_task.h"

typedef struct bench_flow {
    double runs_per_second, alone_per_second; /* in flight; one after another. Of the whole time, waiting included */
    double p50_ms, p90_ms, p99_ms, most_ms;   /* of a whole batch: nearest rank */
} bench_flow;

/* `repeats` runs of each kind, on an executor of its own. */
int bench_streams(const bench_task *task, shunt_device *device, int64_t streams, int64_t warm_up, int64_t repeats,
                  bench_flow *out);

#endif
