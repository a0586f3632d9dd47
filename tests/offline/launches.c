/* launches.c - how many kernels a training step of ResNet-50 runs on a card that is not there (card.h). A launch costs a GPU some
 * microseconds, whatever it computes.
 *
 * gpu-launches PLUGIN_FOLDER UNITS GROUP LOCAL BATCH MOST      exit status 1: more than MOST */
#include "card.h"

#include <shunt/shunt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAMES = 64 };

static struct {
    char kernel[64];
    unsigned runs;
} tally[NAMES];
static unsigned total;

static void count(const card_run *run)
{
    total++;
    for (int i = 0; i < NAMES; i++) {
        if (!tally[i].runs) snprintf(tally[i].kernel, sizeof tally[i].kernel, "%s", run->kernel);
        if (strcmp(tally[i].kernel, run->kernel)) continue;
        tally[i].runs++;
        return;
    }
}

static int fail(const char *what)
{
    fprintf(stderr, "gpu-launches: %s: %s\n", what, shunt_last_error());
    return 1;
}

static shunt_tensor room(const shunt_tensor_desc *desc)
{
    return (shunt_tensor){.desc = *desc, .data = calloc(1, shunt_tensor_bytes(desc))};
}

/* One step, counted; what it computes is nothing. */
static shunt_status run_step(shunt_executor *executor, const shunt_tensor_desc inputs[3])
{
    shunt_tensor in[3], out[2] = {0};
    shunt_status status = SHUNT_OK;
    for (int i = 0; i < 3; i++) in[i] = room(&inputs[i]);
    for (size_t i = 0; i < 2 && !status; i++) {
        shunt_tensor_desc desc;
        status = shunt_executor_output(executor, inputs, 3, i, &desc);
        if (!status) out[i] = room(&desc);
    }
    memset(tally, 0, sizeof tally);
    total = 0;
    if (!status) status = shunt_executor_run(executor, in, 3, out, 2);
    for (int i = 0; i < 3; i++) free(in[i].data);
    for (int i = 0; i < 2; i++) free(out[i].data);
    return status;
}

static shunt_status count_step(const shunt_model *model, shunt_device *device, int64_t batch)
{
    const int64_t dims[] = {batch, 3, 224, 224}, one = 1;
    const shunt_tensor_desc inputs[] = {shunt_tensor_make(SHUNT_F32, 4, dims), shunt_tensor_make(SHUNT_F32, 1, &batch),
                                        shunt_tensor_make(SHUNT_F32, 1, &one)};
    shunt_recipe recipe;
    shunt_graph *step = NULL;
    shunt_weights *weights = NULL;
    shunt_executor *executor = NULL;
    shunt_status status = shunt_model_recipe(model, "fast", &recipe);
    recipe.batch = batch;
    if (!status) status = shunt_graph_training_step(shunt_model_graph(model), &recipe, &inputs[0], 0, &step);
    if (!status) status = shunt_graph_initialize(step, 0, &weights);
    if (!status) status = shunt_executor_create(step, weights, device, &executor);
    if (!status) status = run_step(executor, inputs);
    shunt_executor_destroy(executor);
    shunt_weights_destroy(weights);
    shunt_graph_destroy(step);
    return status;
}

int main(int argc, char **argv)
{
    shunt_model *model;
    shunt_device *device;
    if (argc != 7) {
        fputs("usage: gpu-launches PLUGIN_FOLDER UNITS GROUP LOCAL BATCH MOST\n", stderr);
        return 2;
    }
    card.units = (uint32_t)strtoul(argv[2], NULL, 10);
    card.group = strtoul(argv[3], NULL, 10);
    card.local = strtoull(argv[4], NULL, 10);
    card_ran = count;
    /* The plugin is not tried in another process, for that one has no such card. */
    if (setenv("SHUNT_PLUGIN_PATH", argv[1], 1) || setenv("SHUNT_PROBE", "off", 1) || setenv("SHUNT_TUNE", "off", 1)) {
        perror("gpu-launches: setenv");
        return 1;
    }
    if (shunt_device_open("opencl:gpu", NULL, &device)) return fail("opening the card");
    if (shunt_model_create("resnet50", NULL, &model)) return fail("resnet50");
    if (count_step(model, device, strtoll(argv[5], NULL, 10))) return fail("a training step");
    for (int k = 0; k < NAMES && tally[k].runs; k++) printf("%5u %s\n", tally[k].runs, tally[k].kernel);
    printf("%5u kernels in a training step, of at most %s\n", total, argv[6]);
    shunt_model_destroy(model);
    shunt_device_close(device);
    return total == 0 || total > strtoul(argv[6], NULL, 10);
}
