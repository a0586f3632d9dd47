/* evaluate.c - the error of a network on pictures that it is not trained on. */
#include "runtime/train/evaluate.h"

#include <math.h>
#include <stdlib.h>

#include "runtime/error.h"
#include "runtime/graph/graph.h"

int64_t evaluate_best(const float *logits, int64_t classes)
{
    int64_t best = 0;
    for (int64_t c = 1; c < classes; c++)
        if (logits[c] > logits[best]) best = c;
    return best;
}

static double cross_entropy(const float *logits, int64_t classes, int64_t label)
{
    double largest = (double)logits[evaluate_best(logits, classes)], sum = 0;
    for (int64_t c = 0; c < classes; c++) sum += exp((double)logits[c] - largest);
    return log(sum) + largest - (double)logits[label];
}

static void score(const loader_batch *batch, const float *logits, int64_t classes, shunt_score *into)
{
    for (int64_t i = 0; i < batch->n; i++) {
        const float *row = logits + i * classes;
        int64_t label = (int64_t)batch->labels[i];
        into->wrong += evaluate_best(row, classes) != label || !isfinite(row[label]);
        into->loss += cross_entropy(row, classes, label);
    }
    into->pictures += batch->n;
}

/* Always whole batches, since another size would be another plan; what is past the end of the data is not looked at. */
static shunt_status run_all(loader *pictures, shunt_executor *executor, const loader_setup *setup, int64_t classes,
                            const evaluate_options *options, shunt_score *out)
{
    int64_t side = setup->preprocess->crop;
    float *logits = calloc((size_t)setup->batch, (size_t)classes * sizeof *logits);
    shunt_tensor src = {
        .desc = {.dtype = SHUNT_F32, .rank = 4, .block = SHUNT_PLAIN, .dims = {setup->batch, 3, side, side}}};
    shunt_tensor dst = {.desc = {.dtype = SHUNT_F32, .rank = 2, .block = SHUNT_PLAIN, .dims = {setup->batch, classes}},
                        .data = logits};
    shunt_status status = logits ? SHUNT_OK : shunt_fail_memory();
    for (int64_t k = setup->first; !status && k < setup->end; k++) {
        const loader_batch *batch;
        status = loader_next(pictures, &batch);
        if (status) break;
        src.data = batch->images;
        status = shunt_executor_run(executor, &src, 1, &dst, 1);
        if (!status) score(batch, logits, classes, out);
        if (options->progress) options->progress(options->context, out->pictures);
    }
    free(logits);
    return status;
}

shunt_status evaluate(const shunt_graph *graph, const shunt_weights *weights, shunt_device *device,
                      const evaluate_options *options, shunt_score *out)
{
    const loader_setup *setup = &options->pictures;
    int64_t classes = shunt_graph_desc(graph, graph->outputs[0].value).dims[1];
    loader *pictures = NULL;
    shunt_executor *executor = NULL;
    *out = (shunt_score){0};
    if ((int64_t)shunt_dataset_classes(setup->data) != classes)
        return shunt_fail(SHUNT_E_INVALID, "the data has %zu classes and the network %lld",
                          shunt_dataset_classes(setup->data), (long long)classes);
    shunt_status status = shunt_executor_create(graph, weights, device, &executor);
    if (!status) status = loader_create(setup, &pictures);
    if (!status) status = run_all(pictures, executor, setup, classes, options, out);
    loader_destroy(pictures);
    shunt_executor_destroy(executor);
    if (out->pictures) out->loss /= (double)out->pictures;
    return status;
}

shunt_status shunt_evaluate(const shunt_graph *graph, const shunt_weights *weights, shunt_device *device,
                            const shunt_dataset *data, const shunt_preprocess *preprocess, int64_t batch,
                            int64_t workers, shunt_score *out)
{
    size_t count = shunt_dataset_count(data);
    if (batch < 1) return shunt_fail(SHUNT_E_INVALID, "a batch of %lld pictures", (long long)batch);
    evaluate_options options = {.pictures = {.data = data,
                                             .count = count,
                                             .preprocess = preprocess,
                                             .batch = batch,
                                             .end = ((int64_t)count + batch - 1) / batch,
                                             .workers = workers}};
    return evaluate(graph, weights, device, &options, out);
}
