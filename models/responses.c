/* responses.c - what convolutions give after batch norm, as results of a graph, and its mean and deviation over a data set. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "runtime/base/error.h"
#include "runtime/base/sized.h"
#include "runtime/graph/graph.h"
#include "runtime/data/loader.h"

#include <shunt/look.h>

/* ---- As results of a graph --------------------------------------------------------------------------------------- */

static bool is_wanted(const shunt_graph *graph, const graph_op *op, int64_t kernel)
{
    if (op->kind != SHUNT_OP_CONV) return false;
    const int64_t *dims = graph->values[op->inputs[1]].desc.dims;
    return !kernel || (dims[2] == kernel && dims[3] == kernel);
}

/* The batch norm that reads what op number `conv` makes, else that op itself. */
static const graph_op *find_norm(const shunt_graph *graph, uint32_t conv)
{
    const graph_op *op = &graph->ops[conv];
    for (uint32_t i = conv + 1; i < graph->nops; i++)
        if (graph->ops[i].kind == SHUNT_OP_BATCH_NORM && graph->ops[i].inputs[0] == op->outputs[0])
            return &graph->ops[i];
    return op;
}

shunt_status shunt_graph_output_responses(shunt_graph *graph, int64_t kernel)
{
    shunt_status status = shunt_graph_check(graph);
    if (status) return status;
    uint32_t before = graph->noutputs;
    for (uint32_t i = 0; i < graph->nops; i++) {
        const graph_op *op = &graph->ops[i];
        if (!is_wanted(graph, op, kernel)) continue;
        const graph_op *norm = find_norm(graph, i);
        if ((op->flags | norm->flags) & (SHUNT_FLAG_RELU | SHUNT_FLAG_RESIDUAL))
            return error_fail(SHUNT_E_UNSUPPORTED,
                              "%s includes its ReLU or addition, so its value before them is not available", op->name);
        shunt_graph_output(graph, op->name, norm->outputs[0]);
    }
    if (graph->noutputs == before)
        return error_fail(SHUNT_E_INVALID, "the network has no convolution of %lld x %lld", (long long)kernel,
                          (long long)kernel);
    return shunt_graph_check(graph);
}

/* ---- Over a data set --------------------------------------------------------------------------------------------- */

typedef struct measurement {
    shunt_graph *graph;
    shunt_executor *executor;
    loader *pictures;
    loader_setup setup;
    shunt_tensor *outputs; /* of the graph, for a batch */
    uint32_t first;        /* the first of them that is a response */
    double *sums, *squares;
    shunt_response *responses;
} measurement;

/* So many pictures that all results of one run fit in a quarter of a gibibyte. */
static int64_t usual_batch(const measurement *self)
{
    enum { MOST_BYTES = 1 << 28, MOST = 100 };
    uint64_t bytes = 1;
    for (uint32_t i = 0; i < self->graph->noutputs; i++) {
        const shunt_tensor_desc *desc = &self->graph->values[self->graph->outputs[i].value].desc;
        bytes += shunt_tensor_bytes(desc) / (uint64_t)desc->dims[0];
    }
    uint64_t batch = MOST_BYTES / bytes;
    return batch < 1 ? 1 : batch < MOST ? (int64_t)batch : MOST;
}

static shunt_status take_graph(measurement *self, const shunt_graph *graph, int64_t kernel)
{
    shunt_status status = shunt_graph_copy(graph, &self->graph);
    if (status) return status;
    self->first = graph->noutputs;
    if (graph->ninputs != 1 || shunt_graph_desc(graph, graph->inputs[0]).rank != 4)
        return error_fail(SHUNT_E_INVALID, "responses need a network with one input: pictures");
    return shunt_graph_output_responses(self->graph, kernel);
}

static shunt_status choose_pictures(measurement *self, const shunt_dataset *data, const shunt_preprocess *preprocess,
                                    const shunt_response_options *options)
{
    enum { MOST_BATCH = 1 << 20 };
    loader_setup *setup = &self->setup;
    *setup = (loader_setup){.data = data,
                            .count = shunt_dataset_count(data),
                            .preprocess = preprocess,
                            .batch = options->batch ? options->batch : usual_batch(self),
                            .workers = options->workers};
    if (setup->batch < 1 || setup->batch > MOST_BATCH)
        return error_fail(SHUNT_E_INVALID, "a batch of %lld pictures", (long long)setup->batch);
    if (options->limit && options->limit < setup->count) setup->count = options->limit;
    if (!setup->count) return error_fail(SHUNT_E_INVALID, "the data set has no pictures");
    if ((int64_t)setup->count < setup->batch) setup->batch = (int64_t)setup->count;
    setup->end = ((int64_t)setup->count + setup->batch - 1) / setup->batch;
    return SHUNT_OK;
}

static shunt_status allocate(measurement *self)
{
    const shunt_graph *graph = self->graph;
    const int64_t side = self->setup.preprocess->crop;
    shunt_tensor_desc src = shunt_graph_desc(graph, graph->inputs[0]);
    src.dims[0] = self->setup.batch, src.dims[2] = src.dims[3] = side;
    self->outputs = calloc(graph->noutputs, sizeof *self->outputs);
    self->sums = calloc(graph->noutputs, sizeof *self->sums);
    self->squares = calloc(graph->noutputs, sizeof *self->squares);
    self->responses = calloc(graph->noutputs - self->first, sizeof *self->responses);
    if (!self->outputs || !self->sums || !self->squares || !self->responses) return error_memory();
    shunt_status status = SHUNT_OK;
    for (uint32_t i = 0; !status && i < graph->noutputs; i++) {
        shunt_tensor *output = &self->outputs[i];
        status = shunt_executor_output(self->executor, &src, 1, i, &output->desc);
        if (!status && !(output->data = malloc((size_t)shunt_tensor_bytes(&output->desc)))) status = error_memory();
    }
    return status;
}

/* What the first n pictures of the batch have given. */
static shunt_status add_batch(measurement *self, int64_t n)
{
    for (uint32_t i = self->first; i < self->graph->noutputs; i++) {
        const shunt_tensor *output = &self->outputs[i];
        const float *data = output->data;
        uint64_t count = shunt_tensor_count(&output->desc) / (uint64_t)output->desc.dims[0] * (uint64_t)n;
        double sum = 0, squares = 0;
        for (uint64_t k = 0; k < count; k++) {
            sum += (double)data[k];
            squares += (double)data[k] * (double)data[k];
        }
        if (!isfinite(squares))
            return error_fail(SHUNT_E_INVALID, "%s gives a value that is not finite; check the weights",
                              self->graph->outputs[i].name);
        self->sums[i] += sum;
        self->squares[i] += squares;
        self->responses[i - self->first].count += count;
    }
    return SHUNT_OK;
}

/* Always whole batches, since another size would be another plan. */
static shunt_status run_all(measurement *self, const shunt_response_options *options)
{
    const int64_t side = self->setup.preprocess->crop;
    shunt_tensor src = {.desc = shunt_graph_desc(self->graph, self->graph->inputs[0])};
    src.desc.dims[0] = self->setup.batch, src.desc.dims[2] = src.desc.dims[3] = side;
    shunt_status status = SHUNT_OK;
    int64_t done = 0;
    for (int64_t k = 0; !status && k < self->setup.end; k++) {
        const loader_batch *batch;
        status = loader_next(self->pictures, &batch);
        if (status) break;
        src.data = batch->images;
        status = shunt_executor_run(self->executor, &src, 1, self->outputs, self->graph->noutputs);
        if (!status) status = add_batch(self, batch->n);
        done += batch->n;
        if (!status && options->progress) options->progress(options->context, done);
    }
    return status;
}

static void finish(measurement *self)
{
    for (uint32_t i = self->first; i < self->graph->noutputs; i++) {
        shunt_response *response = &self->responses[i - self->first];
        double n = (double)response->count;
        snprintf(response->name, sizeof response->name, "%s", self->graph->outputs[i].name);
        response->mean = self->sums[i] / n;
        response->deviation = sqrt(fmax(self->squares[i] / n - response->mean * response->mean, 0));
    }
}

static void clean_up(measurement *self)
{
    loader_destroy(self->pictures);
    shunt_executor_destroy(self->executor);
    for (uint32_t i = 0; self->outputs && i < self->graph->noutputs; i++) free(self->outputs[i].data);
    free(self->outputs);
    free(self->sums);
    free(self->squares);
    free(self->responses);
    shunt_graph_destroy(self->graph);
}

shunt_status shunt_measure_responses(const shunt_graph *graph, const shunt_weights *weights, shunt_device *device,
                                     const shunt_dataset *data, const shunt_preprocess *preprocess,
                                     const shunt_response_options *options, shunt_response **responses, size_t *count)
{
    if (!graph || !weights || !device || !data || !preprocess || !responses || !count)
        return error_null(__func__, "graph, weights, device, data, preprocess, responses, count");
    shunt_response_options own;
    measurement self = {0};
    *responses = NULL;
    *count = 0;
    shunt_status status =
        sized_take(&own, sizeof own, SIZE_THROUGH(shunt_response_options, context), options, "shunt_response_options");
    if (!status) status = take_graph(&self, graph, own.kernel);
    if (!status) status = choose_pictures(&self, data, preprocess, &own);
    if (!status) status = shunt_executor_create(self.graph, weights, device, &self.executor);
    if (!status) status = allocate(&self);
    if (!status) status = loader_create(&self.setup, &self.pictures);
    if (!status) status = run_all(&self, &own);
    if (!status) {
        finish(&self);
        *responses = self.responses;
        *count = self.graph->noutputs - self.first;
        self.responses = NULL;
    }
    clean_up(&self);
    return status;
}
