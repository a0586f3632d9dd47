/* bench_link.c - see bench_link.h. */
#include "bench_link.h"
#include "lib/args.h"
#include "lib/say.h"
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- Adding -------------------------------------------------------------------------------------------------------- */

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* In memory that no cache holds. */
int bench_link_measure_adding(bench_link *link)
{
    enum { COUNT = 4 << 20, TIMES = 5 };
    float *sum = calloc(COUNT, sizeof *sum), *piece = calloc(COUNT, sizeof *piece);
    double best = 1e9;
    for (int t = 0; sum && piece && t < TIMES; t++) {
        const double begin = now();
        for (size_t i = 0; i < COUNT; i++) sum[i] += 0.5f * (piece[i] + (float)t);
        const double took = now() - begin;
        if (took < best) best = took;
    }
    link->adding = best / (COUNT * sizeof *sum);
    const bool failed = !sum || !piece || sum[COUNT / 2] < 0;
    free(sum);
    free(piece);
    return failed ? say_failure("no memory") : EXIT_OK;
}

/* ---- The link ------------------------------------------------------------------------------------------------------ */

/* A step of one linear layer for one picture: it exchanges the gradients and the new values of weights and biases, and computes little. */
typedef struct exchange_task {
    shunt_graph *graph;
    shunt_weights *weights;
    shunt_executor *executor;
    shunt_tensor inputs[3], logits;
    float *memory; /* of all four */
    double bytes;  /* of what is updated */
} exchange_task;

enum { EXCHANGES = 4 };

static shunt_status build(exchange_task *self, int64_t channels, int64_t classes)
{
    const int64_t dims[] = {1, channels}, one = 1;
    const shunt_sgd_options sgd = {.size = sizeof sgd,
                                   .weight_decay = 1e-4f}; /* of the weights: biases are another buffer */
    shunt_value diff;
    shunt_graph *graph = self->graph = shunt_graph_create();
    const shunt_value logits = shunt_graph_linear(graph, "fc", shunt_graph_input(graph, "input", 2, dims), classes);
    shunt_graph_cross_entropy(graph, "loss", logits, shunt_graph_input(graph, "labels", 1, &one), 0, &diff);
    shunt_status status = shunt_graph_gradients(graph, logits, diff, NULL);
    if (!status) status = shunt_graph_sgd(graph, shunt_graph_input(graph, "rate", 1, &one), &sgd);
    shunt_graph_output(graph, "logits", logits);
    return status ? status : shunt_graph_check(graph);
}

static shunt_status begin(exchange_task *self, shunt_ranks *ranks, shunt_device *device, int64_t channels,
                          int64_t classes)
{
    const shunt_executor_options options = {.size = sizeof options, .ranks = ranks};
    *self = (exchange_task){.bytes = (double)((channels + 1) * classes) * sizeof(float)};
    shunt_status status = build(self, channels, classes);
    if (!status) status = shunt_graph_initialize(self->graph, 0, &self->weights);
    if (!status) status = shunt_executor_create_with(self->graph, self->weights, device, &options, &self->executor);
    float *next = self->memory = calloc((size_t)(channels + classes + 2), sizeof *self->memory);
    if (!status && !next) status = SHUNT_E_MEMORY;
    for (size_t i = 0; !status && i < 4; i++) {
        shunt_tensor *tensor = i < 3 ? &self->inputs[i] : &self->logits;
        tensor->desc = shunt_graph_desc(self->graph, i < 3 ? shunt_graph_input_value(self->graph, i)
                                                           : shunt_graph_output_value(self->graph, 0));
        tensor->data = next;
        next += shunt_tensor_count(&tensor->desc);
    }
    return status;
}

static void end(exchange_task *self)
{
    shunt_executor_destroy(self->executor);
    shunt_weights_destroy(self->weights);
    shunt_graph_destroy(self->graph);
    free(self->memory);
}

/* The shortest time in which a step exchanges, over all ranks. */
static shunt_status time_exchange(exchange_task *self, shunt_ranks *ranks, double *out)
{
    enum { TIMES = 12 };
    const double count = shunt_ranks_describe(ranks)->count;
    *out = 1e9;
    for (int t = 0; t < TIMES; t++) {
        shunt_ranks_work before, after;
        double seconds = 0;
        shunt_status status = shunt_ranks_sum(ranks, &seconds, 1); /* all begin now */
        if (!status) status = shunt_ranks_measure(ranks, &before);
        if (!status) status = shunt_executor_run(self->executor, self->inputs, 3, &self->logits, 1);
        if (!status) status = shunt_ranks_measure(ranks, &after);
        if (!status) seconds = (after.seconds - before.seconds) / count;
        if (!status) status = shunt_ranks_sum(ranks, &seconds, 1);
        if (status) return status;
        if (t > 0 && seconds < *out) *out = seconds;
    }
    return SHUNT_OK;
}

static shunt_status measure(shunt_ranks *ranks, shunt_device *device, int64_t channels, int64_t classes, double *bytes,
                            double *seconds)
{
    exchange_task task;
    shunt_status status = begin(&task, ranks, device, channels, classes);
    if (!status) status = time_exchange(&task, ranks, seconds);
    *bytes = task.bytes;
    end(&task);
    return status;
}

int bench_link_measure(shunt_ranks *ranks, shunt_device *device, bench_link *link)
{
    const double count = ranks ? shunt_ranks_describe(ranks)->count : 1;
    double bytes[2], seconds[2];
    if (count < 2)
        return say_usage("--link measured: there is no other rank; start with mpirun, or say what the link is");
    if (measure(ranks, device, 16, 4, &bytes[0], &seconds[0]) ||
        measure(ranks, device, 2048, 2048, &bytes[1], &seconds[1]))
        return say_library_failure(NULL);
    /* Gradients and new values go to all others, and gradients are added. */
    const double each = (seconds[1] - seconds[0]) / (bytes[1] - bytes[0]) - link->adding;
    link->seconds = seconds[0] / EXCHANGES / (count - 1);
    link->bytes_per_second = each > 0 ? 2 * (count - 1) / count / each : 1e12;
    return EXIT_OK;
}
