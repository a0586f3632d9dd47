/* steps.c - run by mpirun: one step of a network on slices of a batch, with the statistics of all, against the same step on the whole
 * batch in one process. steps DEVICE TYPE TOLERANCE [LARS]: each parameter and velocity is within TOLERANCE of its tensor's norm. The batch
 * does not divide evenly. Then one step with each rank's own statistics, against the mean of what the ranks make of their slices alone,
 * unless the step is by LARS, which is not linear in the gradients. TYPE bf16: float32, with gradients sent as bfloat16: each element of
 * each gradient is off by no more than what the ranks' own may be rounded by.
 * Prints the largest differences, from rank 0. */
#include "runtime/base/random.h"
#include "runtime/graph/graph.h"

#include <shunt/shunt.h>
#include <shunt/ranks.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 11, SIDE = 32 };

typedef struct steps {
    shunt_ranks *ranks;
    shunt_model *model;
    shunt_device *device;
    uint8_t dtype;
    bool narrow; /* gradients are sent as bfloat16 */
    shunt_recipe recipe;
} steps;

/* A step on the pictures [first, end) of the batch; all of them: by this process alone. */
typedef struct run {
    shunt_graph *graph;
    shunt_weights *weights;
    shunt_executor *executor;
    int64_t first, end;
} run;

static int check(shunt_status status, const char *what)
{
    if (status) fprintf(stderr, "%s: %s\n", what, shunt_last_error());
    return status != SHUNT_OK;
}

static double at(const shunt_tensor_desc *desc, const void *data, uint64_t i)
{
    return desc->dtype == SHUNT_F64 ? ((const double *)data)[i] : (double)((const float *)data)[i];
}

static void put(uint8_t dtype, void *data, uint64_t i, double value)
{
    if (dtype == SHUNT_F64)
        ((double *)data)[i] = value;
    else
        ((float *)data)[i] = (float)value;
}

/* The model's fresh weights in the type of the test, and velocities of 0. */
static shunt_status make_weights(const steps *self, run *out)
{
    shunt_status status = shunt_weights_create(&out->weights);
    for (uint32_t v = 0; !status && v < out->graph->nvalues; v++) {
        const graph_value *value = &out->graph->values[v];
        if (value->source != VALUE_PARAMETER) continue;
        const shunt_tensor_view *from = shunt_weights_find(shunt_model_weights(self->model), value->name);
        void *data = calloc(1, shunt_tensor_bytes(&value->desc));
        for (uint64_t i = 0; data && from && i < shunt_tensor_count(&value->desc); i++)
            put(self->dtype, data, i, at(&from->desc, from->data, i));
        status = data ? shunt_weights_set(out->weights, value->name, &value->desc, data) : SHUNT_E_MEMORY;
        free(data);
    }
    return status;
}

/* Of several ranks, or alone. sync: with the statistics of the whole batch. */
static shunt_status begin(const steps *self, int64_t first, int64_t end, bool alone, bool sync, run *out)
{
    const int64_t ranks = shunt_ranks_describe(self->ranks)->count;
    const shunt_tensor_desc pictures = shunt_tensor_make(SHUNT_F32, 4, (const int64_t[]){end - first, 3, SIDE, SIDE});
    const shunt_executor_options options = {.size = sizeof options,
                                            .precision = "f32",
                                            .ranks = alone ? NULL : self->ranks,
                                            .sync_statistics = sync,
                                            .bf16_gradients = self->narrow};
    *out = (run){.first = first, .end = end};
    shunt_status status =
        shunt_graph_training_step(shunt_model_graph(self->model), &self->recipe, &pictures, 0, &out->graph);
    if (status) return status;
    graph_set_samples(out->graph, sync ? BATCH : (BATCH + ranks - 1) / ranks);
    if (self->dtype == SHUNT_F64) shunt_graph_widen(out->graph);
    status = make_weights(self, out);
    return status ? status
                  : shunt_executor_create_with(out->graph, out->weights, self->device, &options, &out->executor);
}

static void finish(run *self)
{
    shunt_executor_destroy(self->executor);
    shunt_weights_destroy(self->weights);
    shunt_graph_destroy(self->graph);
}

static shunt_status step(const steps *self, const run *of, uint64_t seed)
{
    const int64_t n = of->end - of->first, each = 3 * SIDE * SIDE;
    const uint64_t pictures = random_key("pictures", seed), labels = random_key("labels", seed);
    double *memory = calloc((size_t)(n * (each + 12) + 1), sizeof *memory);
    shunt_tensor tensors[5]; /* pictures, labels, rate; logits, losses */
    for (uint32_t i = 0; i < 5; i++)
        tensors[i].desc = shunt_graph_desc(of->graph, i < 3 ? of->graph->inputs[i] : of->graph->outputs[i - 3].value);
    if (!memory) return SHUNT_E_MEMORY;
    double *next = memory;
    for (uint32_t i = 0; i < 5; i++) {
        tensors[i] = (shunt_tensor){.desc = tensors[i].desc, .data = next};
        next += shunt_tensor_count(&tensors[i].desc);
    }
    for (int64_t i = 0; i < n * each; i++)
        put(self->dtype, tensors[0].data, (uint64_t)i, 4 * random_at(pictures, (uint64_t)(of->first * each + i)) - 2);
    for (int64_t i = 0; i < n; i++)
        put(self->dtype, tensors[1].data, (uint64_t)i, floor(10 * random_at(labels, (uint64_t)(of->first + i))));
    put(self->dtype, tensors[2].data, 0, 0.1);
    const shunt_status status = shunt_executor_run(of->executor, tensors, 3, tensors + 3, 2);
    free(memory);
    return status ? status : shunt_executor_fetch(of->executor, of->weights);
}

/* The largest difference of two tensors of one name, relative to the norm. */
static double difference(const shunt_weights *a, const shunt_weights *b, const char **where)
{
    double worst = 0;
    *where = "none";
    for (size_t t = 0; t < shunt_weights_count(a); t++) {
        const shunt_tensor_view *x = shunt_weights_at(a, t), *y = shunt_weights_find(b, x->name);
        double norm = 0, apart = 0;
        for (uint64_t i = 0; i < shunt_tensor_count(&x->desc); i++) {
            const double one = at(&x->desc, x->data, i), other = at(&y->desc, y->data, i);
            norm += one * one;
            apart += (one - other) * (one - other);
        }
        const double relative = norm > 0 ? sqrt(apart / norm) : sqrt(apart);
        if (!(relative <= worst)) worst = relative, *where = x->name;
    }
    return worst;
}

/* Each tensor becomes the mean over the ranks, by the sizes of their slices. */
static shunt_status average(const steps *self, const run *of)
{
    const double part = (double)(of->end - of->first) / BATCH;
    shunt_status status = SHUNT_OK;
    for (size_t t = 0; !status && t < shunt_weights_count(of->weights); t++) {
        const shunt_tensor_view *view = shunt_weights_at(of->weights, t);
        const uint64_t count = shunt_tensor_count(&view->desc);
        double *mean = calloc(count, sizeof *mean);
        void *made = calloc(count, sizeof(double));
        if (!mean || !made) return SHUNT_E_MEMORY;
        for (uint64_t i = 0; i < count; i++) mean[i] = part * at(&view->desc, view->data, i);
        status = shunt_ranks_sum(self->ranks, mean, count);
        for (uint64_t i = 0; i < count; i++) put(self->dtype, made, i, mean[i]);
        if (!status) status = shunt_weights_set(of->weights, view->name, &view->desc, made);
        free(mean);
        free(made);
    }
    return status;
}

static int compare(const steps *self, double tolerance, bool sync)
{
    size_t first, end;
    run whole = {0}, part = {0};
    const char *where;
    shunt_ranks_share(self->ranks, BATCH, &first, &end);
    shunt_status status = begin(self, (int64_t)first, (int64_t)end, false, sync, &part);
    if (!status) status = step(self, &part, 1);
    if (!status)
        status = sync ? begin(self, 0, BATCH, true, sync, &whole)
                      : begin(self, (int64_t)first, (int64_t)end, true, sync, &whole);
    if (!status) status = step(self, &whole, 1);
    if (!status && !sync) status = average(self, &whole);
    if (check(status, "a step")) return 1;
    const double worst = difference(whole.weights, part.weights, &where);
    if (shunt_ranks_describe(self->ranks)->rank == 0) printf("%.2e at %s\n", worst, where);
    finish(&part);
    finish(&whole);
    return !(worst <= tolerance);
}

/* The velocity after a first step is the gradient and the decay. own: of the rank's slice alone; sum: of all ranks. Their difference is
 * to be at most the rounding of what the ranks sent, 2^-8 of each at most, and that of float32. */
static int compare_velocity(const steps *self, const run *own, const shunt_tensor_view *sum)
{
    const shunt_tensor_view *view = shunt_weights_find(own->weights, sum->name);
    const double part = (double)(own->end - own->first) / BATCH;
    const uint64_t count = shunt_tensor_count(&view->desc);
    double *mean = calloc(2 * count, sizeof *mean), *size = mean + count, largest = 0;
    int bad = !mean;
    for (uint64_t i = 0; !bad && i < count; i++)
        mean[i] = part * at(&view->desc, view->data, i), size[i] = fabs(mean[i]);
    if (!bad) bad = check(shunt_ranks_sum(self->ranks, mean, 2 * count), "a sum");
    for (uint64_t i = 0; !bad && i < count; i++) largest = fmax(largest, size[i]);
    for (uint64_t i = 0; !bad && i < count; i++)
        bad = !(fabs(at(&sum->desc, sum->data, i) - mean[i]) <= 0x1p-8 * size[i] + 1e-6 * largest);
    if (bad) fprintf(stderr, "%s is off by more than its rounding\n", sum->name);
    free(mean);
    return bad;
}

static int compare_narrow(const steps *self)
{
    size_t first, end;
    run own = {0}, part = {0};
    shunt_ranks_share(self->ranks, BATCH, &first, &end);
    shunt_status status = begin(self, (int64_t)first, (int64_t)end, false, false, &part);
    if (!status) status = step(self, &part, 1);
    if (!status) status = begin(self, (int64_t)first, (int64_t)end, true, false, &own);
    if (!status) status = step(self, &own, 1);
    int bad = check(status, "a step");
    for (size_t t = 0; !bad && t < shunt_weights_count(part.weights); t++) {
        const shunt_tensor_view *sum = shunt_weights_at(part.weights, t);
        if (strstr(sum->name, ".velocity")) bad = compare_velocity(self, &own, sum);
    }
    finish(&part);
    finish(&own);
    return bad;
}

int main(int argc, char **argv)
{
    steps self = {.dtype = argc > 2 && !strcmp(argv[2], "f64") ? SHUNT_F64 : SHUNT_F32,
                  .narrow = argc > 2 && !strcmp(argv[2], "bf16")};
    if (argc < 4) return 2;
    shunt_status status = shunt_ranks_open(&self.ranks);
    if (!status) status = shunt_device_open(argv[1], "threads=1", &self.device);
    if (!status) status = shunt_model_create("resnet20", NULL, &self.model);
    if (!status) status = shunt_model_initialize(self.model, 1);
    if (!status) status = shunt_model_recipe(self.model, "paper", &self.recipe);
    if (check(status, "setting up")) return 1;
    self.recipe.lars = argc > 4 ? atof(argv[4]) : 0;
    if (self.narrow
            ? compare_narrow(&self)
            : compare(&self, atof(argv[3]), true) || (!self.recipe.lars && compare(&self, atof(argv[3]), false)))
        return 1;
    shunt_model_destroy(self.model);
    shunt_device_close(self.device);
    shunt_ranks_close(self.ranks);
    return 0;
}
