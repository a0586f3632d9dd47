/* precision.c - plans that store data in 16 bits: the types of their steps, the casts between them, what is refused, what overflows.
 * The network's results in each type are checked in tests/backends/logits.c; here stands how a plan comes by them. */
#include "runtime/plan/plan.h"
#include "runtime/base/random.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { C = 3, K = 5, CLASSES = 4, SIDE = 9, PIXELS = C * SIDE * SIDE };

/* Two convolutions with ReLU, added; mean, linear layer, softmax. */
typedef struct setup {
    shunt_graph *graph;
    shunt_weights *weights;
    shunt_device *device;
    shunt_executor *executor;
    float x[PIXELS], y[CLASSES];
} setup;

static float number(const char *name, uint64_t index)
{
    return (float)(2 * random_at(random_key(name, 0), index) - 1);
}

static shunt_graph *build(void)
{
    shunt_graph *g = shunt_graph_create();
    shunt_value x = shunt_graph_input(g, "x", 4, (int64_t[]){1, C, SIDE, SIDE});
    shunt_value a = shunt_graph_relu(g, "a.relu", shunt_graph_conv(g, "a", x, K, 3, 2, 1, 0));
    shunt_value b = shunt_graph_max_pool(g, "b.pool", shunt_graph_conv(g, "b", x, K, 1, 2, 0, 1), 1, 1, 0);
    shunt_value sum = shunt_graph_add(g, "sum", a, b);
    shunt_value y = shunt_graph_linear(g, "fc", shunt_graph_global_pool(g, "pool", sum), CLASSES);
    shunt_graph_output(g, "y", shunt_graph_softmax(g, "softmax", y));
    cr_assert_eq(shunt_graph_check(g), SHUNT_OK, "%s", shunt_last_error());
    return g;
}

static void make_weights(setup *s)
{
    cr_assert_eq(shunt_weights_create(&s->weights), SHUNT_OK);
    for (uint32_t v = 0; v < s->graph->nvalues; v++) {
        const graph_value *value = &s->graph->values[v];
        if (value->source != VALUE_PARAMETER) continue;
        const uint64_t count = shunt_tensor_count(&value->desc);
        float *data = malloc(count * sizeof *data);
        for (uint64_t i = 0; i < count; i++) data[i] = number(value->name, i);
        cr_assert_eq(shunt_weights_set(s->weights, value->name, &value->desc, data), SHUNT_OK);
        free(data);
    }
}

static void open_device(setup *s, const char *device)
{
    shunt_set_option("plugin_path", TEST_PLUGINS "/picky");
    cr_assert_eq(shunt_device_open(device, NULL, &s->device), SHUNT_OK, "%s", shunt_last_error());
}

static shunt_status make_executor(setup *s, const char *precision)
{
    const shunt_executor_options options = {.size = sizeof options, .precision = precision};
    return shunt_executor_create_with(s->graph, s->weights, s->device, &options, &s->executor);
}

static setup *make(const char *device)
{
    setup *s = calloc(1, sizeof *s);
    s->graph = build();
    make_weights(s);
    for (int i = 0; i < PIXELS; i++) s->x[i] = number("x", (uint64_t)i);
    open_device(s, device);
    return s;
}

static void unmake(setup *s)
{
    shunt_executor_destroy(s->executor);
    shunt_device_close(s->device);
    shunt_weights_destroy(s->weights);
    shunt_graph_destroy(s->graph);
    free(s);
}

static const shunt_tensor_desc image = {
    .dtype = SHUNT_F32, .rank = 4, .block = SHUNT_PLAIN, .dims = {1, C, SIDE, SIDE}};

static shunt_status run(setup *s)
{
    const shunt_tensor in = {.desc = image, .data = s->x};
    const shunt_tensor out = {.desc = {.dtype = SHUNT_F32, .rank = 2, .block = SHUNT_PLAIN, .dims = {1, CLASSES}},
                              .data = s->y};
    return shunt_executor_run(s->executor, &in, 1, &out, 1);
}

/* The results in this precision, by an executor of its own. */
static void run_in(setup *s, const char *precision, float y[CLASSES])
{
    shunt_executor_destroy(s->executor);
    s->executor = NULL;
    cr_assert_eq(make_executor(s, precision), SHUNT_OK, "%s", shunt_last_error());
    cr_assert_eq(run(s), SHUNT_OK, "%s", shunt_last_error());
    memcpy(y, s->y, sizeof s->y);
}

static double distance(const float *a, const float *b)
{
    double most = 0;
    for (int i = 0; i < CLASSES; i++) {
        const double apart = fabs((double)a[i] - (double)b[i]);
        if (apart > most) most = apart; /* not fmax(): see models/head.c */
    }
    return most;
}

static const shunt_plan_report *report_of(setup *s)
{
    const shunt_plan_report *report;
    cr_assert_eq(shunt_executor_report(s->executor, &image, 1, &report), SHUNT_OK, "%s", shunt_last_error());
    return report;
}

static const shunt_step *step_of(const shunt_plan_report *report, const char *kind)
{
    for (size_t i = 0; i < report->nsteps; i++)
        if (!strncmp(report->steps[i]->kind, kind, strlen(kind))) return report->steps[i];
    cr_assert_fail("no step is a %s", kind);
    abort();
}

/* Softmax of numbers of about 1: what 2^-11 (2^-8) of each does to it is of that size. */
Test(precision, results_are_near_those_of_float32_but_not_the_same)
{
    setup *s = make("scalar");
    float exact[CLASSES], f16[CLASSES], bf16[CLASSES];
    run_in(s, "f32", exact);
    run_in(s, "f16", f16);
    run_in(s, "bf16", bf16);
    cr_expect(distance(f16, exact) > 0 && distance(f16, exact) < 1e-3, "%g", distance(f16, exact));
    cr_expect(distance(bf16, exact) > distance(f16, exact) && distance(bf16, exact) < 8e-3, "%g",
              distance(bf16, exact));
    unmake(s);
}

Test(precision, casts_stand_at_the_ends_and_wide_operands_stay_wide)
{
    setup *s = make("scalar");
    float y[CLASSES];
    run_in(s, "f16", y);
    const shunt_plan_report *report = report_of(s);
    cr_expect_str_eq(report->precision, "f16");
    cr_expect_str_eq(report->steps[0]->kind, "cast");
    cr_expect_str_eq(report->steps[0]->dst, "1x3x9x9 nchw f16");
    cr_expect_str_eq(step_of(report, "conv+bias")->dst, "1x5x5x5 nchw f16");
    cr_expect_str_eq(step_of(report, "global_pool")->dst, "1x5 f16");
    cr_expect_str_eq(step_of(report, "linear")->src, "1x5 f16");
    cr_expect_str_eq(step_of(report, "linear")->dst, "1x4");
    cr_expect_str_eq(step_of(report, "softmax")->src, "1x4");
    size_t casts = 0;
    for (size_t i = 0; i < report->nsteps; i++) casts += !strcmp(report->steps[i]->kind, "cast");
    cr_expect_eq(casts, 1, "one cast of the input serves both convolutions: %zu", casts);
    unmake(s);
}

/* (1 + 2^-12) - 1 is 2^-12, but 0 where the input is rounded to float16 first. */
Test(precision, a_lone_convolution_reads_the_input_unrounded)
{
    static float x[] = {1 + 0x1p-12f, -1}, weights[] = {1, 1}, y;
    const shunt_tensor_desc pixel = {.dtype = SHUNT_F32, .rank = 4, .block = SHUNT_PLAIN, .dims = {1, 2, 1, 1}};
    const shunt_tensor_desc sum = {.dtype = SHUNT_F32, .rank = 4, .block = SHUNT_PLAIN, .dims = {1, 1, 1, 1}};
    setup *s = make("scalar");
    shunt_graph_destroy(s->graph);
    s->graph = shunt_graph_create();
    const shunt_value src = shunt_graph_input(s->graph, "x", 4, pixel.dims);
    shunt_graph_output(s->graph, "y", shunt_graph_conv(s->graph, "one", src, 1, 1, 1, 0, 0));
    cr_assert_eq(shunt_weights_set(s->weights, "one.weight", &pixel, weights), SHUNT_OK, "%s", shunt_last_error());
    cr_assert_eq(make_executor(s, "f16"), SHUNT_OK, "%s", shunt_last_error());
    const shunt_tensor in = {.desc = pixel, .data = x}, out = {.desc = sum, .data = &y};
    cr_assert_eq(shunt_executor_run(s->executor, &in, 1, &out, 1), SHUNT_OK, "%s", shunt_last_error());
    cr_expect_eq(y, 0x1p-12f, "%g", (double)y);
    const shunt_plan_report *report;
    cr_assert_eq(shunt_executor_report(s->executor, &pixel, 1, &report), SHUNT_OK);
    cr_expect_str_eq(report->steps[0]->src, "1x2x1x1 nchw");
    cr_expect_str_eq(report->steps[0]->dst, "1x1x1x1 nchw f16");
    unmake(s);
}

Test(precision, the_option_is_the_default_and_an_executor_may_have_another)
{
    setup *s = make("scalar");
    shunt_set_option("precision", "bf16");
    cr_assert_eq(shunt_executor_create(s->graph, s->weights, s->device, &s->executor), SHUNT_OK);
    cr_expect_str_eq(report_of(s)->precision, "bf16");
    float y[CLASSES];
    run_in(s, "f32", y);
    cr_expect_str_eq(report_of(s)->precision, "f32");
    shunt_set_option("precision", NULL);
    unmake(s);
}

Test(precision, what_the_device_refuses_in_16_bits_runs_in_float32_and_is_told)
{
    static const char *const refusals[] = {"conv", "max_pool", "add", "global_pool,linear", "conv,add"};
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        float exact[CLASSES], f16[CLASSES];
        shunt_set_option("picky_refuse16", refusals[i]);
        setup *s = make("picky");
        run_in(s, "f32", exact);
        run_in(s, "f16", f16);
        cr_expect(distance(f16, exact) > 0 && distance(f16, exact) < 1e-3, "%s: %g", refusals[i], distance(f16, exact));
        char kind[32];
        snprintf(kind, sizeof kind, "%.*s", (int)strcspn(refusals[i], ","), refusals[i]);
        const shunt_step *refused = step_of(report_of(s), kind);
        cr_expect_str_eq(refused->device, "picky:0");
        cr_expect_str_eq(refused->refused, "picky refuses it");
        cr_expect_null(strstr(refused->dst, "f16"), "%s", refused->dst);
        unmake(s);
    }
    shunt_set_option("picky_refuse16", NULL);
}

Test(precision, what_the_device_refuses_altogether_runs_in_float32_elsewhere)
{
    static const char *const refusals[] = {"conv", "max_pool", "add", "global_pool", "reorder,linear"};
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        float exact[CLASSES], f16[CLASSES];
        shunt_set_option("picky_refuse", refusals[i]);
        setup *s = make("picky");
        run_in(s, "f32", exact);
        run_in(s, "f16", f16);
        cr_expect(distance(f16, exact) > 0 && distance(f16, exact) < 1e-3, "%s: %g", refusals[i], distance(f16, exact));
        unmake(s);
    }
    shunt_set_option("picky_refuse", NULL);
}

Test(precision, refuses_what_there_is_not)
{
    shunt_set_option("picky_single", "1");
    setup *s = make("picky");
    cr_expect_eq(make_executor(s, "f8"), SHUNT_E_INVALID);
    cr_expect(strstr(shunt_last_error(), "\"f8\": it must be f32, f16"), "%s", shunt_last_error());
    cr_expect_eq(make_executor(s, "bf16"), SHUNT_E_UNSUPPORTED);
    cr_expect(strstr(shunt_last_error(), "picky:0: its ops do not take data in bf16; precisions it has: f32"), "%s",
              shunt_last_error());
    cr_expect_eq(make_executor(s, "f32"), SHUNT_OK);
    unmake(s);
}

static void set_weight(setup *s, const char *name, uint64_t index, float value)
{
    const shunt_tensor_view *view = shunt_weights_find(s->weights, name);
    const size_t bytes = shunt_tensor_bytes(&view->desc);
    float *data = malloc(bytes);
    memcpy(data, view->data, bytes);
    data[index] = value;
    cr_assert_eq(shunt_weights_set(s->weights, name, &view->desc, data), SHUNT_OK);
    free(data);
}

Test(precision, a_weight_that_overflows_is_named)
{
    setup *s = make("scalar");
    float y[CLASSES];
    set_weight(s, "a.weight", 7, -65519); /* rounds to 65504 */
    run_in(s, "f16", y);
    set_weight(s, "a.weight", 7, -65520);
    shunt_executor_destroy(s->executor);
    s->executor = NULL;
    cr_assert_eq(make_executor(s, "f16"), SHUNT_OK);
    cr_expect_eq(run(s), SHUNT_E_INVALID);
    cr_expect(strstr(shunt_last_error(), "a.weight: element 7 is -65520, which overflows f16"), "%s",
              shunt_last_error());
    run_in(s, "bf16", y);
    unmake(s);
}

typedef struct heard {
    int lines;
    char text[256];
} heard;

static void hear(void *context, int level, const char *message)
{
    heard *self = context;
    if (level != SHUNT_LOG_WARN || !strstr(message, "overflow")) return;
    self->lines++;
    snprintf(self->text, sizeof self->text, "%s", message);
}

/* The input has a 3 and two convolutions of it one weight of 60000, so that b's result overflows; the same run in float32 does not. */
Test(precision, a_run_that_overflows_f16_is_repeated_in_float32_and_told_once)
{
    heard told = {0};
    float exact[CLASSES], f16[CLASSES];
    setup *s = make("scalar");
    set_weight(s, "b.weight", 0, 60000);
    s->x[0] = 3;
    run_in(s, "f32", exact);
    shunt_set_log_handler(hear, &told);
    run_in(s, "f16", f16);
    cr_expect_arr_eq(f16, exact, sizeof exact);
    cr_expect_eq(told.lines, 1);
    cr_expect(strstr(told.text, "b") == told.text, "%s", told.text);
    cr_assert_eq(run(s), SHUNT_OK);
    cr_expect_eq(told.lines, 1, "it is told once");
    s->x[0] = INFINITY;
    cr_assert_eq(run(s), SHUNT_OK);
    cr_expect(isnan(s->y[0]), "infinite inputs are no reason to repeat a run");
    shunt_set_log_handler(NULL, NULL);
    unmake(s);
}
