/* train_run.c - whole training runs: what they learn, what their files contain, and what makes a run fail before or during it. */
#include "tests/support/small_run.h"

TestSuite(train_run, .init = enter_folder, .fini = leave_folder);

/* The set can be learned: chance is 90 % of error. And the files say what was done. */
Test(train_run, learns_and_says_how)
{
    run_parts parts;
    int finished;
    size_t count;
    int64_t best;
    shunt_score score;
    shunt_recipe recipe;
#ifdef __SANITIZE_ADDRESS__
    cr_skip_test("minutes; the other tests run the same code");
#endif
    put_training_set("set", 60);
    cr_assert_eq(run_begin(&(run_setup){.out = "a/b", .side = 8, .field = "epochs", .value = "8"}, &parts), SHUNT_OK,
                 "%s", shunt_last_error());
    cr_assert_eq(shunt_trainer_run(parts.trainer, &finished), SHUNT_OK, "%s", shunt_last_error());
    cr_assert_eq(shunt_trainer_test(parts.trainer, parts.test, &score), SHUNT_OK, "%s", shunt_last_error());
    const shunt_train_row *first = shunt_trainer_row(parts.trainer, 0), *last = shunt_trainer_row(parts.trainer, 7);
    count = shunt_trainer_rows(parts.trainer);
    best = shunt_trainer_best(parts.trainer);
    cr_assert(finished && count == 8 && best >= 0 && shunt_trainer_step(parts.trainer) == 8 * 35);
    cr_assert(score.pictures == 60 && score.wrong < 20, "%lld wrong", (long long)score.wrong);
    const shunt_train_row *lowest = shunt_trainer_row(parts.trainer, (size_t)best);
    for (size_t i = 0; i < count; i++)
        cr_assert(lowest->validation_error <= shunt_trainer_row(parts.trainer, i)->validation_error);
    cr_assert_null(shunt_trainer_row(parts.trainer, count));
    cr_assert(last->training_loss < first->training_loss && last->training_error < 0.4);
    parts.recipe.precision = SHUNT_RECIPE_F32; /* what the default stands for */
    cr_assert(!shunt_recipe_load("a/b/best.safetensors", &recipe) && !shunt_recipe_same(&recipe, &parts.recipe));
    /* The file classifies as the trainer did. */
    shunt_model *model;
    cr_assert(!shunt_model_create("resnet8", &(shunt_model_options){.height = 8, .width = 8}, &model));
    cr_assert_eq(shunt_model_load(model, "a/b/best.safetensors"), SHUNT_OK, "%s", shunt_last_error());
    shunt_score again;
    cr_assert(!shunt_evaluate(shunt_model_graph(model), shunt_model_weights(model), parts.device, parts.test,
                              shunt_model_preprocess(model), 7, 1, &again));
    cr_assert_eq(again.wrong, score.wrong);
    cr_assert_float_eq(again.loss, score.loss, 1e-6);
    char expected[64];
    snprintf(expected, sizeof expected, "\"test_wrong\":%lld", (long long)score.wrong);
    cr_assert(strstr(shunt_weights_metadata(shunt_model_weights(model), "result"), expected));
    shunt_model_destroy(model);
    run_end(&parts);
}

static void expect_refused(const run_setup *setup, const char *subject, const char *reason)
{
    int finished;
    cr_assert_neq(run_continue(setup, &finished), SHUNT_OK, "%s", reason);
    expect_message(subject, reason);
}

Test(train_run, refused_before_the_first_step)
{
    put_training_set("set", PICTURES);
    put_bytes("file", "x", 1);
    expect_refused(&(run_setup){.out = "file"}, "file", "that is a file");
    expect_refused(&(run_setup){.out = "out", .field = "batch", .value = "100"}, "70 training pictures",
                   "batch of 100");
    expect_refused(&(run_setup){.out = "out", .field = "holdout", .value = "70"}, "70 held out", "lower");
    expect_refused(&(run_setup){.out = "out", .field = "freeze", .value = "conv9"}, "freeze", "'conv9'");
    expect_refused(&(run_setup){.out = "out", .model = "resnet9"}, "resnet9", "no model 'resnet9'; there are");
}

/* 46 of 300 training pictures and of 60 test pictures; what is held out is among the 46. Whoever goes on must take as many. */
Test(train_run, a_part_of_each_set)
{
    run_parts parts;
    int finished;
    shunt_score score;
    put_training_set("set", 60);
    cr_assert_eq(run_begin(&(run_setup){.out = "out", .field = "limit", .value = "46"}, &parts), SHUNT_OK, "%s",
                 shunt_last_error());
    cr_assert_eq(shunt_trainer_steps(parts.trainer), EPOCHS * ((46 - PICTURES) / BATCH));
    cr_assert_eq(shunt_trainer_run(parts.trainer, &finished), SHUNT_OK, "%s", shunt_last_error());
    cr_assert_eq(shunt_trainer_test(parts.trainer, parts.test, &score), SHUNT_OK, "%s", shunt_last_error());
    cr_assert_eq(score.pictures, 46);
    run_end(&parts);
    expect_refused(&(run_setup){.out = "out", .field = "limit", .value = "47"}, "last.ckpt", "limit '46', not '47'");
}

/* A full disk shows before the first step; one that fills up later leaves the previous checkpoint, and training continues. */
typedef struct disk {
    int failures, epochs;
} disk;

static int fill_the_disk(void *context, const shunt_train_event *event)
{
    disk *self = context;
    if (event->stage == SHUNT_TRAIN_EPOCH && event->row->epoch == 1) limit_file_size(60000); /* of 600 kB */
    self->failures += event->stage == SHUNT_TRAIN_CHECKPOINT && event->failed;
    return event->stage == SHUNT_TRAIN_STEP && event->epoch == 2 && event->epoch_step == 2;
}

Test(train_run, a_full_disk)
{
    disk full = {0};
    int finished;
    run_parts parts;
    char path[64];
    run_setup setup = {.out = "out", .handler = fill_the_disk, .context = &full};
    put_training_set("set", PICTURES);
    /* The checkpoint after epoch 1 fails and is told; the one when the run is stopped fails, and that is the run's failure. */
    cr_assert_neq(run_continue(&setup, &finished), SHUNT_OK);
    expect_message("out/last.ckpt", "cannot write");
    cr_assert_eq(full.failures, 1);
    cr_assert_eq(run_begin(&setup, &parts), SHUNT_OK);
    cr_assert_eq(shunt_trainer_resume(parts.trainer, run_checkpoint("out", path)), SHUNT_OK, "%s", shunt_last_error());
    cr_assert_eq(shunt_trainer_step(parts.trainer), 0);
    run_end(&parts);
    expect_refused(&(run_setup){.out = "other"}, "other/last.ckpt", "cannot write");
}

/* With a rate like this the weights overflow; the message names the step and where it began, and the checkpoint before stands. */
Test(train_run, a_loss_that_is_no_number)
{
    run_setup setup = {.out = "out", .field = "rate", .value = "1e6"};
    run_parts parts;
    int finished;
    char path[64];
    put_training_set("set", PICTURES);
    cr_assert_eq(run_begin(&setup, &parts), SHUNT_OK, "%s", shunt_last_error());
    cr_assert_eq(shunt_trainer_run(parts.trainer, &finished), SHUNT_E_INVALID);
    expect_message("step ", "checkpoint is kept");
    cr_assert(strstr(shunt_last_error(), "not finite") || strstr(shunt_last_error(), "infinite or NaN"), "%s",
              shunt_last_error());
    run_end(&parts);
    cr_assert_eq(run_begin(&setup, &parts), SHUNT_OK);
    cr_assert_eq(shunt_trainer_resume(parts.trainer, run_checkpoint("out", path)), SHUNT_OK, "%s", shunt_last_error());
    run_end(&parts);
}

/* A layer whose weights are finite but give infinities: that layer is named. */
Test(train_run, the_layer_is_named)
{
    run_parts parts;
    put_training_set("set", PICTURES);
    cr_assert_eq(run_begin(&(run_setup){.out = NULL}, &parts), SHUNT_OK);
    shunt_trainer_destroy(parts.trainer);
    shunt_weights *weights = (shunt_weights *)shunt_model_weights(parts.model);
    const shunt_tensor_view *view = shunt_weights_find(weights, "layer2.0.conv1.weight");
    float huge[32 * 16 * 9];
    for (size_t i = 0; i < sizeof huge / sizeof *huge; i++) huge[i] = 3e38f;
    cr_assert(!shunt_weights_set(weights, view->name, &view->desc, huge));
    shunt_train_setup setup = {.graph = shunt_model_graph(parts.model),
                               .weights = weights,
                               .device = parts.device,
                               .data = parts.data,
                               .preprocess = shunt_model_preprocess(parts.model),
                               .recipe = &parts.recipe};
    int finished;
    cr_assert_eq(shunt_trainer_create(&setup, &parts.trainer), SHUNT_OK);
    cr_assert_eq(shunt_trainer_run(parts.trainer, &finished), SHUNT_E_INVALID);
    expect_message("step 1: the loss is", "layer2.0.conv1 is the first layer");
    run_end(&parts);
}
