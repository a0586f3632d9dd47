/* bench_streams.h - several runs of one executor in flight: throughput, and how long each takes from its submission to its end. */
#ifndef SHUNT_TOOLS_BENCH_STREAMS_H
#define SHUNT_TOOLS_BENCH_STREAMS_H

#include "bench_task.h"

typedef struct bench_flow {
    double runs_per_second;
    double p50_ms, p90_ms, p99_ms, most_ms; /* of a whole batch: nearest rank */
} bench_flow;

/* Always `streams` runs in flight, on an executor of its own. */
int bench_streams(const bench_task *task, shunt_device *device, int64_t streams, int64_t warm_up, int64_t repeats,
                  bench_flow *out);

#endif
