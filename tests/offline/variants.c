/* variants.c - prints every kernel that the OpenCL backend may choose on a card, for ResNet-18 and -50, inference and training, in
 * float32, and for ResNet-50 in float16 and bfloat16: all candidates of each op of their plans are prepared on a card that is not there (card.h).
 *
 * gpu-variants PLUGIN_FOLDER UNITS GROUP LOCAL [EXTENSION OPTION]      lines of file, build options, kernel and items of a group,
 * some more than once. The card has the extension, and matrix units for kernels built with the option. */
#include "card.h"
#include "runtime/plan/plan.h"

#include <shunt/model.h>
#include <shunt/train.h>
#include <stdio.h>
#include <stdlib.h>

static int fail(const char *what)
{
    fprintf(stderr, "gpu-variants: %s: %s\n", what, shunt_last_error());
    return 1;
}

static shunt_status prepare(const shunt_device *device, const shunt_op_desc *desc, const shunt_candidate *candidate)
{
    const shunt_prepare_options options = {
        .size = sizeof options, .algorithm = candidate->algorithm, .params = candidate->params};
    shunt_bop *op;
    shunt_status status = device->ops->op_prepare(device->handle, desc, &options, &op);
    if (status) return device_fail(device, status, candidate->algorithm);
    device->ops->op_destroy(op);
    return SHUNT_OK;
}

/* CLBlast compiles kernels of its own, and wants a driver that answers. What stands for matrix units in plain arithmetic is no
 * choice for a card. */
static int ours(const shunt_candidate *candidate)
{
    return strcmp(candidate->algorithm, "gemm") && strcmp(candidate->algorithm, "wave_plain") &&
           strcmp(candidate->algorithm, "matrix_plain");
}

static shunt_status prepare_all(graph_plan *plan)
{
    shunt_status status = SHUNT_OK;
    for (uint32_t s = 0; s < plan->nsteps && !status; s++) {
        const plan_step *step = &plan->steps[s];
        if (step->transfer || step->device != PLAN_MAIN) continue;
        const plan_answer *answer = plan_ask(plan, PLAN_MAIN, &step->desc);
        for (uint32_t c = 0; c < answer->ncandidates && !status; c++)
            if (ours(&answer->candidates[c]))
                status = prepare(plan->executor->devices[PLAN_MAIN], &step->desc, &answer->candidates[c]);
    }
    return status;
}

static shunt_status list(const shunt_graph *graph, const shunt_weights *weights, shunt_device *device,
                         const shunt_tensor_desc *inputs, size_t ninputs, uint8_t dtype)
{
    shunt_executor *executor;
    graph_plan *plan = NULL;
    shunt_status status = shunt_executor_create(graph, weights, device, &executor);
    if (status) return status;
    status = plan_outline(executor, inputs, ninputs, dtype, &plan);
    if (!status) status = prepare_all(plan);
    plan_destroy(plan);
    shunt_executor_destroy(executor);
    return status;
}

static shunt_status list_training(const shunt_model *model, shunt_device *device, const shunt_tensor_desc *pictures,
                                  uint8_t dtype)
{
    const int64_t batch = pictures->dims[0], one = 1;
    const shunt_tensor_desc inputs[] = {*pictures, shunt_tensor_make(SHUNT_F32, 1, &batch),
                                        shunt_tensor_make(SHUNT_F32, 1, &one)};
    shunt_recipe recipe;
    shunt_graph *step = NULL;
    shunt_weights *weights = NULL;
    shunt_status status = shunt_model_recipe(model, "fast", &recipe);
    recipe.batch = batch;
    if (!status) status = shunt_graph_training_step(shunt_model_graph(model), &recipe, pictures, 0, &step);
    if (!status) status = shunt_graph_initialize(step, 0, &weights);
    if (!status) status = list(step, weights, device, inputs, 3, dtype);
    shunt_weights_destroy(weights);
    shunt_graph_destroy(step);
    return status;
}

/* In so many types: float32, float16, bfloat16. */
static shunt_status list_model(const char *name, shunt_device *device, int ntypes)
{
    static const int64_t batches[] = {1, 64};
    static const uint8_t types[] = {SHUNT_F32, SHUNT_F16, SHUNT_BF16};
    shunt_model *model;
    shunt_status status = shunt_model_create(name, NULL, &model);
    if (status) return status;
    status = shunt_model_randomize(model, 1);
    for (int i = 0; i < 2 * ntypes && !status; i++) {
        const int64_t dims[] = {batches[i % 2], 3, 224, 224};
        const uint8_t dtype = types[i / 2];
        const shunt_tensor_desc pictures = shunt_tensor_make(SHUNT_F32, 4, dims);
        status = list(shunt_model_graph(model), shunt_model_weights(model), device, &pictures, 1, dtype);
        if (!status) status = list_training(model, device, &pictures, dtype);
    }
    shunt_model_destroy(model);
    return status;
}

static void print_new(const card_run *run)
{
    if (!run->again) printf("%s\t%s\t%s\t%zu\n", run->file, run->options, run->kernel, run->items);
}

int main(int argc, char **argv)
{
    shunt_device *device;
    if (argc != 5 && argc != 7) {
        fputs("usage: gpu-variants PLUGIN_FOLDER UNITS GROUP LOCAL [EXTENSION OPTION]\n", stderr);
        return 2;
    }
    card_ran = print_new;
    card.units = (uint32_t)strtoul(argv[2], NULL, 10);
    card.group = strtoul(argv[3], NULL, 10);
    card.local = strtoull(argv[4], NULL, 10);
    if (argc == 7) {
        card.extensions = argv[5];
        card.units_option = argv[6];
    }
    /* The plugin is not tried in another process, for that one has no such card; and what this one seems to do is not kept. */
    if (setenv("SHUNT_PLUGIN_PATH", argv[1], 1) || setenv("SHUNT_PROBE", "off", 1) || setenv("SHUNT_TUNE", "off", 1) ||
        setenv("SHUNT_CACHE_DIR", "/dev/null", 1)) {
        perror("gpu-variants: setenv");
        return 1;
    }
    if (shunt_device_open("opencl:gpu", NULL, &device)) return fail("opening the card");
    if (list_model("resnet18", device, 1)) return fail("resnet18");
    if (list_model("resnet50", device, 3)) return fail("resnet50");
    shunt_device_close(device);
    return 0;
}
