/* evaluate.c - the error of a network on pictures that it is not trained on. */
#include "runtime/train/evaluate.h"
#include "runtime/base/sized.h"

#include <math.h>
#include <stdlib.h>

#include "runtime/base/error.h"
#include "runtime/graph/graph.h"
#include "runtime/train/trainer.h"
#include "runtime/weights/weights.h"

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
    shunt_tensor src = {.desc = shunt_tensor_make(SHUNT_F32, 4, (const int64_t[]){setup->batch, 3, side, side})};
    shunt_tensor dst = {.desc = shunt_tensor_make(SHUNT_F32, 2, (const int64_t[]){setup->batch, classes}),
                        .data = logits};
    shunt_status status = logits ? SHUNT_OK : error_memory();
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
    if (!setup->classes && (int64_t)shunt_dataset_classes(setup->data) != classes)
        return error_fail(SHUNT_E_INVALID, "the data has %zu classes and the network %lld",
                          shunt_dataset_classes(setup->data), (long long)classes);
    const shunt_executor_options how = {.size = sizeof how, .precision = options->precision};
    shunt_status status = shunt_executor_create_with(graph, weights, device, &how, &executor);
    if (!status) status = loader_create(setup, &pictures);
    if (!status) status = run_all(pictures, executor, setup, classes, options, out);
    loader_destroy(pictures);
    shunt_executor_destroy(executor);
    if (out->pictures) out->loss /= (double)out->pictures;
    return status;
}

static shunt_status check_classes(const shunt_graph *graph, const shunt_dataset *data, const int64_t *classes)
{
    int64_t most = shunt_graph_desc(graph, graph->outputs[0].value).dims[1];
    for (size_t i = 0; classes && i < shunt_dataset_classes(data); i++)
        if (classes[i] < 0 || classes[i] >= most)
            return error_fail(SHUNT_E_INVALID, "class %zu of the data is mapped to %lld, but the network has %lld", i,
                              (long long)classes[i], (long long)most);
    return SHUNT_OK;
}

shunt_status shunt_evaluate_with(const shunt_graph *graph, const shunt_weights *weights, shunt_device *device,
                                 const shunt_dataset *data, const shunt_preprocess *preprocess,
                                 const shunt_evaluate_options *options, shunt_score *out)
{
    if (!graph || !weights || !device || !data || !preprocess || !out)
        return error_null(__func__, "graph, weights, device, data, preprocess, out");
    enum { USUAL_BATCH = 100 };
    shunt_evaluate_options own;
    shunt_status status =
        sized_take(&own, sizeof own, SIZE_THROUGH(shunt_evaluate_options, classes), options, "shunt_evaluate_options");
    if (status) return status;
    size_t count = shunt_dataset_count(data);
    if (own.limit && own.limit < count) count = own.limit;
    int64_t batch = own.batch ? own.batch : USUAL_BATCH;
    if (batch < 1) return error_fail(SHUNT_E_INVALID, "a batch of %lld pictures", (long long)batch);
    if (count && batch > (int64_t)count) batch = (int64_t)count;
    status = check_classes(graph, data, own.classes);
    if (status) return status;
    evaluate_options all = {.pictures = {.data = data,
                                         .count = count,
                                         .classes = own.classes,
                                         .preprocess = preprocess,
                                         .batch = batch,
                                         .end = ((int64_t)count + batch - 1) / batch,
                                         .workers = own.workers},
                            .progress = own.progress,
                            .context = own.context};
    return evaluate(graph, weights, device, &all, out);
}

shunt_status shunt_evaluate(const shunt_graph *graph, const shunt_weights *weights, shunt_device *device,
                            const shunt_dataset *data, const shunt_preprocess *preprocess, int64_t batch,
                            int64_t workers, shunt_score *out)
{
    if (!graph || !weights || !device || !data || !preprocess || !out)
        return error_null(__func__, "graph, weights, device, data, preprocess, out");
    if (batch < 1) return error_fail(SHUNT_E_INVALID, "a batch of %lld pictures", (long long)batch);
    shunt_evaluate_options options = {.batch = batch, .workers = workers};
    return shunt_evaluate_with(graph, weights, device, data, preprocess, &options, out);
}

/* ---- The test, once, at the end ---------------------------------------------------------------------------------- */

static shunt_status note_test(shunt_weights *best, const shunt_score *score)
{
    const char *old = shunt_weights_metadata(best, "result");
    json_t *result = old ? json_loads(old, 0, NULL) : json_object();
    char *text = NULL;
    if (!json_object_set_new(result, "test_pictures", json_integer(score->pictures)) &&
        !json_object_set_new(result, "test_wrong", json_integer(score->wrong)))
        text = json_dumps(result, JSON_COMPACT | JSON_REAL_PRECISION(17));
    shunt_status status = text ? shunt_weights_set_metadata(best, "result", text) : error_memory();
    free(text);
    json_decref(result);
    return status;
}

/* The weights are those that the run keeps, not what stands in its folder by now. */
static shunt_status test_best(shunt_trainer *self, const train_part *part, shunt_score *out)
{
    if (!self->best && self->at.best < 0)
        return error_fail(SHUNT_E_INVALID, "there is no best network to test yet: no epoch is over");
    if (!self->best)
        return error_fail(
            SHUNT_E_INVALID,
            "%s/best.safetensors is not the network of epoch %lld, the best of this run; it was replaced or "
            "removed, so that there is nothing to test; train again",
            self->out ? self->out : ".", (long long)self->rows[self->at.best].epoch);
    shunt_status status = train_part_evaluate(self, part, self->best, NULL, out);
    if (!status) status = note_test(self->best, out);
    return status ? status : train_save_best(self);
}

shunt_status shunt_trainer_test(shunt_trainer *self, const shunt_dataset *data, shunt_score *out)
{
    if (!self || !data || !out) return error_null(__func__, "trainer, data, out");
    train_part other = {0}, *part = &self->test;
    shunt_status status = SHUNT_OK;
    if (!data) return error_fail(SHUNT_E_INVALID, "there are no pictures to test on");
    if (data != part->data) status = train_part_open(self, data, "the test pictures", part = &other);
    if (!status) status = test_best(self, part, out);
    train_part_close(&other);
    return status;
}
