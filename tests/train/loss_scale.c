/* loss_scale.c - dynamic loss scaling, in float32: a factor that is a power of two changes no bit, and a step whose gradients
 * overflow changes nothing but the factor. */
#include "runtime/plan/plan.h"
#include "runtime/train/trainer.h"
#include "tests/support/small_run.h"

#include <jansson.h>
#include <math.h>

TestSuite(loss_scale, .init = enter_folder, .fini = leave_folder);

static const double HIGH = 0x1p126; /* gradients overflow */

Test(loss_scale, doubles_after_2000_good_steps_and_halves_on_overflow)
{
    train_position at = {.loss_scale = 8};
    train_adapt_scale(&at, true);
    cr_assert_eq(at.loss_scale, 4);
    for (int i = 0; i < 1999; i++) train_adapt_scale(&at, false);
    cr_assert_eq(at.loss_scale, 4);
    train_adapt_scale(&at, false);
    cr_assert_eq(at.loss_scale, 8);
    for (int i = 0; i < 1999; i++) train_adapt_scale(&at, false);
    train_adapt_scale(&at, true);
    cr_assert_eq(at.loss_scale, 4);
    for (int i = 0; i < 1999; i++) train_adapt_scale(&at, false);
    cr_assert_eq(at.loss_scale, 4, "the good steps before an overflow do not count");
    at = (train_position){.loss_scale = HIGH};
    for (int i = 0; i < 4000; i++) train_adapt_scale(&at, false);
    cr_assert_eq(at.loss_scale, HIGH, "1 / factor stays a normal number");
}

/* OUT's checkpoint. */
static shunt_weights *open_checkpoint(const char *out)
{
    char path[64];
    shunt_weights *file;
    cr_assert_eq(shunt_weights_open(run_checkpoint(out, path), &file), SHUNT_OK, "%s", shunt_last_error());
    return file;
}

/* A number of its position; NaN: it has none of that name. */
static double position_of(const char *out, const char *name)
{
    shunt_weights *file = open_checkpoint(out);
    json_t *position = json_loads(shunt_weights_metadata(file, "training"), 0, NULL);
    const json_t *value = json_object_get(position, name);
    const double number = value ? json_number_value(value) : NAN;
    json_decref(position);
    shunt_weights_destroy(file);
    return number;
}

Test(loss_scale, changes_no_bit)
{
    put_training_set("set", PICTURES);
    run_whole(&(run_setup){.out = "plain", .log_gradients = true});
    run_whole(&(run_setup){.out = "scaled", .log_gradients = true, .loss_scale = 1024});
    expect_same_file("plain/last.ckpt", "scaled/last.ckpt");
    expect_same_file("plain/best.safetensors", "scaled/best.safetensors");
    cr_assert(!system("cmp plain/gradients.csv scaled/gradients.csv"));
    cr_assert(isnan(position_of("plain", "loss_scale")));
    cr_assert_eq(position_of("scaled", "loss_scale"), 1024);
    cr_assert_eq(position_of("scaled", "good_steps"), EPOCHS * 7);
}

/* LARS sees the norm of the gradient without the factor. */
Test(loss_scale, changes_no_bit_of_lars)
{
    run_setup setup = {.out = "plain", .field = "lars", .value = "0.01"};
    put_training_set("set", PICTURES);
    run_whole(&setup);
    setup.out = "scaled";
    setup.loss_scale = 1024;
    run_whole(&setup);
    expect_same_file("plain/last.ckpt", "scaled/last.ckpt");
}

/* The first step, of a network with a classifier so large that gradients overflow at the highest factor. */
static void take_first_step(const char *out, run_parts *parts)
{
    int finished;
    const run_setup setup = {.out = out, .loss_scale = HIGH, .handler = run_stop_at_once};
    shunt_weights *large;
    cr_assert_eq(run_begin(&setup, parts), SHUNT_OK, "%s", shunt_last_error());
    cr_assert(!train_copy_weights(shunt_model_weights(parts->model), &large));
    const shunt_tensor_view *fc = shunt_weights_find(large, "fc.weight");
    const shunt_tensor_desc desc = fc->desc;
    const size_t count = (size_t)shunt_tensor_count(&desc);
    float *data = malloc(count * sizeof *data);
    cr_assert(data);
    for (size_t i = 0; i < count; i++) data[i] = 1000 * ((const float *)fc->data)[i];
    cr_assert(!shunt_weights_set(large, "fc.weight", &desc, data));
    cr_assert(!train_set_weights(parts->trainer, large));
    cr_assert_eq(shunt_trainer_run(parts->trainer, &finished), SHUNT_OK, "%s", shunt_last_error());
    cr_assert_gt(parts->trainer->nonfinite, 0);
    shunt_weights_destroy(large);
    free(data);
}

/* Weights, velocities and running statistics are those that the run began with. */
Test(loss_scale, a_step_that_overflows_changes_nothing)
{
    run_parts parts;
    put_training_set("set", PICTURES);
    take_first_step("out", &parts);
    shunt_weights *after = open_checkpoint("out");
    for (size_t i = 0; i < shunt_weights_count(after); i++) {
        const shunt_tensor_view *now = shunt_weights_at(after, i);
        const shunt_tensor_view *old = shunt_weights_find(parts.trainer->start, now->name);
        cr_assert_eq(memcmp(now->data, old->data, (size_t)shunt_tensor_bytes(&now->desc)), 0, "%s", now->name);
    }
    cr_assert_eq(position_of("out", "step"), 1);
    cr_assert_eq(position_of("out", "loss_scale"), HIGH / 2);
    shunt_weights_destroy(after);
    run_end(&parts);
}

/* While the factor falls, and after. */
Test(loss_scale, a_run_that_was_stopped_ends_in_the_same_bits)
{
    int steps = 0, finished = 0;
    run_parts parts;
    const run_setup whole = {.out = "whole", .loss_scale = HIGH};
    const run_setup cut = {.out = "cut", .loss_scale = HIGH, .handler = run_stop_often, .context = &steps};
    put_training_set("set", PICTURES);
    take_first_step("whole", &parts);
    run_end(&parts);
    cr_assert(!system("cp -r whole cut"));
    run_whole(&whole);
    while (!finished) cr_assert_eq(run_continue(&cut, &finished), SHUNT_OK, "%s", shunt_last_error());
    expect_same_file("whole/last.ckpt", "cut/last.ckpt");
    const double scale = position_of("whole", "loss_scale"), good = position_of("whole", "good_steps");
    cr_assert(scale < HIGH / 8 && good > 0, "%g, %g good steps", scale, good);
    cr_assert_eq(position_of("cut", "loss_scale"), scale);
    cr_assert_eq(position_of("cut", "good_steps"), good);
}

static size_t count_steps(const graph_plan *plan, uint32_t kind, uint32_t flags)
{
    size_t count = 0;
    for (uint32_t s = 0; s < plan->nsteps; s++)
        count += plan->steps[s].desc.kind == kind && (plan->steps[s].desc.flags & flags) == flags;
    return count;
}

static void expect_plan(double loss_scale, size_t counts, size_t guarded)
{
    uint64_t bytes;
    run_parts parts;
    cr_assert_eq(run_begin(&(run_setup){.loss_scale = loss_scale}, &parts), SHUNT_OK, "%s", shunt_last_error());
    cr_assert_eq(shunt_trainer_memory(parts.trainer, &bytes), SHUNT_OK, "%s", shunt_last_error());
    const graph_plan *plan = parts.trainer->executor->plans[0];
    cr_assert_eq(count_steps(plan, SHUNT_OP_COUNT_NONFINITE, 0), counts);
    cr_assert_eq(count_steps(plan, SHUNT_OP_SGD, 0), 2);
    cr_assert_eq(count_steps(plan, SHUNT_OP_SGD, SHUNT_FLAG_SCALE | SHUNT_FLAG_SKIP), guarded);
    cr_assert_eq(count_steps(plan, SHUNT_OP_MUL, 0), guarded / 2);
    run_end(&parts);
}

/* One count for each flat value; and without a factor none. */
Test(loss_scale, costs_two_counts_or_nothing)
{
    put_training_set("set", PICTURES);
    expect_plan(1024, 2, 2);
    expect_plan(0, 0, 0);
}

static void expect_refused(double loss_scale)
{
    run_parts parts;
    cr_assert_eq(run_begin(&(run_setup){.loss_scale = loss_scale}, &parts), SHUNT_E_INVALID, "%g", loss_scale);
    expect_message("loss scale", "power of two");
    run_end(&parts);
}

static void expect_resume_refused(double loss_scale, const char *path, const char *reason)
{
    run_parts parts;
    cr_assert_eq(run_begin(&(run_setup){.loss_scale = loss_scale}, &parts), SHUNT_OK, "%s", shunt_last_error());
    cr_assert_eq(shunt_trainer_resume(parts.trainer, path), SHUNT_E_INVALID);
    expect_message(path, reason);
    run_end(&parts);
}

Test(loss_scale, what_is_refused)
{
    int finished;
    put_training_set("set", PICTURES);
    expect_refused(3);
    expect_refused(-2);
    expect_refused(0x1p127);
    expect_refused(NAN);
    cr_assert(!run_continue(&(run_setup){.out = "plain", .handler = run_stop_at_once}, &finished));
    cr_assert(!run_continue(&(run_setup){.out = "scaled", .loss_scale = 4, .handler = run_stop_at_once}, &finished));
    expect_resume_refused(4, "plain/last.ckpt", "without loss scaling");
    expect_resume_refused(0, "scaled/last.ckpt", "with loss scaling");
}
