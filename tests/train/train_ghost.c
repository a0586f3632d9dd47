/* train_ghost.c - training a policy that chooses blocks: the share of them falls to what is asked for, runs continue in the same bits, a static
 * network is where it begins, and what is refused. */
#include "models/model.h"
#include "runtime/train/trainer.h"
#include "tests/support/small_run.h"

#include <math.h>

TestSuite(train_ghost, .init = enter_folder, .fini = leave_folder);

static run_setup setup_of(const char *out, const char *share)
{
    return (run_setup){.out = out,
                       .model = "ghost-resnet14",
                       .field = "ghost",
                       .value = share,
                       .more_field = "ghost_weight",
                       .more_value = "20"};
}

static void train(const run_setup *setup, run_parts *parts)
{
    int finished;
    put_training_set("set", PICTURES);
    cr_assert_eq(run_begin(setup, parts), SHUNT_OK, "%s", shunt_last_error());
    cr_assert_eq(shunt_trainer_run(parts->trainer, &finished), SHUNT_OK, "%s", shunt_last_error());
    cr_assert(finished);
}

Test(train_ghost, the_share_falls_along_the_ramp)
{
    const shunt_recipe recipe = {.ghost = 0.4, .ghost_ramp = {0.25, 0.75}};
    static const double shares[][2] = {{0, 1}, {25, 1}, {50, 0.7}, {75, 0.4}, {99, 0.4}};
    for (size_t i = 0; i < 5; i++)
        cr_expect_float_eq(shunt_recipe_share(&recipe, (int64_t)shares[i][0], 100), shares[i][1], 1e-12);
    cr_expect_eq(shunt_recipe_share(&(shunt_recipe){.ghost_ramp = {0, 0.5}}, 50, 100), 1);
}

/* The gates begin open. */
Test(train_ghost, fewer_blocks_run)
{
    run_parts parts;
    run_setup setup = setup_of("out", "0.25");
    train(&setup, &parts);
    const size_t last = shunt_trainer_rows(parts.trainer) - 1;
    const shunt_train_row *first = shunt_trainer_row(parts.trainer, 0), *end = shunt_trainer_row(parts.trainer, last);
    cr_assert(first->share > 0.7 && first->share <= 1, "%g", first->share);
    cr_assert(end->share < 0.6, "%g", end->share);
    cr_assert_eq(shunt_trainer_best(parts.trainer), (int64_t)last);
    cr_assert(!system("head -1 out/log.csv | grep -q ',seconds,share$'"));
    run_end(&parts);
}

Test(train_ghost, a_run_that_was_stopped_ends_in_the_same_bits)
{
    int steps = 0, finished = 0;
    run_setup setup = setup_of("whole", "0.5");
    put_training_set("set", PICTURES);
    run_whole(&setup);
    setup.out = "cut";
    setup.handler = run_stop_often;
    setup.context = &steps;
    while (!finished) cr_assert_eq(run_continue(&setup, &finished), SHUNT_OK, "%s", shunt_last_error());
    expect_same_file("whole/last.ckpt", "cut/last.ckpt");
    expect_same_file("whole/best.safetensors", "cut/best.safetensors");
    cr_assert(!system("cut -d, -f1-7,9 whole/log.csv > 1; cut -d, -f1-7,9 cut/log.csv | cmp - 1"));
}

/* Under a factor of the loss the term is multiplied, too: without one, a step differs by rounding alone. */
Test(train_ghost, a_scaled_loss_makes_the_same_step)
{
    run_parts plain, scaled;
    run_setup setup = setup_of("plain", "0.25");
    int finished;
    setup.handler = run_stop_at_once;
    put_training_set("set", PICTURES);
    for (int k = 0; k < 2; k++) {
        run_parts *parts = k ? &scaled : &plain;
        setup.out = k ? "scaled" : "plain";
        setup.loss_scale = k ? 1024 : 0;
        cr_assert_eq(run_begin(&setup, parts), SHUNT_OK, "%s", shunt_last_error());
        cr_assert_eq(shunt_trainer_run(parts->trainer, &finished), SHUNT_OK, "%s", shunt_last_error());
    }
    const shunt_weights *a = shunt_trainer_weights(plain.trainer), *b = shunt_trainer_weights(scaled.trainer);
    const float *x = shunt_weights_find(a, "policy.fc.bias")->data, *y = shunt_weights_find(b, "policy.fc.bias")->data;
    for (int i = 0; i < 4; i++)
        cr_assert(x[i] != 2 && fabsf(x[i] - y[i]) <= 1e-5f, "%.9g, %.9g", (double)x[i], (double)y[i]);
    run_end(&plain);
    run_end(&scaled);
}

Test(train_ghost, half_precision)
{
    run_parts parts;
    run_setup setup = setup_of("half", "0.25");
    setup.precision = "f16";
    train(&setup, &parts);
    cr_assert(shunt_trainer_row(parts.trainer, EPOCHS - 1)->share < 0.7);
    run_end(&parts);
}

/* The policy is new, all else comes from the file; and a file with a policy gives it, too. */
Test(train_ghost, begins_from_a_static_network)
{
    shunt_model *fixed, *ghost, *again;
    cr_assert(!shunt_model_create("resnet14", NULL, &fixed) && !shunt_model_randomize(fixed, 7));
    cr_assert(!shunt_model_save(fixed, "static.safetensors"));
    cr_assert(!shunt_model_create("ghost-resnet14", NULL, &ghost));
    cr_assert_eq(shunt_model_adopt(ghost, "static.safetensors", 1), SHUNT_OK, "%s", shunt_last_error());
    const shunt_tensor_view *a = shunt_weights_find(fixed->weights, "layer2.1.conv1.weight"),
                            *b = shunt_weights_find(ghost->weights, "layer2.1.conv1.weight");
    cr_assert(!memcmp(a->data, b->data, shunt_tensor_bytes(&a->desc)));
    const float *bias = shunt_weights_find(ghost->weights, "policy.fc.bias")->data;
    for (int i = 0; i < 4; i++) cr_assert_eq(bias[i], 2);
    cr_assert(!shunt_model_randomize(ghost, 8) && !shunt_model_save(ghost, "ghost.safetensors"));
    cr_assert(!shunt_model_create("ghost-resnet14", NULL, &again));
    cr_assert_eq(shunt_model_adopt(again, "ghost.safetensors", 1), SHUNT_OK, "%s", shunt_last_error());
    a = shunt_weights_find(ghost->weights, "policy.fc.weight");
    b = shunt_weights_find(again->weights, "policy.fc.weight");
    cr_assert(!memcmp(a->data, b->data, shunt_tensor_bytes(&a->desc)));
    shunt_model_destroy(fixed);
    shunt_model_destroy(ghost);
    shunt_model_destroy(again);
}

Test(train_ghost, what_is_refused)
{
    static const struct {
        run_setup setup;
        const char *reason;
    } cases[] = {
        {{.model = "ghost-resnet8", .field = "ghost", .value = "-0.1"}, "ghost '-0.1': expected a number from 0 to 1"},
        {{.model = "ghost-resnet8", .field = "ghost", .value = "1.5"}, "ghost '1.5'"},
        {{.model = "ghost-resnet8", .field = "ghost", .value = "nan"}, "ghost 'nan'"},
        {{.model = "ghost-resnet8", .field = "ghost_weight", .value = "-1"}, "ghost_weight '-1'"},
        {{.model = "ghost-resnet8",
          .field = "ghost",
          .value = "0.5",
          .more_field = "ghost_ramp",
          .more_value = "0.5,0.25"},
         "ends before it begins"},
        {{.model = "ghost-resnet8", .field = "ghost", .value = "0.5", .more_field = "prune", .more_value = "1"},
         "ghost and prune"},
        {{.model = "resnet8", .field = "ghost", .value = "0.5"}, "the network has no policy that chooses blocks"},
        {{.model = "plain8", .field = "ghost", .value = "0.5"}, "the network has no policy that chooses blocks"},
    };
    put_training_set("set", PICTURES);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        run_parts parts;
        cr_expect(run_begin(&cases[i].setup, &parts), "case %zu", i);
        cr_expect(strstr(shunt_last_error(), cases[i].reason), "%s", shunt_last_error());
        run_end(&parts);
    }
}
