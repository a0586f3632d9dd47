/* responses.c - what convolutions give after batch norm, as results of a graph, and its mean and deviation over a data set. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "models/pictures.h"
#include "runtime/base/error.h"
#include "runtime/base/sized.h"
#include "runtime/graph/graph.h"

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
    uint32_t first; /* the first of its results that is a response */
    double *sums, *squares;
    shunt_response *responses;
    const shunt_response_options *options;
} measurement;

static shunt_status begin(measurement *self, const shunt_graph *graph)
{
    shunt_status status = shunt_graph_copy(graph, &self->graph);
    if (!status) status = shunt_graph_output_responses(self->graph, self->options->kernel);
    if (status) return status;
    self->first = graph->noutputs;
    self->sums = calloc(self->graph->noutputs, sizeof *self->sums);
    self->squares = calloc(self->graph->noutputs, sizeof *self->squares);
    self->responses = calloc(self->graph->noutputs - self->first, sizeof *self->responses);
    return self->sums && self->squares && self->responses ? SHUNT_OK : error_memory();
}

static shunt_status add_batch(void *context, const shunt_tensor *results, int64_t first, int64_t n)
{
    measurement *self = context;
    for (uint32_t i = self->first; i < self->graph->noutputs; i++) {
        const float *data = results[i].data;
        uint64_t count = shunt_tensor_count(&results[i].desc) / (uint64_t)results[i].desc.dims[0] * (uint64_t)n;
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
    if (self->options->progress) self->options->progress(self->options->context, first + n);
    return SHUNT_OK;
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

shunt_status shunt_measure_responses(const shunt_graph *graph, const shunt_weights *weights, shunt_device *device,
                                     const shunt_dataset *data, const shunt_preprocess *preprocess,
                                     const shunt_response_options *options, shunt_response **responses, size_t *count)
{
    if (!graph || !weights || !device || !data || !preprocess || !responses || !count)
        return error_null(__func__, "graph, weights, device, data, preprocess, responses, count");
    shunt_response_options own;
    measurement self = {.options = &own};
    *responses = NULL;
    *count = 0;
    shunt_status status =
        sized_take(&own, sizeof own, SIZE_THROUGH(shunt_response_options, context), options, "shunt_response_options");
    if (!status) status = begin(&self, graph);
    if (!status)
        status = pictures_run(&(pictures_work){.graph = self.graph,
                                               .weights = weights,
                                               .device = device,
                                               .data = data,
                                               .preprocess = preprocess,
                                               .limit = own.limit,
                                               .batch = own.batch,
                                               .workers = own.workers,
                                               .take = add_batch,
                                               .context = &self});
    if (!status) {
        finish(&self);
        *responses = self.responses;
        *count = self.graph->noutputs - self.first;
        self.responses = NULL;
    }
    free(self.sums);
    free(self.squares);
    free(self.responses);
    shunt_graph_destroy(self.graph);
    return status;
}
