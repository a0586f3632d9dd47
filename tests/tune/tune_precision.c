/* tune_precision.c - the precision "fast": what is measured and recorded of a whole network, and what executors make of the record. The
 * device's convolutions of float32 are slowed down, so that types in 16 bits are faster. */
#include "tests/support/tune_setup.h"

#include <jansson.h>

static void start_wide(void)
{
    start();
    set("tunable_list", "fast");
    set("tunable_wide", "20");
}

TestSuite(tune_precision, .init = start_wide, .fini = leave_folder, .timeout = 120);

/* Of the last tuning: the types and their reasons, "f16 good; bf16 refused is off by 1, ...; ", and the record. */
static char timed[1024], recorded[16];
static double speedups[2], errors[2];
static uint32_t ntimed;

static void note_types(void *context, const shunt_tune_event *event)
{
    (void)context;
    const size_t used = strlen(timed);
    if (event->stage == SHUNT_TUNE_RECORDED) snprintf(recorded, sizeof recorded, "%s", event->precision);
    if (event->stage != SHUNT_TUNE_TIMED) return;
    snprintf(timed + used, sizeof timed - used, "%s %s %s; ", event->precision, event->verdict, event->reason);
    speedups[ntimed] = event->speedup;
    errors[ntimed++] = event->error;
}

static void tune_types(net *n, int64_t batch, const char *skip)
{
    const shunt_tensor_desc input = picture(batch);
    const shunt_tune_options options = {
        .size = sizeof options, .precisions = 1, .force = 1, .skip = skip, .handler = note_types};
    timed[0] = recorded[0] = '\0';
    ntimed = 0;
    cr_assert_eq(shunt_executor_tune(n->executor, &input, 1, &options), SHUNT_OK, "%s", shunt_last_error());
}

/* A network that runs in "fast". */
static net open_fast(void)
{
    set("precision", "fast");
    net n = open_net();
    set("precision", NULL);
    return n;
}

static float pixel = 1; /* the first of run()'s picture; the others are 1 */

static void run(net *n, int64_t batch)
{
    float x[4 * C * SIDE * SIDE], y[4 * K * SIDE * SIDE];
    for (size_t i = 0; i < sizeof x / sizeof *x; i++) x[i] = i ? 1 : pixel;
    const shunt_tensor in = {.desc = picture(batch), .data = x};
    shunt_tensor out = {.desc = picture(batch), .data = y};
    out.desc.dims[1] = K;
    cr_assert_eq(shunt_executor_run(n->executor, &in, 1, &out, 1), SHUNT_OK, "%s", shunt_last_error());
    for (size_t i = 0; i < (size_t)batch * K * SIDE * SIDE; i++) cr_assert(isfinite(y[i]));
}

/* What a run of a fresh network in "fast" takes, and that the reason has this part. */
static void expect_taken(int64_t batch, const char *taken, const char *reason)
{
    shunt_precision precision;
    net n = open_fast();
    cr_expect_eq(shunt_executor_precision(n.executor, &precision), SHUNT_E_NOT_FOUND);
    run(&n, batch);
    cr_assert_eq(shunt_executor_precision(n.executor, &precision), SHUNT_OK);
    cr_expect_str_eq(precision.asked, "fast");
    cr_expect_str_eq(precision.taken, taken, "%s: %s", precision.taken, precision.reason);
    assert_has(precision.reason, reason);
    close_net(&n);
}

static size_t launched(void)
{
    size_t lines = 0;
    for (const char *at = file_text("trace"); (at = strchr(at, '\n')); at++) lines++;
    return lines;
}

Test(tune_precision, is_float32_without_a_record_and_measures_nothing)
{
    expect_taken(1, "f32", "no record of this network");
    cr_expect_eq(launched(), 3, "one launch for each convolution, not %zu", launched());
    cr_expect_eq(warnings, 0, "%s", logged);
}

Test(tune_precision, the_fastest_good_type_is_recorded_for_a_network_and_batch)
{
    net n = open_net();
    tune_types(&n, 2, NULL);
    close_net(&n);
    assert_text(timed, "f16 good ; bf16 good ; ");
    for (int i = 0; i < 2; i++) cr_expect(speedups[i] > 1.2, "%g", speedups[i]);
    /* Three convolutions, each result rounded to 11 and 8 digits: on the average half of the last one. */
    cr_expect(errors[0] > 0x1p-13 && errors[0] < 0x1p-10, "%g", errors[0]);
    cr_expect(errors[1] > 0x1p-10 && errors[1] < 0x1p-7, "%g", errors[1]);
    expect_taken(2, recorded, "times as fast as f32 in shunt tune, with results off by");
    cr_expect_str_neq(recorded, "f32");
    expect_taken(1, "f32", "no record of this network, in this batch");
    set("tune", "off");
    expect_taken(2, "f32", "SHUNT_TUNE=off");
    set("tune", NULL);
}

/* Another graph of the same shapes: with a ReLU. */
Test(tune_precision, a_record_is_of_one_graph)
{
    net n = open_net(), other = open_net();
    tune_types(&n, 1, NULL);
    shunt_executor_destroy(other.executor);
    shunt_graph_output(other.graph, "more", shunt_graph_relu(other.graph, "relu", 3));
    const shunt_executor_options options = {.size = sizeof options, .precision = "fast"};
    cr_assert_eq(shunt_executor_create_with(other.graph, other.weights, other.device, &options, &other.executor),
                 SHUNT_OK);
    shunt_tensor_desc input = picture(1);
    shunt_precision precision;
    cr_assert_eq(shunt_executor_prepare(other.executor, &input, 1), SHUNT_OK, "%s", shunt_last_error());
    cr_assert_eq(shunt_executor_precision(other.executor, &precision), SHUNT_OK);
    cr_expect_str_eq(precision.taken, "f32");
    assert_has(precision.reason, "no record");
    close_net(&other);
    close_net(&n);
}

Test(tune_precision, a_type_must_be_fast_and_right)
{
    net n = open_net();
    set("tunable_narrow", "20");
    tune_types(&n, 1, NULL);
    cr_expect_str_eq(recorded, "f32");
    assert_has(timed, "times as fast as f32, less than 1.2");
    expect_taken(1, "f32", "shunt tune: f16 is ");
    set("tunable_narrow", NULL);
    set("tunable_16", "f16:wrong");
    tune_types(&n, 1, NULL);
    cr_expect_str_eq(recorded, "bf16");
    assert_has(timed, "f16 refused is off by ");
    assert_has(timed, "bf16 good");
    tune_types(&n, 1, "bf16");
    cr_expect_str_eq(recorded, "f32");
    assert_has(timed, "bf16 refused crashed shunt tune, or hung");
    expect_taken(1, "f32", "bf16 crashed shunt tune, or hung");
    set("tunable_16", NULL);
    tune_types(&n, 1, "bf16");
    cr_expect_str_eq(recorded, "f16", "the end of bf16 is not f16");
    close_net(&n);
}

static void set_weight(net *n, const char *name, float value)
{
    const shunt_tensor_view *view = shunt_weights_find(n->weights, name);
    float data[C * C * 9];
    memcpy(data, view->data, shunt_tensor_bytes(&view->desc));
    data[3] = value;
    cr_assert_eq(shunt_weights_set(n->weights, name, &view->desc, data), SHUNT_OK);
}

Test(tune_precision, weights_that_overflow_are_named_in_the_record_and_where_it_cannot_be_followed)
{
    net good = open_net(), large = open_fast();
    set_weight(&large, "b.weight", 1e5f);
    tune_types(&large, 1, NULL);
    assert_has(timed, "tensor b.weight: element 3 is 100000, which overflows f16");
    cr_expect_str_eq(recorded, "bf16");
    tune_types(&good, 1, "bf16");
    cr_assert_str_eq(recorded, "f16");
    shunt_precision precision;
    run(&large, 1);
    cr_assert_eq(shunt_executor_precision(large.executor, &precision), SHUNT_OK);
    cr_expect_str_eq(precision.taken, "f32");
    assert_has(precision.reason, "f16, which shunt tune recorded, cannot be had: ");
    assert_has(precision.reason, "tensor b.weight: element 3 is 100000");
    cr_expect_eq(warnings, 1, "it is told once: %s", logged);
    close_net(&large);
    close_net(&good);
}

/* The first run is repeated in float32, and later ones, of all shapes, begin with it. */
Test(tune_precision, a_run_that_overflows_ends_the_record_for_this_executor)
{
    net n = open_net();
    tune_types(&n, 1, "bf16");
    tune_types(&n, 2, "bf16");
    close_net(&n);
    n = open_fast();
    set_weight(&n, "a.weight", 8);
    pixel = 60000;
    run(&n, 1);
    const size_t before = launched();
    run(&n, 1);
    run(&n, 2);
    run(&n, 2);
    cr_expect_eq(launched() - before, 9);
    shunt_precision precision;
    cr_assert_eq(shunt_executor_precision(n.executor, &precision), SHUNT_OK);
    cr_expect_str_eq(precision.taken, "f32");
    assert_has(precision.reason, "overflowed f16 in an earlier run");
    close_net(&n);
}

/* ---- The file -------------------------------------------------------------------------------------------------------- */

/* Changes every place of a text in the data base. */
static void change_file(const char *from, const char *to)
{
    char text[65536] = "";
    const char *at = file_text("cache/tuning.json");
    cr_assert(strstr(at, from), "no %s in %s", from, at);
    for (const char *next; (next = strstr(at, from)); at = next + strlen(from)) {
        strncat(text, at, (size_t)(next - at));
        strcat(text, to);
    }
    strcat(text, at);
    put_bytes("cache/tuning.json", text, strlen(text));
    tune_free();
}

Test(tune_precision, a_record_of_another_machine_or_driver_is_not_believed)
{
    char machine[TUNE_MACHINE_CHARS], device[TUNE_KEY_CHARS];
    net n = open_net();
    tune_types(&n, 1, NULL);
    tune_device_key(n.device, device);
    close_net(&n);
    expect_taken(1, recorded, "times as fast");
    tune_machine(machine);
    change_file(machine, "Another 1 GHz, 2 of them, features 00000000");
    expect_taken(1, "f32", "no record");
    change_file("Another 1 GHz, 2 of them, features 00000000", machine);
    expect_taken(1, recorded, "times as fast");
    change_file(device, "tunable | another device | platform | driver 2");
    expect_taken(1, "f32", "no record");
}

/* Edited beyond recognition: as if it were not there. */
Test(tune_precision, a_damaged_record_is_ignored)
{
    static const char *const values[] = {"\"f8\"", "\"fast\"", "7", "null", "\"\"", "{}"};
    net n = open_net();
    char last[32];
    tune_types(&n, 1, "f16");
    cr_assert_str_eq(recorded, "bf16");
    close_net(&n);
    strcpy(last, "\"bf16\"");
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        char from[64], to[64];
        snprintf(from, sizeof from, "\"precision\": %s", last);
        snprintf(to, sizeof to, "\"precision\": %s", values[i]);
        change_file(from, to);
        strcpy(last, values[i]);
        expect_taken(1, "f32", "no record");
    }
    change_file("\"precision\": {}", "\"precision\": \"bf16\"");
    change_file("\"speedup\": ", "\"speedup\": \"x\", \"was\": ");
    expect_taken(1, "bf16", "0.00 times as fast");
}

/* ---- Tuning in "fast" ------------------------------------------------------------------------------------------------ */

Test(tune_precision, ops_of_all_types_are_tuned)
{
    set("tunable_list", "medium,quick");
    net n = open_fast();
    cr_assert_eq(tune(&n, 1, (shunt_tune_options){.force = 1}), SHUNT_OK, "%s", shunt_last_error());
    cr_expect_eq(ops, 8, "two distinct convolutions in three types, and two first ones that read float32: %u", ops);
    cr_expect_eq(chosen, 8);
    close_net(&n);
}
