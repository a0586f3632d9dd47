/* plan.c - the planner and the executor: placement, transfers, memory sharing, batches, failures, traces.
 * Values are checked against a double-precision evaluation of the same small network, written out below. */
#include "runtime/plan/plan.h"
#include "runtime/base/error.h"
#include "runtime/base/random.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { C = 3, K = 5, CLASSES = 4 };
static const double EPSILON = 1e-5;

static float number(const char *name, uint64_t index)
{
    return (float)(2 * random_at(random_key(name, 0), index) - 1);
}

/* ---- The network: conv 3x3 stride 2, batch norm, ReLU; a 1x1 conv beside; sum, ReLU, mean, linear, softmax --------- */

static shunt_graph *build(int64_t n, int64_t side)
{
    shunt_graph *g = shunt_graph_create();
    shunt_value x = shunt_graph_input(g, "x", 4, (int64_t[]){n, C, side, side});
    shunt_value a = shunt_graph_conv(g, "a", x, K, 3, 2, 1, 0);
    a = shunt_graph_relu(g, "a.relu", shunt_graph_batch_norm(g, "a.bn", a, (float)EPSILON));
    shunt_value b = shunt_graph_conv(g, "b", x, K, 1, 2, 0, 1);
    shunt_value sum = shunt_graph_relu(g, "sum.relu", shunt_graph_add(g, "sum", a, b));
    shunt_value y = shunt_graph_linear(g, "fc", shunt_graph_global_pool(g, "pool", sum), CLASSES);
    shunt_graph_output(g, "y", shunt_graph_softmax(g, "softmax", y));
    cr_assert_eq(shunt_graph_check(g), SHUNT_OK, "%s", shunt_last_error());
    return g;
}

static shunt_weights *make_weights(const shunt_graph *g)
{
    shunt_weights *weights;
    cr_assert_eq(shunt_weights_create(&weights), SHUNT_OK);
    for (uint32_t v = 0; v < g->nvalues; v++) {
        const graph_value *value = &g->values[v];
        if (value->source != VALUE_PARAMETER) continue;
        uint64_t count = shunt_tensor_count(&value->desc);
        float *data = malloc(count * sizeof *data);
        for (uint64_t i = 0; i < count; i++)
            data[i] = value->role == SHUNT_ROLE_VARIANCE ? 1.5f + number(value->name, i) : number(value->name, i);
        cr_assert_eq(shunt_weights_set(weights, value->name, &value->desc, data), SHUNT_OK);
        free(data);
    }
    return weights;
}

/* One image through the network in double precision, from the formulas. */
static void expect_one(const float *x, int side, double *y)
{
    int out = (side - 1) / 2 + 1;
    double pooled[K] = {0}, logits[CLASSES], sum = 0;
    for (int k = 0; k < K; k++) {
        double factor = number("a.bn.weight", k) / sqrt(1.5 + number("a.bn.running_var", k) + EPSILON);
        for (int p = 0; p < out; p++)
            for (int q = 0; q < out; q++) {
                double a = 0, b = number("b.bias", k);
                for (int c = 0; c < C; c++) {
                    for (int r = 0; r < 3; r++)
                        for (int s = 0; s < 3; s++) {
                            int h = 2 * p + r - 1, w = 2 * q + s - 1;
                            if (h >= 0 && h < side && w >= 0 && w < side)
                                a += (double)x[(c * side + h) * side + w] *
                                     number("a.weight", ((k * C + c) * 3 + r) * 3 + s);
                        }
                    b += (double)x[(c * side + 2 * p) * side + 2 * q] * number("b.weight", k * C + c);
                }
                a = (a - number("a.bn.running_mean", k)) * factor + number("a.bn.bias", k);
                pooled[k] += fmax(fmax(a, 0) + b, 0) / (out * out);
            }
    }
    for (int j = 0; j < CLASSES; j++) {
        logits[j] = number("fc.bias", j);
        for (int k = 0; k < K; k++) logits[j] += pooled[k] * number("fc.weight", j * K + k);
        sum += exp(logits[j]);
    }
    for (int j = 0; j < CLASSES; j++) y[j] = exp(logits[j]) / sum;
}

static shunt_tensor_desc image_desc(int64_t n, int64_t side)
{
    return (shunt_tensor_desc){.dtype = SHUNT_F32, .rank = 4, .block = SHUNT_PLAIN, .dims = {n, C, side, side}};
}

static shunt_status run(shunt_executor *executor, int64_t n, int64_t side, float **x, float **y)
{
    shunt_tensor in = {.desc = image_desc(n, side)};
    shunt_tensor out = {.desc = {.dtype = SHUNT_F32, .rank = 2, .block = SHUNT_PLAIN, .dims = {n, CLASSES}}};
    uint64_t count = shunt_tensor_count(&in.desc);
    *x = malloc(count * sizeof **x);
    *y = calloc((size_t)n * CLASSES, sizeof **y);
    for (uint64_t i = 0; i < count; i++) (*x)[i] = number("x", i);
    in.data = *x;
    out.data = *y;
    return shunt_executor_run(executor, &in, 1, &out, 1);
}

static void check_run(shunt_executor *executor, int64_t n, int64_t side)
{
    float *x, *y;
    cr_assert_eq(run(executor, n, side, &x, &y), SHUNT_OK, "%s", shunt_last_error());
    for (int64_t i = 0; i < n; i++) {
        double expected[CLASSES];
        expect_one(x + i * C * side * side, (int)side, expected);
        for (int j = 0; j < CLASSES; j++)
            cr_expect(fabs(y[i * CLASSES + j] - expected[j]) < 1e-6, "image %d class %d: %g, expected %g", (int)i, j,
                      (double)y[i * CLASSES + j], expected[j]);
    }
    free(x);
    free(y);
}

/* ---- Set-up -------------------------------------------------------------------------------------------------------- */

typedef struct setup {
    shunt_graph *graph;
    shunt_weights *weights;
    shunt_device *device;
    shunt_executor *executor;
} setup;

static setup make(const char *device)
{
    setup s = {.graph = build(1, 9)};
    s.weights = make_weights(s.graph);
    shunt_set_option("plugin_path", TEST_PLUGINS "/picky");
    cr_assert_eq(shunt_device_open(device, NULL, &s.device), SHUNT_OK, "%s", shunt_last_error());
    cr_assert_eq(shunt_executor_create(s.graph, s.weights, s.device, &s.executor), SHUNT_OK, "%s", shunt_last_error());
    return s;
}

static void unmake(setup *s)
{
    shunt_executor_destroy(s->executor);
    shunt_device_close(s->device);
    shunt_weights_destroy(s->weights);
    shunt_graph_destroy(s->graph);
}

static const shunt_plan_report *report_of(setup *s, int64_t n, int64_t side)
{
    const shunt_plan_report *report;
    shunt_tensor_desc desc = image_desc(n, side);
    cr_assert_eq(shunt_executor_report(s->executor, &desc, 1, &report), SHUNT_OK, "%s", shunt_last_error());
    return report;
}

static size_t count_kind(const shunt_plan_report *report, const char *kind)
{
    size_t count = 0;
    for (size_t i = 0; i < report->nsteps; i++) count += !strcmp(report->steps[i]->kind, kind);
    return count;
}

/* ---- Tests ------------------------------------------------------------------------------------------------------------ */

Test(plan, batches_and_sizes_change_from_run_to_run)
{
    setup s = make("scalar");
    static const int64_t shapes[][2] = {{1, 9}, {3, 9}, {1, 8}, {2, 13}, {1, 9}, {5, 4}, {4, 9},
                                        {6, 9}, {7, 9}, {8, 9}, {9, 9},  {1, 1}, {1, 9}};
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) check_run(s.executor, shapes[i][0], shapes[i][1]);
    unmake(&s);
}

Test(plan, fuses_norm_add_and_relu_into_convolutions)
{
    setup s = make("scalar");
    const shunt_plan_report *report = report_of(&s, 1, 9);
    cr_expect_eq(report->nsteps, 5, "%zu steps", report->nsteps);
    cr_expect_eq(count_kind(report, "conv+bias+relu"), 1);
    cr_expect_eq(count_kind(report, "conv+bias+add+relu"), 1);
    /* multiply-adds: 25 pixels x 5 channels x (27 + 3), and 5 x 4 in the linear layer */
    const shunt_graph_cost cost = shunt_graph_count(s.graph);
    cr_expect_eq(cost.macs, 25 * 5 * 30 + 20);
    unmake(&s);
}

Test(plan, refused_ops_run_elsewhere_and_the_result_is_the_same)
{
    static const char *const refusals[] = {
        "conv", "relu,softmax", "linear", "global_pool", "softmax", "reorder", "conv,linear", "add,conv,norm", ""};
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        shunt_set_option("picky_refuse", refusals[i]);
        setup s = make("picky");
        check_run(s.executor, 2, 9);
        unmake(&s);
    }
}

Test(plan, placement_says_what_runs_where_and_why)
{
    shunt_set_option("picky_refuse", "softmax");
    setup s = make("picky");
    const shunt_plan_report *report = report_of(&s, 1, 9);
    cr_expect_str_eq(report->placement, "4 ops on picky:0; softmax -> scalar; 1 transfers");
    const shunt_step *last = report->steps[report->nsteps - 1];
    cr_expect_str_eq(last->kind, "softmax");
    cr_expect_str_eq(last->device, "scalar");
    cr_expect_str_eq(last->refused, "picky refuses it");
    cr_expect_eq(count_kind(report, "transfer"), 1);
    unmake(&s);
}

/* By hand, for one image of 3 x 9 x 9; the batch norm, the addition and the ReLUs are part of the convolutions. */
Test(plan, costs_are_counted_whatever_the_device_claims)
{
    setup s = make("picky");
    const shunt_plan_report *report = report_of(&s, 1, 9);
    const struct {
        uint64_t flops, elements;
    } expected[] = {
        {2 * 25 * 5 * 27, 243 + 5 * 27 + 5 + 125},     /* conv */
        {2 * 25 * 5 * 3, 243 + 5 * 3 + 5 + 125 + 125}, /* conv, residual */
        {125, 125 + 5},                                /* global_pool */
        {2 * 5 * 4, 5 + 5 * 4 + 4 + 4},                /* linear */
        {4 * 4, 4 + 4},                                /* softmax */
    };
    cr_assert_eq(report->nsteps, sizeof expected / sizeof *expected);
    for (size_t i = 0; i < report->nsteps; i++) {
        cr_expect_eq(report->steps[i]->flops, expected[i].flops, "%s", report->steps[i]->kind);
        cr_expect_eq(report->steps[i]->bytes, 4 * expected[i].elements, "%s", report->steps[i]->kind);
    }
    unmake(&s);
}

static void count_line(void *context, int level, const char *message)
{
    if (level == SHUNT_LOG_WARN && strstr(message, "picky:0 refuses 1 of 5 ops") && strstr(message, "softmax"))
        ++*(int *)context;
}

Test(plan, a_fallback_is_told_once_or_refused_or_passed_over)
{
    int lines = 0;
    shunt_set_log_handler(count_line, &lines);
    shunt_set_option("picky_refuse", "softmax");
    setup s = make("picky");
    check_run(s.executor, 1, 9);
    check_run(s.executor, 1, 9);
    cr_expect_eq(lines, 1, "%d lines", lines);
    shunt_set_option("fallback", "quiet");
    check_run(s.executor, 2, 9);
    cr_expect_eq(lines, 1, "%d lines", lines);
    shunt_set_option("fallback", "error");
    float *x, *y;
    cr_expect_eq(run(s.executor, 3, 9, &x, &y), SHUNT_E_UNSUPPORTED);
    cr_expect(strstr(shunt_last_error(), "picky:0 refuses 1 of 5 ops, the first softmax: picky refuses it"), "%s",
              shunt_last_error());
    free(x);
    free(y);
    unmake(&s);
    shunt_set_log_handler(NULL, NULL);
}

Test(plan, a_cheap_op_between_refused_ones_is_not_sent_back_and_forth)
{
    shunt_set_option("picky_refuse", "conv,linear");
    setup s = make("picky");
    const shunt_plan_report *report = report_of(&s, 1, 9);
    /* only the softmax is left on the device: one transfer to it. The input goes straight to the host. */
    cr_expect_eq(count_kind(report, "transfer"), 1);
    for (size_t i = 0; i < report->nsteps; i++)
        if (!strcmp(report->steps[i]->kind, "global_pool")) cr_expect_str_eq(report->steps[i]->device, "scalar");
    unmake(&s);
}

Test(plan, what_is_alive_together_never_shares_memory)
{
    setup s = make("scalar");
    report_of(&s, 4, 33);
    const graph_plan *plan = s.executor->plans[0];
    uint64_t sum = 0;
    for (uint32_t a = 0; a < plan->nvalues; a++) {
        const plan_value *x = &plan->values[a];
        if (x->parameter || x->root != (int32_t)a) continue;
        sum += shunt_tensor_bytes(&x->desc);
        for (uint32_t b = 0; b < a; b++) {
            const plan_value *y = &plan->values[b];
            if (y->parameter || y->root != (int32_t)b || x->first > y->last || y->first > x->last) continue;
            bool apart = x->arg.buffer != y->arg.buffer ||
                         x->arg.offset >= y->arg.offset + shunt_tensor_bytes(&y->desc) ||
                         y->arg.offset >= x->arg.offset + shunt_tensor_bytes(&x->desc);
            cr_expect(apart, "values %u and %u overlap", a, b);
        }
    }
    cr_expect_lt(plan->arenas[PLAN_MAIN].bytes, sum + 64 * plan->nvalues);
    unmake(&s);
}

Test(plan, small_buffers_make_several_chunks)
{
    shunt_set_option("picky_max_alloc", "1600"); /* the input has 972 bytes, two tensors of 25 pixels 500 each */
    setup s = make("picky");
    check_run(s.executor, 1, 9);
    cr_expect_geq(s.executor->plans[0]->arenas[PLAN_MAIN].nchunks, 1);
    unmake(&s);
}

Test(plan, a_batch_too_large_for_the_device_is_split)
{
    shunt_set_option("picky_max_alloc", "3000"); /* three images of 972 bytes fit, seven do not */
    setup s = make("picky");
    check_run(s.executor, 7, 9);
    unmake(&s);
}

Test(plan, an_image_too_large_for_the_device_says_how_much_it_needs)
{
    shunt_set_option("picky_max_alloc", "1048576");
    setup s = make("picky");
    float *x, *y;
    cr_expect_eq(run(s.executor, 1, 600, &x, &y), SHUNT_E_MEMORY);
    cr_expect(strstr(shunt_last_error(), "4 MiB") && strstr(shunt_last_error(), "1 MiB"), "%s", shunt_last_error());
    free(x);
    free(y);
    check_run(s.executor, 1, 9);
    unmake(&s);
}

Test(plan, a_failed_launch_is_named_and_the_executor_goes_on)
{
    shunt_set_option("picky_fail_launch", "3");
    setup s = make("picky");
    float *x, *y;
    cr_expect_eq(run(s.executor, 1, 9, &x, &y), SHUNT_E_DEVICE);
    cr_expect(strstr(shunt_last_error(), "picky:0") && strstr(shunt_last_error(), "told to fail") &&
                  strstr(shunt_last_error(), "pool"),
              "%s", shunt_last_error());
    free(x);
    free(y);
    check_run(s.executor, 1, 9);
    unmake(&s);
}

/* In the middle of a run, which has taken its launches; the failure shows when the run waits. */
Test(plan, a_lost_device_is_named_and_another_goes_on)
{
    shunt_set_option("picky_lose", "3");
    setup s = make("picky"), other = make("scalar");
    float *x, *y;
    for (int i = 0; i < 2; i++) { /* and the next run, and a plan for another size */
        cr_expect_eq(run(s.executor, 1, 9 + i, &x, &y), SHUNT_E_DEVICE);
        cr_expect(strstr(shunt_last_error(), "picky:0") && strstr(shunt_last_error(), "the device is lost"), "%s",
                  shunt_last_error());
        free(x);
        free(y);
    }
    check_run(other.executor, 1, 9);
    check_run(other.executor, 3, 10);
    unmake(&s);
    unmake(&other);
}

Test(plan, wrong_inputs_are_refused_with_the_reason)
{
    setup s = make("scalar");
    float data[64] = {0};
    shunt_tensor in = {.desc = image_desc(1, 3), .data = data};
    shunt_tensor out = {.desc = {.dtype = SHUNT_F32, .rank = 2, .block = 1, .dims = {1, CLASSES + 1}}, .data = data};
    cr_expect_eq(shunt_executor_run(s.executor, &in, 1, &out, 1), SHUNT_E_INVALID);
    cr_expect(strstr(shunt_last_error(), "output y"), "%s", shunt_last_error());
    cr_expect_eq(shunt_executor_run(s.executor, &in, 0, &out, 1), SHUNT_E_INVALID);
    out.desc.dims[1] = CLASSES;
    out.offset = 64;
    cr_expect_eq(shunt_executor_run(s.executor, &in, 1, &out, 1), SHUNT_E_INVALID);
    cr_expect(strstr(shunt_last_error(), "output 0 has an offset and no buffer"), "%s", shunt_last_error());
    out.offset = 0;
    in.desc.dims[1] = 4;
    cr_expect_eq(shunt_executor_run(s.executor, &in, 1, &out, 1), SHUNT_E_INVALID);
    in.desc = image_desc(1, 0);
    cr_expect_eq(shunt_executor_run(s.executor, &in, 1, &out, 1), SHUNT_E_INVALID);
    unmake(&s);
}

Test(plan, missing_and_misshapen_weights_are_named)
{
    setup s = make("scalar");
    shunt_weights *weights;
    cr_assert_eq(shunt_weights_create(&weights), SHUNT_OK);
    shunt_executor *executor;
    cr_expect_eq(shunt_executor_create(s.graph, weights, s.device, &executor), SHUNT_E_NOT_FOUND);
    cr_expect(strstr(shunt_last_error(), "a.weight"), "%s", shunt_last_error());
    shunt_weights_destroy(weights);
    weights = make_weights(s.graph);
    shunt_tensor_desc desc = {.dtype = SHUNT_F32, .rank = 1, .block = 1, .dims = {2}};
    cr_assert_eq(shunt_weights_set(weights, "b.bias", &desc, (float[]){1, 2}), SHUNT_OK);
    cr_expect_eq(shunt_executor_create(s.graph, weights, s.device, &executor), SHUNT_E_INVALID);
    cr_expect(strstr(shunt_last_error(), "b.bias"), "%s", shunt_last_error());
    shunt_weights_destroy(weights);
    unmake(&s);
}

Test(plan, profile_times_every_step_and_writes_a_trace)
{
    char path[] = "/tmp/shunt-trace-XXXXXX";
    int fd = mkstemp(path);
    cr_assert_geq(fd, 0);
    close(fd);
    shunt_set_option("profile", path);
    setup s = make("scalar");
    check_run(s.executor, 8, 33);
    const shunt_plan_report *report = report_of(&s, 8, 33);
    for (size_t i = 0; i < report->nsteps; i++) cr_expect_gt(report->steps[i]->nanoseconds, 0);
    size_t nsteps = report->nsteps;
    unmake(&s);
    json_t *trace = json_load_file(path, 0, NULL);
    json_t *events = json_object_get(trace, "traceEvents");
    cr_assert_eq(json_array_size(events), nsteps);
    cr_expect_str_eq(json_string_value(json_object_get(json_array_get(events, 0), "name")), "a");
    cr_expect_str_eq(json_string_value(json_object_get(json_array_get(events, 0), "ph")), "X");
    json_decref(trace);
    unlink(path);
}

/* ---- Reshaping: no step, the same memory ------------------------------------------------------------------------ */

/* What shares memory with a value that is still to be read is not overwritten: clip and softmax could work in place. */
Test(plan, reshape_is_free)
{
    enum { N = 2, D = 12 };
    shunt_graph *g = shunt_graph_create();
    shunt_value x = shunt_graph_input(g, "x", 4, (int64_t[]){N, 3, 2, 2});
    shunt_op_attr flat = {.reshape = {.rank = 2, .dims = {0, -1}}}, clip = {.clip = {.low = 0, .high = 0.5f}};
    shunt_op_attr cube = {.reshape = {.rank = 4, .dims = {0, 3, 2, 2}}};
    shunt_value r = shunt_graph_relu(g, "relu", x);
    shunt_value b = shunt_graph_op(g, "flat", SHUNT_OP_RESHAPE, 0, &flat, 1, &r);
    shunt_value c = shunt_graph_op(g, "clip", SHUNT_OP_CLIP, 0, &clip, 1, &r);
    shunt_value s = shunt_graph_softmax(g, "softmax", b);
    shunt_value back = shunt_graph_op(g, "cube", SHUNT_OP_RESHAPE, 0, &cube, 1, &s);
    shunt_graph_output(g, "sum", shunt_graph_add(g, "sum", c, back));
    shunt_graph_output(g, "flat", b);
    shunt_weights *weights = make_weights(g);
    shunt_device *device;
    shunt_executor *executor;
    const shunt_plan_report *report;
    cr_assert_eq(shunt_device_open("scalar", NULL, &device), SHUNT_OK, "%s", shunt_last_error());
    cr_assert_eq(shunt_executor_create(g, weights, device, &executor), SHUNT_OK, "%s", shunt_last_error());

    for (int64_t n = N; n < N + 2; n++) { /* any batch */
        float in[(N + 1) * D], sum[(N + 1) * D], relu[(N + 1) * D];
        for (int i = 0; i < n * D; i++) in[i] = number("in", (uint64_t)i);
        shunt_tensor_desc desc = {.dtype = SHUNT_F32, .rank = 4, .block = SHUNT_PLAIN, .dims = {n, 3, 2, 2}};
        shunt_tensor_desc rows = {.dtype = SHUNT_F32, .rank = 2, .block = SHUNT_PLAIN, .dims = {n, D}};
        shunt_tensor input = {desc, in}, outputs[] = {{desc, sum}, {rows, relu}};
        cr_assert_eq(shunt_executor_report(executor, &desc, 1, &report), SHUNT_OK, "%s", shunt_last_error());
        cr_assert_eq(report->nsteps, 4);
        cr_assert_eq(shunt_executor_run(executor, &input, 1, outputs, 2), SHUNT_OK, "%s", shunt_last_error());
        for (int row = 0; row < n; row++) {
            double total = 0;
            for (int i = row * D; i < row * D + D; i++) total += exp(fmax((double)in[i], 0));
            for (int i = row * D; i < row * D + D; i++) {
                double positive = fmax((double)in[i], 0);
                cr_assert_float_eq(relu[i], positive, 1e-7);
                cr_assert_float_eq(sum[i], fmin(positive, 0.5) + exp(positive) / total, 1e-6);
            }
        }
    }
    shunt_executor_destroy(executor);
    shunt_device_close(device);
    shunt_weights_destroy(weights);
    shunt_graph_destroy(g);
}

/* ---- What a plan asks ---- */

enum { MOST_ASKED = 256 };
static shunt_op_desc asked[MOST_ASKED];
static size_t nasked, asked_again;
static shunt_status (*answer)(shunt_bdevice *device, const shunt_op_desc *desc, shunt_op_candidates *out);

static shunt_status count_queries(shunt_bdevice *device, const shunt_op_desc *desc, shunt_op_candidates *out)
{
    for (size_t i = 0; i < nasked; i++) asked_again += !memcmp(&asked[i], desc, sizeof *desc);
    if (nasked < MOST_ASKED) asked[nasked++] = *desc;
    return answer(device, desc, out);
}

Test(plan, a_device_is_asked_once_about_each_op)
{
    setup s = make("picky");
    answer = s.device->table.op_query;
    s.device->table.op_query = count_queries;
    report_of(&s, 2, 12);
    cr_expect_gt(nasked, 3u);
    cr_expect_eq(asked_again, 0u);
    unmake(&s);
}
