/* bench_predict.h - how long a training step takes on more ranks than there are: computing as measured on one, and a message of n bytes
 * takes alpha + n / beta on the link (Hockney's model). docs/distributed.md */
#ifndef SHUNT_TOOLS_BENCH_PREDICT_H
#define SHUNT_TOOLS_BENCH_PREDICT_H

#include "bench_link.h"
#include "bench_task.h"
#include <jansson.h>

enum { BENCH_MOST_RANKS = 16 };

typedef struct bench_predict_settings {
    const char *ranks; /* "1,8,64"; NULL: nothing is predicted */
    const char *link;  /* "25Gbit,5us", or "measured": that of the ranks that there are */
    bool bf16_gradients;
} bench_predict_settings;

typedef struct bench_prediction {
    uint32_t ranks;
    double seconds, communication,
        waited; /* of a step: all of it; in which data are exchanged; of that, not while computing */
} bench_prediction;

typedef struct bench_predictions {
    bench_link link;
    double alone; /* seconds of a step of one rank */
    bench_prediction list[BENCH_MOST_RANKS];
    size_t count;
} bench_predictions;

/* Whether the texts make sense; fills link, unless it is to be measured, and the numbers of ranks. */
int bench_predict_parse(const bench_predict_settings *settings, bench_predictions *out);
/* All ranks that there are do this together. repeats: runs to measure computing by. */
int bench_predict(const bench_task *task, shunt_device *device, shunt_ranks *ranks,
                  const bench_predict_settings *settings, int64_t repeats, bench_predictions *out);
/* On the last line what was measured, of `batch` pictures on each rank; measured NULL: nothing. */
int bench_predict_print(const bench_predictions *self, const bench_prediction *measured);
void bench_predict_put(json_t *object, const bench_predictions *self, const bench_prediction *measured);

#endif
