/* evaluate.c - the error of a network on pictures that it is not trained on. */
#include "runtime/train/evaluate.h"
#include "runtime/base/sized.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "runtime/base/error.h"
#include "runtime/data/dataset.h"
#include "runtime/graph/graph.h"
#include "runtime/train/trainer.h"
#include "runtime/weights/weights.h"

/* The scores of a picture, or of one of its pixels: that of class c is first[c * step]. */
typedef struct scores {
    const float *first;
    int64_t classes, step;
} scores;

static scores scores_of(const float *logits, int64_t classes, int64_t labels, int64_t number)
{
    return (scores){logits + number / labels * classes * labels + number % labels, classes, labels};
}

/* Of equals the first. */
static int64_t best_of(const scores *self)
{
    int64_t best = 0;
    for (int64_t c = 1; c < self->classes; c++)
        if (self->first[c * self->step] > self->first[best * self->step]) best = c;
    return best;
}

static double cross_entropy(const scores *self, int64_t best, int64_t label)
{
    double largest = (double)self->first[best * self->step], sum = 0;
    for (int64_t c = 0; c < self->classes; c++) sum += exp((double)self->first[c * self->step] - largest);
    return log(sum) + largest - (double)self->first[label * self->step];
}

static bool counts(const loader_batch *batch, int64_t number)
{
    return !batch->weights || batch->weights[number] > 0;
}

int64_t evaluate_wrong(const loader_batch *batch, const float *logits, int64_t classes, int64_t labels)
{
    int64_t wrong = 0;
    for (int64_t i = 0; i < batch->n * labels; i++) {
        const scores row = scores_of(logits, classes, labels, i);
        wrong += counts(batch, i) && best_of(&row) != (int64_t)batch->labels[i];
    }
    return wrong;
}

static void score(const loader_batch *batch, const float *logits, int64_t classes, int64_t labels, shunt_score *into)
{
    for (int64_t i = 0; i < batch->n * labels; i++) {
        if (!counts(batch, i)) continue;
        const scores row = scores_of(logits, classes, labels, i);
        const int64_t label = (int64_t)batch->labels[i], best = best_of(&row);
        into->wrong += best != label || !isfinite(row.first[label * labels]);
        into->loss += cross_entropy(&row, best, label);
    }
    into->pictures += batch->labelled;
}

/* Always whole batches, since another size would be another plan; what is past the end of the data is not looked at. */
static shunt_status run_all(loader *pictures, shunt_executor *executor, const loader_setup *setup, int64_t classes,
                            const evaluate_options *options, shunt_score *out)
{
    const int64_t side = setup->preprocess->crop, labels = setup->data->kind->pixels ? side * side : 1;
    float *logits = calloc((size_t)setup->batch, (size_t)(classes * labels) * sizeof *logits);
    shunt_tensor src = {.desc = shunt_tensor_make(SHUNT_F32, 4, (const int64_t[]){setup->batch, 3, side, side})};
    shunt_tensor dst = {.desc = shunt_tensor_make(SHUNT_F32, setup->data->kind->pixels ? 4 : 2,
                                                  (const int64_t[]){setup->batch, classes, side, side}),
                        .data = logits};
    shunt_status status = logits ? SHUNT_OK : error_memory();
    for (int64_t k = setup->first, done = 0; !status && k < setup->end; k++) {
        const loader_batch *batch;
        status = loader_next(pictures, &batch);
        if (status) break;
        src.data = batch->images;
        status = shunt_executor_run(executor, &src, 1, &dst, 1);
        if (!status) score(batch, logits, classes, labels, out);
        done += batch->n;
        if (options->progress) options->progress(options->context, done);
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
    if ((shunt_graph_desc(graph, graph->outputs[0].value).rank == 4) != (setup->data->kind->pixels != NULL))
        return error_fail(SHUNT_E_INVALID, "the data does not have what the network tells, the class of pictures or of "
                                           "pixels");
    const shunt_executor_options how = {.size = sizeof how, .precision = options->precision};
    shunt_graph *first = NULL;
    shunt_status status = shunt_graph_copy(graph, &first);
    while (!status && first->noutputs > 1) graph_drop_output(first);
    if (!status) status = shunt_executor_create_with(first, weights, device, &how, &executor);
    shunt_graph_destroy(first);
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
