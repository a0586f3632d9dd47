/* evaluate.h - the error of a network on some pictures of a data set. */
#ifndef SHUNT_RUNTIME_EVALUATE_H
#define SHUNT_RUNTIME_EVALUATE_H

#include "runtime/data/loader.h"

#include <stdbool.h>

typedef struct evaluate_options {
    loader_setup pictures;                         /* without a recipe */
    void (*progress)(void *context, int64_t done); /* or NULL; after each batch */
    void *context;
    const char *precision; /* as in shunt_executor_options */
} evaluate_options;

/* graph: pictures in, logits out. */
shunt_status evaluate(const shunt_graph *graph, const shunt_weights *weights, shunt_device *device,
                      const evaluate_options *options, shunt_score *out);

/* Of a picture there are logits rows x classes x labels, and rows x labels labels: 1 x 1, or pixels in one row, or for each shape of an anchor a
 * row of places. */
typedef struct score_layout {
    int64_t rows, classes, labels;
    bool objects;
} score_layout;

/* How many of the batch's pictures are taken for another class; or of the pixels that have a class, or the anchors that are of an object. */
int64_t evaluate_wrong(const loader_batch *batch, const float *logits, const score_layout *layout);
/* The loss of a picture, from the training graph's number for it. batch: pictures that the graph takes. */
double evaluate_loss(const score_layout *layout, int64_t batch, float made);

#endif
