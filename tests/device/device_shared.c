/* device_shared.c - threads that each run a model of their own, all on one device, or each on a device that it opened itself:
 * each gets the very bits that the model gives alone, and those agree with the scalar backend. Cold (nothing is compiled yet)
 * and warm, each in a process of its own. A plain main, not Criterion, so that thread checkers see the whole process and its
 * exit status. Arguments: the plugin folders, the device. */
#include <shunt/shunt.h>

#include <math.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SIDE = 32, CLASSES = 10, BATCHES = 2, PIXELS = 3 * SIDE * SIDE, MOST_THREADS = 8 };

/* The batches differ, so that threads run the same kernels on different grids at once. */
typedef struct worker {
    pthread_t thread;
    shunt_device *device; /* NULL: it opens its own */
    const char *selector;
    int64_t batch;
    int failures;
    float logits[BATCHES * CLASSES];
} worker;

static float images[BATCHES * PIXELS];

static shunt_status run_model(worker *self, shunt_device *device)
{
    shunt_model *model = NULL;
    shunt_status status = shunt_model_create("resnet8", NULL, &model);
    if (!status) status = shunt_model_randomize(model, 1);
    for (int i = 0; i < 2 && !status; i++)
        status = shunt_model_run(model, device, self->batch, SIDE, SIDE, images, self->logits);
    shunt_model_destroy(model);
    return status;
}

static void *work(void *argument)
{
    worker *self = argument;
    shunt_device *own = NULL;
    shunt_status status = self->device ? SHUNT_OK : shunt_device_open(self->selector, "threads=1", &own);
    if (!status) status = run_model(self, self->device ? self->device : own);
    if (status) fprintf(stderr, "%s: %s\n", self->selector, shunt_last_error());
    if (status) self->failures++;
    shunt_device_close(own);
    return NULL;
}

/* What the model gives alone; without threads. */
static int run_alone(const char *selector, float logits[BATCHES][BATCHES * CLASSES])
{
    int failures = 0;
    for (int batch = 1; batch <= BATCHES; batch++) {
        worker one = {.selector = selector, .batch = batch};
        work(&one);
        failures += one.failures;
        memcpy(logits[batch - 1], one.logits, sizeof one.logits);
    }
    return failures;
}

static int compare(const worker *self, float alone[BATCHES][BATCHES * CLASSES],
                   float scalar[BATCHES][BATCHES * CLASSES])
{
    const float *bits = alone[self->batch - 1], *truth = scalar[self->batch - 1];
    int wrong = memcmp(self->logits, bits, (size_t)self->batch * CLASSES * sizeof *bits) != 0;
    for (int i = 0; i < self->batch * CLASSES; i++)
        if (!(fabsf(self->logits[i] - truth[i]) <= 1e-4f * (1 + fabsf(truth[i])))) wrong = 1;
    if (wrong) fprintf(stderr, "%s: a thread's result differs from the model's alone\n", self->selector);
    return wrong + self->failures;
}

/* One process: the threads first, while nothing is compiled, then the results that they should have. */
static int run_threads(const char *selector, bool shared, int count)
{
    worker workers[MOST_THREADS] = {{0}};
    float alone[BATCHES][BATCHES * CLASSES], scalar[BATCHES][BATCHES * CLASSES];
    shunt_device *device = NULL;
    if (shared && shunt_device_open(selector, NULL, &device)) {
        fprintf(stderr, "%s\n", shunt_last_error());
        return 1;
    }
    for (int i = 0; i < count; i++) {
        workers[i] = (worker){.device = device, .selector = selector, .batch = 1 + i % BATCHES};
        if (pthread_create(&workers[i].thread, NULL, work, &workers[i])) return 1;
    }
    for (int i = 0; i < count; i++) pthread_join(workers[i].thread, NULL);
    shunt_device_close(device);
    int failures = run_alone(selector, alone) + run_alone("scalar", scalar);
    for (int i = 0; i < count; i++) failures += compare(&workers[i], alone, scalar);
    shunt_shutdown();
    return failures;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *cache; /* new: cold */
        bool shared;
        int threads;
    } cases[] = {{"a", true, 8}, {"a", true, 2}, {"a", false, 8}, {"b", false, 2}, {"b", true, 5}};
    char folder[] = "/tmp/shunt-shared-XXXXXX", cache[64], command[64];
    int failures = 0;
    if (argc != 3 || !mkdtemp(folder)) return 2;
    for (int i = 0; i < BATCHES * PIXELS; i++) images[i] = (float)(i % 97) / 50 - 1;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int status = 1;
        snprintf(cache, sizeof cache, "%s/%s", folder, cases[i].cache);
        setenv("SHUNT_CACHE_DIR", cache, 1);
        setenv("POCL_CACHE_DIR", cache, 1);
        setenv("SHUNT_PLUGIN_PATH", argv[1], 1);
        setenv("SHUNT_TUNE", "off", 1);
        pid_t child = fork();
        if (child == 0) exit(run_threads(argv[2], cases[i].shared, cases[i].threads) != 0);
        if (child > 0) waitpid(child, &status, 0);
        if (status) fprintf(stderr, "case %zu: wait status %d\n", i, status);
        failures += status != 0;
    }
    snprintf(command, sizeof command, "rm -r %s", folder);
    if (system(command)) failures++;
    return failures != 0;
}
