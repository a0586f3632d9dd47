/* two_devices.c - two devices of two backends in one process, each with a network of its own, in two threads at once: every
 * run has the bits that it has alone. A plain main, not Criterion, so that thread checkers see the whole process and its exit
 * status (docs/drivers.md has the command). Arguments: the plugin folders, the first device, the second. */
#include "tests/support/small_net.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROUNDS = 6, SIDE = 32, CLASSES = 10, PIXELS = 3 * SIDE * SIDE };

typedef struct worker {
    const char *selector;
    const char *model; /* NULL: the small net of every op */
    float expected[CLASSES];
    int failures;
} worker;

static shunt_status run_small(shunt_device *device, float *result)
{
    small_net net;
    shunt_status status = small_net_create(&net);
    if (status) return status;
    status = small_net_run(&net, device, result);
    small_net_destroy(&net);
    return status;
}

static shunt_status run_model(const char *name, shunt_device *device, float *result)
{
    static const shunt_model_options options = {.height = SIDE, .width = SIDE};
    float *image = malloc(PIXELS * sizeof *image);
    shunt_model *model = NULL;
    shunt_status status = image ? shunt_model_create(name, &options, &model) : SHUNT_E_MEMORY;
    for (int i = 0; image && i < PIXELS; i++) image[i] = (float)(i % 97) / 50 - 1;
    if (!status) status = shunt_model_randomize(model, 1);
    if (!status) status = shunt_model_run(model, device, 1, SIDE, SIDE, image, result);
    shunt_model_destroy(model);
    free(image);
    return status;
}

/* Opens the device, makes plans, runs, and closes it all. */
static void run_once(worker *self, float *result)
{
    shunt_device *device = NULL;
    shunt_status status = shunt_device_open(self->selector, "threads=2", &device);
    if (!status) status = self->model ? run_model(self->model, device, result) : run_small(device, result);
    shunt_device_close(device);
    if (!status) return;
    fprintf(stderr, "%s: %s\n", self->selector, shunt_last_error());
    self->failures++;
}

static void *work(void *argument)
{
    worker *self = argument;
    for (int round = 0; round < ROUNDS; round++) {
        float result[CLASSES] = {0};
        run_once(self, result);
        if (!memcmp(result, self->expected, sizeof result)) continue;
        fprintf(stderr, "%s, round %d: another result than alone\n", self->selector, round);
        self->failures++;
    }
    return NULL;
}

int main(int argc, char **argv)
{
    if (argc != 4) return 2;
    worker workers[2] = {{.selector = argv[2]}, {.selector = argv[3], .model = "resnet8"}};
    pthread_t threads[2];
    shunt_set_option("plugin_path", argv[1]);
    shunt_set_option("tune", "off");
    for (int i = 0; i < 2; i++) run_once(&workers[i], workers[i].expected);
    for (int i = 0; i < 2; i++)
        if (pthread_create(&threads[i], NULL, work, &workers[i])) return 2;
    for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
    shunt_shutdown();
    return workers[0].failures || workers[1].failures;
}
