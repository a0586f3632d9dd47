/* pictures.c - see pictures.h. Threads read the pictures ahead of the device. */
#include "models/pictures.h"

#include <stdlib.h>

#include "runtime/base/error.h"
#include "runtime/data/loader.h"
#include "runtime/graph/graph.h"

typedef struct run {
    const pictures_work *work;
    shunt_executor *executor;
    loader *pictures;
    loader_setup setup;
    shunt_tensor src, *results;
} run;

/* So many pictures that all results of one run fit in a quarter of a gibibyte. */
static int64_t usual_batch(const shunt_graph *graph)
{
    enum { MOST_BYTES = 1 << 28, MOST = 100 };
    uint64_t bytes = 1;
    for (uint32_t i = 0; i < graph->noutputs; i++) {
        const shunt_tensor_desc *desc = &graph->values[graph->outputs[i].value].desc;
        bytes += shunt_tensor_bytes(desc) / (uint64_t)desc->dims[0];
    }
    uint64_t batch = MOST_BYTES / bytes;
    return batch < 1 ? 1 : batch < MOST ? (int64_t)batch : MOST;
}

static shunt_status choose_pictures(run *self)
{
    enum { MOST_BATCH = 1 << 20 };
    const pictures_work *work = self->work;
    loader_setup *setup = &self->setup;
    *setup = (loader_setup){.data = work->data,
                            .count = shunt_dataset_count(work->data),
                            .preprocess = work->preprocess,
                            .batch = work->batch ? work->batch : usual_batch(work->graph),
                            .workers = work->workers};
    if (setup->batch < 1 || setup->batch > MOST_BATCH)
        return error_fail(SHUNT_E_INVALID, "a batch of %lld pictures", (long long)setup->batch);
    if (work->limit && work->limit < setup->count) setup->count = work->limit;
    if (!setup->count) return error_fail(SHUNT_E_INVALID, "the data set has no pictures");
    if ((int64_t)setup->count < setup->batch) setup->batch = (int64_t)setup->count;
    setup->end = ((int64_t)setup->count + setup->batch - 1) / setup->batch;
    return SHUNT_OK;
}

static shunt_status allocate(run *self)
{
    const shunt_graph *graph = self->work->graph;
    const int64_t side = self->setup.preprocess->crop;
    self->src.desc = shunt_graph_desc(graph, graph->inputs[0]);
    int64_t *dims = self->src.desc.dims;
    dims[0] = self->setup.batch, dims[2] = dims[3] = side;
    self->results = calloc(graph->noutputs, sizeof *self->results);
    shunt_status status = self->results ? SHUNT_OK : error_memory();
    for (uint32_t i = 0; !status && i < graph->noutputs; i++) {
        shunt_tensor *result = &self->results[i];
        status = shunt_executor_output(self->executor, &self->src.desc, 1, i, &result->desc);
        if (!status && !(result->data = malloc((size_t)shunt_tensor_bytes(&result->desc)))) status = error_memory();
    }
    return status;
}

/* Always whole batches, since another size would be another plan. */
static shunt_status run_all(run *self)
{
    const pictures_work *work = self->work;
    shunt_status status = SHUNT_OK;
    int64_t done = 0;
    for (int64_t k = 0; !status && k < self->setup.end; k++) {
        const loader_batch *batch;
        status = loader_next(self->pictures, &batch);
        if (status) break;
        self->src.data = batch->images;
        status = shunt_executor_run(self->executor, &self->src, 1, self->results, work->graph->noutputs);
        if (!status) status = work->take(work->context, self->results, done, batch->n);
        done += batch->n;
    }
    return status;
}

shunt_status pictures_run(const pictures_work *work)
{
    run self = {.work = work};
    const shunt_graph *graph = work->graph;
    if (graph->ninputs != 1 || shunt_graph_desc(graph, graph->inputs[0]).rank != 4)
        return error_fail(SHUNT_E_INVALID, "pictures need a network with one input, which takes them");
    shunt_status status = choose_pictures(&self);
    if (!status) status = shunt_executor_create(graph, work->weights, work->device, &self.executor);
    if (!status) status = allocate(&self);
    if (!status) status = loader_create(&self.setup, &self.pictures);
    if (!status) status = run_all(&self);
    loader_destroy(self.pictures);
    shunt_executor_destroy(self.executor);
    for (uint32_t i = 0; self.results && i < graph->noutputs; i++) free(self.results[i].data);
    free(self.results);
    return status;
}
