/* evaluate.c - the error of a network on pictures that it is not trained on. */
#include "runtime/train/evaluate.h"
#include "runtime/base/sized.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "runtime/base/error.h"
#include "runtime/data/dataset.h"
#include "runtime/graph/graph.h"
#include "runtime/train/object_loss.h"
#include "runtime/train/trainer.h"
#include "runtime/weights/weights.h"

/* The scores of what has a label: that of class c is first[c * step]. */
typedef struct scores {
    const float *first;
    int64_t classes, step;
} scores;

/* Label `number` of a batch. */
static scores scores_of(const float *logits, const score_layout *l, int64_t number)
{
    return (scores){logits + number / l->labels * l->classes * l->labels + number % l->labels, l->classes, l->labels};
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
    const float *weights = batch->code_weights ? batch->code_weights : batch->weights;
    return !weights || weights[number] > 0;
}

static int64_t labels_of(const loader_batch *batch, const score_layout *layout)
{
    return batch->n * layout->rows * layout->labels;
}

int64_t evaluate_wrong(const loader_batch *batch, const float *logits, const score_layout *layout)
{
    int64_t wrong = 0;
    for (int64_t i = 0; i < labels_of(batch, layout); i++) {
        if (!counts(batch, i)) continue;
        const scores row = scores_of(logits, layout, i);
        wrong += best_of(&row) != (int64_t)batch->labels[i];
    }
    return wrong;
}

double evaluate_loss(const score_layout *layout, int64_t batch, float made)
{
    return layout->objects ? (double)made * (double)batch : (double)made / (double)layout->labels;
}

score_layout train_layout(const shunt_trainer *self)
{
    const bool objects = self->setup.data->kind->objects != NULL;
    const int64_t rows = objects ? self->setup.anchors->shapes : 1;
    return (score_layout){.rows = rows, .classes = self->classes, .labels = self->labels / rows, .objects = objects};
}

/* ---- All pictures -------------------------------------------------------------------------------------------------- */

typedef struct evaluation {
    const loader_setup *setup;
    score_layout layout;
    shunt_executor *executor;
    float *logits, *losses; /* losses: of objects */
} evaluation;

static void score(const evaluation *self, const loader_batch *batch, shunt_score *into)
{
    const score_layout *layout = &self->layout;
    for (int64_t i = 0; i < labels_of(batch, layout); i++) {
        if (!counts(batch, i)) continue;
        const scores row = scores_of(self->logits, layout, i);
        const int64_t label = (int64_t)batch->labels[i], best = best_of(&row);
        into->wrong += best != label || !isfinite(row.first[label * layout->labels]);
        if (!layout->objects) into->loss += cross_entropy(&row, best, label);
    }
    for (int64_t i = 0; layout->objects && i < batch->n; i++)
        into->loss += evaluate_loss(layout, self->setup->batch, self->losses[i]);
    into->pictures += batch->labelled;
}

/* Of objects the targets, too, since the graph has the loss. */
static shunt_status run_batch(const evaluation *self, const loader_batch *batch)
{
    const score_layout *l = &self->layout;
    const int64_t n = self->setup->batch, side = self->setup->preprocess->crop, rows = n * l->rows;
    const int64_t each[] = {rows, 1, l->labels}, codes[] = {rows, 4, l->labels};
    const int64_t whole[] = {n, l->classes, side, side}, joined[] = {rows, l->classes, l->labels};
    const uint32_t rank = l->objects ? 3 : self->setup->data->kind->pixels ? 4 : 2;
    shunt_tensor src[] = {{shunt_tensor_make(SHUNT_F32, 4, (int64_t[]){n, 3, side, side}), batch->images},
                          {shunt_tensor_make(SHUNT_F32, 3, each), batch->labels},
                          {shunt_tensor_make(SHUNT_F32, 3, each), batch->weights},
                          {shunt_tensor_make(SHUNT_F32, 3, codes), batch->codes},
                          {shunt_tensor_make(SHUNT_F32, 3, each), batch->code_weights}};
    shunt_tensor dst[] = {{shunt_tensor_make(SHUNT_F32, rank, l->objects ? joined : whole), self->logits},
                          {shunt_tensor_make(SHUNT_F32, 1, &n), self->losses}};
    return shunt_executor_run(self->executor, src, l->objects ? 5 : 1, dst, l->objects ? 2 : 1);
}

/* Always whole batches, since another size would be another plan; what is past the end of the data is not looked at. */
static shunt_status run_all(const evaluation *self, loader *pictures, const evaluate_options *options, shunt_score *out)
{
    shunt_status status = SHUNT_OK;
    for (int64_t k = self->setup->first, done = 0; !status && k < self->setup->end; k++) {
        const loader_batch *batch;
        status = loader_next(pictures, &batch);
        if (!status) status = run_batch(self, batch);
        if (status) break;
        score(self, batch, out);
        done += batch->n;
        if (options->progress) options->progress(options->context, done);
    }
    return status;
}

static shunt_status check_data(const loader_setup *setup, const shunt_graph *graph, const score_layout *layout)
{
    const dataset_kind *kind = setup->data->kind;
    if (!setup->classes && (int64_t)shunt_dataset_classes(setup->data) != layout->classes)
        return error_fail(SHUNT_E_INVALID, "the data has %zu classes and the network %lld",
                          shunt_dataset_classes(setup->data), (long long)layout->classes);
    const bool pixels = !layout->objects && shunt_graph_desc(graph, graph->outputs[0].value).rank == 4;
    if (pixels != (kind->pixels != NULL) || layout->objects != (kind->objects != NULL))
        return error_fail(SHUNT_E_INVALID, "the data does not have what the network tells, the class of pictures or of "
                                           "pixels, or objects");
    if (layout->objects && !setup->anchors)
        return error_fail(SHUNT_E_UNSUPPORTED, "networks that find objects are evaluated while they are trained; "
                                               "shunt_detect and shunt_coco_evaluate do it otherwise");
    return SHUNT_OK;
}

/* The first result alone; of objects the logits of all maps, and the loss. */
static shunt_status make_graph(const loader_setup *setup, const shunt_graph *network, score_layout *layout,
                               shunt_graph **out)
{
    const int64_t side = setup->preprocess->crop;
    const shunt_tensor_desc src = shunt_tensor_make(SHUNT_F32, 4, (int64_t[]){setup->batch, 3, side, side});
    shunt_status status = shunt_graph_copy(network, out);
    if (status) return status;
    if (!layout->objects) {
        while ((*out)->noutputs > 1) graph_drop_output(*out);
        return SHUNT_OK;
    }
    status = graph_reshape(*out, &src, 1);
    if (status) return status;
    const object_sizes sizes = object_loss_sizes(*out);
    *layout = (score_layout){sizes.shapes, sizes.classes, sizes.places, true};
    const object_scores made = object_loss_scores(*out);
    const object_losses losses = object_loss(*out, &made, setup->batch);
    while ((*out)->noutputs > 0) graph_drop_output(*out);
    shunt_graph_output(*out, "logits", made.logits);
    shunt_graph_output(*out, "losses", losses.losses);
    return shunt_graph_check(*out);
}

static score_layout layout_of(const shunt_graph *graph, const loader_setup *setup)
{
    const int64_t side = setup->preprocess->crop, classes = shunt_graph_desc(graph, graph->outputs[0].value).dims[1];
    if (object_loss_fits(graph)) return (score_layout){1, object_loss_sizes(graph).classes, 1, true};
    return (score_layout){1, classes, setup->data->kind->pixels ? side * side : 1, false};
}

static shunt_status run(evaluation *self, const evaluate_options *options, shunt_score *out)
{
    const score_layout *l = &self->layout;
    loader *pictures = NULL;
    self->logits = calloc((size_t)self->setup->batch, (size_t)(l->rows * l->classes * l->labels) * sizeof(float));
    self->losses = calloc((size_t)self->setup->batch, sizeof *self->losses);
    shunt_status status = self->logits && self->losses ? loader_create(self->setup, &pictures) : error_memory();
    if (!status) status = run_all(self, pictures, options, out);
    loader_destroy(pictures);
    free(self->logits);
    free(self->losses);
    return status;
}

/* The mean over what was counted; of objects over the pictures. */
static void take_mean(const evaluation *self, shunt_score *out)
{
    const double count = self->layout.objects ? (double)self->setup->count : (double)out->pictures;
    if (count > 0) out->loss /= count;
}

shunt_status evaluate(const shunt_graph *graph, const shunt_weights *weights, shunt_device *device,
                      const evaluate_options *options, shunt_score *out)
{
    const loader_setup *setup = &options->pictures;
    evaluation self = {.setup = setup, .layout = layout_of(graph, setup)};
    const shunt_executor_options how = {.size = sizeof how, .precision = options->precision};
    shunt_graph *own = NULL;
    *out = (shunt_score){0};
    shunt_status status = check_data(setup, graph, &self.layout);
    if (!status) status = make_graph(setup, graph, &self.layout, &own);
    if (!status) status = shunt_executor_create_with(own, weights, device, &how, &self.executor);
    shunt_graph_destroy(own);
    if (!status) status = run(&self, options, out);
    shunt_executor_destroy(self.executor);
    take_mean(&self, out);
    return status;
}

static shunt_status check_classes(const shunt_graph *graph, const shunt_dataset *data, const int64_t *classes)
{
    int64_t most = object_loss_fits(graph) ? object_loss_sizes(graph).classes
                                           : shunt_graph_desc(graph, graph->outputs[0].value).dims[1];
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
