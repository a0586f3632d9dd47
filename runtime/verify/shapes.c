/* shapes.c - the ops of a whole network in their real shapes, against the fallback device in float64. A drawn op is small;
 * here sums are long, tiles many and buffers large. */
#include "runtime/base/error.h"
#include "runtime/graph/graph.h"
#include "runtime/device/trial.h"
#include "runtime/verify/draw.h"
#include "runtime/verify/layout.h"
#include "runtime/verify/ops/ops.h"
#include "runtime/verify/reference.h"
#include "runtime/verify/run.h"
#include "runtime/verify/verify.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct shape {
    verify_state *state;
    int64_t number;
    shunt_op_desc plain; /* with data of the type that is checked */
    double *inputs[SHUNT_MAX_INPUTS], *expected, *scale, *got;
} shape;

static shunt_status compute(shape *s, const shunt_device *fallback)
{
    shunt_op_desc wide = layout_op(&s->plain, SHUNT_F64, SHUNT_PLAIN, SHUNT_PLAIN);
    void *out = s->expected;
    shunt_status status = trial_once(fallback, &wide, (const void *const *)s->inputs, &out);
    if (status != SHUNT_OK) return status;
    for (uint32_t i = 0; i < wide.ninputs; i++)
        for (uint64_t e = 0; e < shunt_tensor_count(&wide.inputs[i]); e++) s->inputs[i][e] = fabs(s->inputs[i][e]);
    wide.flags &= ~(uint32_t)SHUNT_FLAG_RELU;
    out = s->scale;
    return trial_once(fallback, &wide, (const void *const *)s->inputs, &out);
}

/* As the device gets them, or as the op multiplies by them. */
static void draw_inputs(shape *s, bool as_factors)
{
    char name[32];
    snprintf(name, sizeof name, "graph/%lld", (long long)s->number);
    for (uint32_t i = 0; i < s->plain.ninputs; i++) {
        draw_input(&s->plain, name, i, s->inputs[i]);
        reference_round(&s->plain, i, as_factors, s->inputs[i]);
    }
}

static bool begin(shape *s)
{
    size_t bytes = shunt_tensor_count(&s->plain.outputs[0]) * sizeof(double);
    s->expected = malloc(bytes);
    s->scale = malloc(bytes);
    s->got = malloc(bytes);
    if (!s->expected || !s->scale || !s->got) return false;
    for (uint32_t i = 0; i < s->plain.ninputs; i++) {
        s->inputs[i] = malloc(shunt_tensor_count(&s->plain.inputs[i]) * sizeof(double));
        if (!s->inputs[i]) return false;
    }
    draw_inputs(s, true);
    return true;
}

static void end(shape *s)
{
    for (uint32_t i = 0; i < SHUNT_MAX_INPUTS; i++) free(s->inputs[i]);
    free(s->expected);
    free(s->scale);
    free(s->got);
}

static void run_candidate(shape *s, const shunt_op_desc *op, const shunt_candidate *candidate)
{
    op_variant variant = {candidate->algorithm, candidate->params, OP_NOT_IN_PLACE};
    shunt_op_info info = {.size = sizeof info};
    double error_scale;
    char label[48];
    const char *what = op_label(op->kind, op->flags, label, sizeof label);
    s->state->runs++;
    if (op_run(s->state->device, op, &variant, (const double *const *)s->inputs, &s->got, &info) != SHUNT_OK ||
        verify_error_scale(&info, &error_scale) != SHUNT_OK) {
        verify_problem(s->state, s->number, "%s, algorithm %s %s: %s", what, variant.algorithm, variant.params,
                       shunt_last_error());
        return;
    }
    double tolerance = reference_tolerance(op, error_scale);
    for (uint64_t i = 0; i < shunt_tensor_count(&op->outputs[0]); i++) {
        const double slack = tolerance * s->scale[i] + 1e-37;
        if (reference_allows(op->outputs[0].dtype, s->expected[i], slack, s->got[i])) continue;
        verify_problem(s->state, s->number, "%s of %s, algorithm %s %s: element %llu is %.9g, not %.9g within %.3g",
                       what, shunt_dtype_name(shunt_op_data_type(op)), variant.algorithm, variant.params,
                       (unsigned long long)i, s->got[i], s->expected[i], slack);
        return;
    }
}

/* In the device's layout, or else plain. */
static void run_op(shape *s, const shunt_device *fallback)
{
    const shunt_device *device = s->state->device;
    const uint8_t dtype = shunt_op_data_type(&s->plain);
    uint16_t block = (uint16_t)shunt_device_block(&device->entry.info, dtype, INT64_MAX);
    shunt_op_candidates found = {.size = sizeof found};
    shunt_op_desc op = layout_op(&s->plain, dtype, block, block);
    shunt_status status = device->ops->op_query(device->handle, &op, &found);
    if (status != SHUNT_OK && block != SHUNT_PLAIN) {
        op = layout_op(&s->plain, dtype, SHUNT_PLAIN, SHUNT_PLAIN);
        found = (shunt_op_candidates){.size = sizeof found};
        status = device->ops->op_query(device->handle, &op, &found);
    }
    if (status != SHUNT_OK) {
        verify_refusal(s->state, &found);
        return;
    }
    if (!begin(s) || compute(s, fallback) != SHUNT_OK) {
        verify_problem(s->state, s->number, "the fallback device cannot compute the reference: %s", shunt_last_error());
        return;
    }
    draw_inputs(s, false);
    uint64_t count = verify_count(s->state);
    for (uint32_t i = 0; i < found.count && i < count && !s->state->problem[0]; i++)
        if (verify_takes(s->state, &found.list[i])) run_candidate(s, &op, &found.list[i]);
}

/* The first op of the graph with this descriptor. */
static bool is_first(const shunt_graph *graph, uint32_t index, const shunt_op_desc *desc)
{
    shunt_op_desc other;
    for (uint32_t o = 0; o < index; o++) {
        graph_op_desc(graph, &graph->ops[o], &other);
        if (!memcmp(&other, desc, sizeof other)) return false;
    }
    return true;
}

/* Op number o, with data of each type that is asked for. */
static void run_types(verify_state *state, const shunt_op_desc *plain, int64_t o, const shunt_device *fallback)
{
    static const uint8_t types[] = {SHUNT_F32, SHUNT_F16, SHUNT_BF16};
    for (size_t t = 0; t < sizeof types && !state->problem[0]; t++) {
        if (state->dtype ? state->dtype != types[t] : !shunt_device_takes(&state->device->entry.info, types[t]))
            continue;
        shape s = {.state = state, .number = o, .plain = layout_op(plain, types[t], SHUNT_PLAIN, SHUNT_PLAIN)};
        run_op(&s, fallback);
        end(&s);
    }
}

static void run_graph(verify_state *state, const shunt_graph *graph, const shunt_device *fallback)
{
    int64_t only = state->options->only;
    for (uint32_t o = 0; o < graph->nops && !state->problem[0]; o++) {
        shunt_op_desc plain;
        graph_op_desc(graph, &graph->ops[o], &plain);
        if (!verify_op_of(plain.kind)->linear || (only >= 0 && only != (int64_t)o) || !is_first(graph, o, &plain))
            continue;
        state->cases++;
        run_types(state, &plain, (int64_t)o, fallback);
    }
}

void verify_graph(verify_state *state)
{
    shunt_graph *graph = NULL;
    shunt_device *fallback = NULL;
    shunt_status status = shunt_graph_copy(state->options->graph, &graph);
    if (status == SHUNT_OK) graph_settle_sizes(graph);
    if (status == SHUNT_OK) status = graph_fold_batch_norms(graph);
    if (status == SHUNT_OK) status = graph_fuse(graph, NULL, NULL);
    if (status == SHUNT_OK) status = device_open_fallback(&fallback);
    if (status == SHUNT_OK)
        run_graph(state, graph, fallback);
    else
        verify_problem(state, -1, "%s", shunt_last_error());
    shunt_device_close(fallback);
    shunt_graph_destroy(graph);
}
