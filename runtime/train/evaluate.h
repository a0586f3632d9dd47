/* evaluate.h - the error of a network on some pictures of a data set. */
#ifndef SHUNT_RUNTIME_EVALUATE_H
#define SHUNT_RUNTIME_EVALUATE_H

#include "runtime/data/loader.h"

typedef struct evaluate_options {
    loader_setup pictures;                         /* without a recipe */
    void (*progress)(void *context, int64_t done); /* or NULL; after each batch */
    void *context;
    const char *precision; /* as in shunt_executor_options */
} evaluate_options;

/* graph: pictures in, logits out. */
shunt_status evaluate(const shunt_graph *graph, const shunt_weights *weights, shunt_device *device,
                      const evaluate_options *options, shunt_score *out);

/* How many of the batch's pictures, or of their pixels that have a class, are taken for another class. logits: n x classes x labels; labels: of a
 * picture. */
int64_t evaluate_wrong(const loader_batch *batch, const float *logits, int64_t classes, int64_t labels);

#endif
