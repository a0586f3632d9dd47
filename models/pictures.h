/* pictures.h - the pictures of a data set through a graph, batch by batch: what responses and embeddings have in common. */
#ifndef SHUNT_MODELS_PICTURES_H
#define SHUNT_MODELS_PICTURES_H

#include <shunt/data.h>
#include <shunt/graph.h>
#include <shunt/run.h>

typedef struct pictures_work {
    const shunt_graph *graph; /* its one input: pictures */
    const shunt_weights *weights;
    shunt_device *device;
    const shunt_dataset *data;
    const shunt_preprocess *preprocess;
    size_t limit;           /* the largest number of pictures; 0: all */
    int64_t batch, workers; /* 0: chosen here */
    /* The graph's results for n pictures from number `first` on; there may be room for more behind them. */
    shunt_status (*take)(void *context, const shunt_tensor *results, int64_t first, int64_t n);
    void *context;
} pictures_work;

shunt_status pictures_run(const pictures_work *work);

#endif
