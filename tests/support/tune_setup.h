/* tune_setup.h - what the tests of the tuner share: folders, the tunable plugin, a small network, a log of what happens. */
#ifndef TUNE_SETUP_H
#define TUNE_SETUP_H

#include "runtime/graph/graph.h"
#include "runtime/base/random.h"
#include "runtime/tune/tune.h"
#include "tests/support/temporary.h"

#include <math.h>
#include <sys/wait.h>

/* Convolutions a and b are the same op, c is another. */
enum { C = 5, K = 7, SIDE = 9 };

typedef struct net {
    shunt_graph *graph;
    shunt_weights *weights;
    shunt_device *device;
    shunt_executor *executor;
} net;

static char logged[16384], tried[4096];
static int warnings;
static uint32_t chosen, uses, ops, known;

static inline void note_log(void *context, int level, const char *message)
{
    (void)context;
    size_t used = strlen(logged);
    snprintf(logged + used, sizeof logged - used, "%s\n", message);
    warnings += level <= SHUNT_LOG_WARN;
}

/* "slow:safe wrong:wrong =slow " for the trials and what was chosen. */
static inline void note_event(void *context, const shunt_tune_event *event)
{
    (void)context;
    size_t used = strlen(tried), room = sizeof tried - used;
    if (event->stage == SHUNT_TUNE_START) {
        ops = event->ops;
        known = event->known;
    }
    if (event->stage == SHUNT_TUNE_TRIED) snprintf(tried + used, room, "%s:%s ", event->algorithm, event->verdict);
    if (event->stage == SHUNT_TUNE_CHOSEN) {
        snprintf(tried + used, room, "=%s ", event->algorithm);
        chosen++;
        uses += event->uses;
    }
}

static inline void set(const char *key, const char *value)
{
    cr_assert_eq(shunt_set_option(key, value), SHUNT_OK, "%s", shunt_last_error());
}

static inline void start(void)
{
    enter_folder();
    set("cache_dir", "cache");
    set("data_dir", "data");
    set("plugin_path", TEST_PLUGINS "/tunable");
    set("tunable_trace", "trace");
    shunt_set_log_handler(note_log, NULL);
}

static inline net open_net(void)
{
    net n = {.graph = shunt_graph_create()};
    shunt_value x = shunt_graph_input(n.graph, "x", 4, (int64_t[]){1, C, SIDE, SIDE});
    x = shunt_graph_conv(n.graph, "a", x, C, 3, 1, 1, 1);
    x = shunt_graph_conv(n.graph, "b", x, C, 3, 1, 1, 1);
    x = shunt_graph_conv(n.graph, "c", x, K, 1, 1, 0, 1);
    shunt_graph_output(n.graph, "y", x);
    cr_assert_eq(shunt_weights_create(&n.weights), SHUNT_OK);
    for (uint32_t v = 0; v < n.graph->nvalues; v++) {
        const graph_value *value = &n.graph->values[v];
        if (value->source != VALUE_PARAMETER) continue;
        float data[C * C * 9];
        for (uint64_t i = 0; i < shunt_tensor_count(&value->desc); i++)
            data[i] = (float)random_at(random_key(value->name, 0), i) - 0.5f;
        cr_assert_eq(shunt_weights_set(n.weights, value->name, &value->desc, data), SHUNT_OK);
    }
    cr_assert_eq(shunt_device_open("tunable", "threads=1", &n.device), SHUNT_OK, "%s", shunt_last_error());
    cr_assert_eq(shunt_executor_create(n.graph, n.weights, n.device, &n.executor), SHUNT_OK, "%s", shunt_last_error());
    return n;
}

static inline void close_net(net *n)
{
    shunt_executor_destroy(n->executor);
    shunt_device_close(n->device);
    shunt_weights_destroy(n->weights);
    shunt_graph_destroy(n->graph);
}

static inline shunt_tensor_desc picture(int64_t batch)
{
    return (shunt_tensor_desc){.dtype = SHUNT_F32, .rank = 4, .block = SHUNT_PLAIN, .dims = {batch, C, SIDE, SIDE}};
}

static inline shunt_status tune(net *n, int64_t batch, shunt_tune_options options)
{
    shunt_tensor_desc input = picture(batch);
    tried[0] = '\0';
    chosen = uses = 0;
    options.size = sizeof options;
    options.handler = note_event;
    return shunt_executor_tune(n->executor, &input, 1, &options);
}

/* The algorithms of the convolutions of a fresh plan, each followed by a space. */
static inline const char *planned(int64_t batch)
{
    static char text[256];
    net n = open_net();
    shunt_tensor_desc input = picture(batch);
    const shunt_plan_report *report;
    cr_assert_eq(shunt_executor_report(n.executor, &input, 1, &report), SHUNT_OK, "%s", shunt_last_error());
    text[0] = '\0';
    for (size_t i = 0; i < report->nsteps; i++)
        if (!strncmp(report->steps[i]->kind, "conv", 4)) {
            strcat(text, report->steps[i]->algorithm);
            strcat(text, " ");
        }
    close_net(&n);
    return text;
}

/* An op that no other index gives. */
static inline shunt_op_desc numbered_op(int index)
{
    shunt_op_desc desc = {.kind = SHUNT_OP_CONV, .ninputs = 2, .noutputs = 1, .constant_inputs = 2};
    desc.inputs[0] = desc.outputs[0] =
        (shunt_tensor_desc){.dtype = SHUNT_F32, .rank = 4, .block = SHUNT_PLAIN, .dims = {1, 1, 1 + index, 3}};
    desc.inputs[1] = (shunt_tensor_desc){.dtype = SHUNT_F32, .rank = 4, .block = SHUNT_PLAIN, .dims = {1, 1, 1, 1}};
    desc.attr.conv = (shunt_conv_attr){.stride = {1, 1}, .dilation = {1, 1}, .groups = 1};
    return desc;
}

static inline shunt_candidate candidate(const char *algorithm)
{
    shunt_candidate made = {.params = "p=1"};
    snprintf(made.algorithm, sizeof made.algorithm, "%s", algorithm);
    return made;
}

/* A trial for numbered_op(0), whose process nobody watches. */
static inline shunt_status begin_trial(const shunt_device *device, const shunt_candidate *candidate)
{
    char text[TUNE_TRIAL_CHARS];
    shunt_op_desc desc = numbered_op(0);
    return tune_journal_begin(tune_trial_text(device, candidate, &desc, text), false);
}

static inline shunt_status end_trial(const shunt_device *device, const shunt_candidate *candidate, tune_verdict verdict)
{
    char text[TUNE_TRIAL_CHARS];
    shunt_op_desc desc = numbered_op(0);
    return tune_journal_end(tune_trial_text(device, candidate, &desc, text), verdict);
}

static inline const char *file_text(const char *path)
{
    static char text[65536];
    FILE *file = fopen(path, "r");
    cr_assert(file, "%s", path);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    return text;
}

#define assert_text(text, expected) cr_assert_str_eq(text, expected, "%s, expected %s", text, expected)
#define assert_has(text, part) cr_assert(strstr(text, part), "\"%s\" lacks \"%s\"", text, part)
#define assert_lacks(text, part) cr_assert(!strstr(text, part), "\"%s\" has \"%s\"", text, part)

#endif
