/* bench_task.c - see bench_task.h. */
#include "bench_task.h"
#include "commands.h"
#include "lib/say.h"
#include <math.h>
#include <shunt/train.h>
#include <stdlib.h>

static int allocate(shunt_tensor *tensor)
{
    tensor->data = calloc(1, shunt_tensor_bytes(&tensor->desc));
    return tensor->data ? EXIT_OK : say_failure("no memory for a batch of %lld", (long long)tensor->desc.dims[0]);
}

/* A fixed wave. Its values do not matter for the time, but zeros or denormal numbers would, and so would large ones: in float16,
 * ResNet-50 with random weights overflows over a wave of 2, and each run is repeated in float32. */
static int make_pictures(bench_task *self)
{
    if (allocate(&self->inputs[0])) return EXIT_FAILED;
    float *data = self->inputs[0].data;
    uint64_t count = shunt_tensor_count(&self->inputs[0].desc);
    for (uint64_t i = 0; i < count; i++) data[i] = (float)(0.125 * sin(0.37 * (double)(i % 100003)));
    return EXIT_OK;
}

/* Boxes without area, of picture 0: they take as long as others. */
static int make_boxes(bench_task *self)
{
    int status = EXIT_OK;
    for (size_t i = 1; status == EXIT_OK && i < self->ninputs; i++) status = allocate(&self->inputs[i]);
    return status;
}

static size_t count_results(const shunt_graph *graph)
{
    size_t count = 0;
    while (count < BENCH_MOST_RESULTS && shunt_graph_output_name(graph, count)) count++;
    return count;
}

static shunt_tensor_desc vector(int64_t count)
{
    return shunt_tensor_make(SHUNT_F32, 1, &count);
}

/* Labels go round the classes; the rate is low enough for the weights to stay numbers. */
static int make_step(bench_task *self, const shunt_model *model, bool recompute)
{
    const shunt_tensor_desc *pictures = &self->inputs[0].desc;
    int64_t batch = pictures->dims[0];
    shunt_recipe recipe;
    shunt_status status = shunt_model_recipe(model, "fast", &recipe);
    recipe.batch = batch;
    if (!status)
        status = shunt_graph_training_step(shunt_model_graph(model), &recipe, pictures, recompute, &self->step);
    if (!status) status = shunt_graph_initialize(self->step, 0, &self->fresh);
    if (status) return say_library_failure(NULL);
    self->graph = self->step;
    self->weights = self->fresh;
    self->inputs[1].desc = vector(batch);
    self->inputs[2].desc = vector(1);
    self->ninputs = 3;
    if (allocate(&self->inputs[1]) || allocate(&self->inputs[2])) return EXIT_FAILED;
    float *labels = self->inputs[1].data, *rate = self->inputs[2].data;
    for (int64_t i = 0; i < batch; i++) labels[i] = (float)(i % shunt_model_classes(model));
    *rate = 1e-4f;
    return EXIT_OK;
}

int bench_task_make(bench_task *self, const shunt_model *model, bool training, bool recompute, int64_t batch,
                    const int64_t size[2])
{
    shunt_tensor_desc descs[MODEL_MOST_INPUTS];
    self->graph = shunt_model_graph(model);
    self->weights = shunt_model_weights(model);
    self->nresults = training ? 2 : count_results(self->graph);
    self->ninputs = model_inputs(model, batch, size, descs);
    for (size_t i = 0; i < self->ninputs; i++) self->inputs[i].desc = descs[i];
    int status = make_pictures(self);
    if (status == EXIT_OK) status = training ? make_step(self, model, recompute) : make_boxes(self);
    return status;
}

/* The executor wants descriptors and tensors apart. */
static void describe(const bench_task *self, shunt_tensor_desc descs[3])
{
    for (size_t i = 0; i < self->ninputs; i++) descs[i] = self->inputs[i].desc;
}

int bench_task_allocate(bench_task *self, shunt_executor *executor)
{
    shunt_tensor_desc descs[3];
    describe(self, descs);
    for (size_t i = 0; i < self->nresults; i++) {
        if (shunt_executor_output(executor, descs, self->ninputs, i, &self->results[i].desc))
            return say_library_failure(NULL);
        if (allocate(&self->results[i])) return EXIT_FAILED;
    }
    return EXIT_OK;
}

void bench_task_end(bench_task *self)
{
    for (size_t i = 0; i < self->ninputs; i++) free(self->inputs[i].data);
    for (size_t i = 0; i < self->nresults; i++) free(self->results[i].data);
    shunt_weights_destroy(self->fresh);
    shunt_graph_destroy(self->step);
}

shunt_status bench_task_run(const bench_task *self, shunt_executor *executor)
{
    return shunt_executor_run(executor, self->inputs, self->ninputs, self->results, self->nresults);
}

shunt_status bench_task_report(const bench_task *self, shunt_executor *executor, const shunt_plan_report **out)
{
    shunt_tensor_desc descs[3];
    describe(self, descs);
    return shunt_executor_report(executor, descs, self->ninputs, out);
}
