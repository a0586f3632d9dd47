/* train_resume.c - training runs that are killed or stopped at any moment, resumed, and end in the same weights; checkpoints
 * that are refused; and the lock of a run's folder. */
#include "tests/support/small_run.h"
#include <jansson.h>
#include <math.h>
#include <sys/wait.h>
#include <time.h>

TestSuite(train_resume, .init = enter_folder, .fini = leave_folder);

static void expect_same(const char *a, const char *b, const char *name)
{
    char paths[2][64];
    snprintf(paths[0], sizeof paths[0], "%s/%s", a, name);
    snprintf(paths[1], sizeof paths[1], "%s/%s", b, name);
    expect_same_file(paths[0], paths[1]);
}

/* All but the last column, which is time. */
static void expect_same_log(const char *a, const char *b)
{
    char line[128];
    snprintf(line, sizeof line, "cut -d, -f1-7 %s/log.csv > 1; cut -d, -f1-7 %s/log.csv | cmp - 1", a, b);
    cr_assert(!system(line), "the logs differ");
}

/* ---- Killed and stopped ---------------------------------------------------------------------------------------------- */

static void sleep_for(double seconds)
{
    struct timespec time = {(time_t)seconds, (long)((seconds - floor(seconds)) * 1e9)};
    nanosleep(&time, NULL);
}

/* A process of its own, killed after so many seconds; INFINITY: not at all. Returns whether it came to its end. */
static bool run_killed(const run_setup *setup, double seconds)
{
    int state;
    pid_t child = fork();
    cr_assert(child >= 0);
    if (!child) {
        int finished;
        _exit(run_continue(setup, &finished) || !finished);
    }
    if (isfinite(seconds)) {
        sleep_for(seconds);
        kill(child, SIGKILL);
    }
    cr_assert(waitpid(child, &state, 0) == child);
    cr_assert(WIFSIGNALED(state) || WEXITSTATUS(state) == 0, "exit status %d", WEXITSTATUS(state));
    return WIFEXITED(state);
}

/* The moments are random in each test run; the result must not depend on them. */
Test(train_resume, killed_at_ten_random_moments)
{
    struct timespec start, stop;
    run_setup whole = {.out = "whole", .workers = 2}, cut = {.out = "cut", .workers = 3};
    put_training_set("set", PICTURES);
    clock_gettime(CLOCK_MONOTONIC, &start);
    cr_assert(run_killed(&whole, INFINITY));
    clock_gettime(CLOCK_MONOTONIC, &stop);
    double seconds = (double)(stop.tv_sec - start.tv_sec) + 1e-9 * (double)(stop.tv_nsec - start.tv_nsec);
    srand48(stop.tv_nsec);
    for (int i = 0; i < 10 && !run_killed(&cut, drand48() * 0.5 * seconds); i++) continue;
    cr_assert(run_killed(&cut, INFINITY));
    expect_same("whole", "cut", "last.ckpt");
    expect_same("whole", "cut", "best.safetensors");
    expect_same_log("whole", "cut");
}

/* With 16-bit activations, whatever the step; f16 has a loss scale by itself. Another precision does not continue the run. */
Test(train_resume, precision)
{
    const char *const precisions[] = {"bf16", "f16"}, *const others[] = {"f32", "bf16"};
    put_training_set("set", PICTURES);
    for (size_t i = 0; i < 2; i++) {
        char whole[16], cut[16];
        int steps = 0, finished = 0;
        snprintf(whole, sizeof whole, "whole-%s", precisions[i]);
        snprintf(cut, sizeof cut, "cut-%s", precisions[i]);
        run_setup all = {.out = whole, .precision = precisions[i]},
                  part = {.out = cut, .precision = precisions[i], .handler = run_stop_often, .context = &steps},
                  other = {.out = cut, .precision = others[i]};
        run_whole(&all);
        cr_assert(!run_continue(&part, &finished) && !finished);
        cr_assert(run_continue(&other, &finished) == SHUNT_E_INVALID);
        cr_expect(strstr(shunt_last_error(), precisions[i]) || strstr(shunt_last_error(), "scaling"), "%s",
                  shunt_last_error());
        while (!finished) cr_assert(!run_continue(&part, &finished), "%s", shunt_last_error());
        expect_same(whole, cut, "last.ckpt");
        expect_same(whole, cut, "best.safetensors");
    }
    /* The recipe of its files says it, and decides by itself; the setup takes its place. */
    shunt_recipe recipe;
    int finished;
    cr_assert_eq(shunt_recipe_load("whole-bf16/best.safetensors", &recipe), SHUNT_OK, "%s", shunt_last_error());
    cr_expect_eq(recipe.precision, SHUNT_RECIPE_BF16);
    run_whole(&(run_setup){.out = "by-recipe", .field = "precision", .value = "bf16"});
    expect_same("whole-bf16", "by-recipe", "last.ckpt");
    cr_assert(!run_continue(&(run_setup){.out = "both", .field = "precision", .value = "f16", .precision = "bf16"},
                            &finished));
    expect_same("whole-bf16", "both", "last.ckpt");
    run_whole(&(run_setup){.out = "f32"});
    run_whole(&(run_setup){.out = "fast", .precision = "fast"});
    expect_same("f32", "fast", "last.ckpt");
    cr_assert_eq(shunt_recipe_load("fast/last.ckpt", &recipe), SHUNT_OK);
    cr_expect_eq(recipe.precision, SHUNT_RECIPE_F32, "files hold what fast is");
    run_setup wrong = {.out = "wrong", .precision = "f8"};
    run_parts parts;
    cr_expect(run_begin(&wrong, &parts) == SHUNT_E_INVALID && strstr(shunt_last_error(), "f8"), "%s",
              shunt_last_error());
    run_end(&parts);
}

/* In the middle of an epoch, with sums of losses and gradients half done; and with another number of threads. */
Test(train_resume, stopped_and_resumed)
{
    int steps = 0, finished = 0, runs = 0;
    run_setup whole = {.out = "whole", .workers = 1, .log_gradients = true};
    run_setup cut = {.out = "cut", .workers = 4, .log_gradients = true, .handler = run_stop_often, .context = &steps};
    put_training_set("set", PICTURES);
    run_whole(&whole);
    for (; !finished; runs++) cr_assert_eq(run_continue(&cut, &finished), SHUNT_OK, "%s", shunt_last_error());
    cr_assert_eq(steps, EPOCHS * 7);
    cr_assert_eq(runs, (EPOCHS * 7 + 2) / 3);
    expect_same("whole", "cut", "last.ckpt");
    expect_same("whole", "cut", "best.safetensors");
    expect_same_log("whole", "cut");
    cr_assert(!system("cmp whole/gradients.csv cut/gradients.csv"));
}

/* ---- One folder, one run --------------------------------------------------------------------------------------------- */

/* What is tested is the network that this trainer made, whatever stands in the folder by then. */
Test(train_resume, one_run_in_a_folder)
{
    run_parts first, second;
    const run_setup setup = {.out = "out"};
    int finished;
    shunt_score score;
    put_training_set("set", PICTURES);
    cr_assert_eq(run_begin(&setup, &first), SHUNT_OK, "%s", shunt_last_error());
    cr_assert_eq(run_begin(&setup, &second), SHUNT_E_IO);
    expect_message("out: ", "another run is writing into this folder");
    run_end(&second);
    cr_assert_eq(shunt_trainer_test(first.trainer, first.test, &score), SHUNT_E_INVALID);
    expect_message("no best network", "no epoch is over");
    cr_assert_eq(shunt_trainer_run(first.trainer, &finished), SHUNT_OK, "%s", shunt_last_error());
    run_whole(&(run_setup){.out = "other", .field = "seed", .value = "9"});
    cr_assert(!system("cp out/best.safetensors ours; cp other/best.safetensors out/best.safetensors"));
    cr_assert_eq(shunt_trainer_test(first.trainer, first.test, &score), SHUNT_OK, "%s", shunt_last_error());
    expect_same_file("ours", "out/best.safetensors");
    shunt_score alone;
    shunt_model *model;
    cr_assert(!shunt_model_create("resnet8", &(shunt_model_options){.height = 4, .width = 4}, &model));
    cr_assert_eq(shunt_model_load(model, "ours"), SHUNT_OK, "%s", shunt_last_error());
    cr_assert(!shunt_evaluate(shunt_model_graph(model), shunt_model_weights(model), first.device, first.test,
                              shunt_model_preprocess(model), 5, 1, &alone));
    cr_assert(alone.wrong == score.wrong && fabs(alone.loss - score.loss) < 1e-6);
    shunt_model_destroy(model);
    run_end(&first);
    /* A resumed run does not take the best network of another run for its own. */
    cr_assert(!system("cp other/best.safetensors out/best.safetensors"));
    cr_assert_eq(run_begin(&setup, &second), SHUNT_OK, "%s", shunt_last_error());
    cr_assert_eq(shunt_trainer_resume(second.trainer, "out/last.ckpt"), SHUNT_OK, "%s", shunt_last_error());
    cr_assert_eq(shunt_trainer_test(second.trainer, second.test, &score), SHUNT_E_INVALID);
    expect_message("out/best.safetensors", "the best of this run");
    run_end(&second);
    cr_assert(!system("cp ours out/best.safetensors"));
    cr_assert_eq(run_begin(&setup, &second), SHUNT_OK, "%s", shunt_last_error());
    cr_assert_eq(shunt_trainer_resume(second.trainer, "out/last.ckpt"), SHUNT_OK, "%s", shunt_last_error());
    cr_assert_eq(shunt_trainer_test(second.trainer, second.test, &score), SHUNT_OK, "%s", shunt_last_error());
    cr_assert(alone.wrong == score.wrong && fabs(alone.loss - score.loss) < 1e-6);
    /* The best network that was read earlier is not used either. */
    cr_assert(!system("cp other/best.safetensors out/best.safetensors"));
    cr_assert_eq(shunt_trainer_resume(second.trainer, "out/last.ckpt"), SHUNT_OK, "%s", shunt_last_error());
    cr_assert_eq(shunt_trainer_test(second.trainer, second.test, &score), SHUNT_E_INVALID);
    run_end(&second);
}

/* ---- Checkpoints ------------------------------------------------------------------------------------------------------ */

static void expect_resume_refused(const run_setup *setup, const char *path, const char *reason)
{
    run_parts parts;
    cr_assert_eq(run_begin(setup, &parts), SHUNT_OK, "%s", shunt_last_error());
    cr_assert_neq(shunt_trainer_resume(parts.trainer, path), SHUNT_OK, "%s", reason);
    expect_message(path, reason);
    run_end(&parts);
}

/* Writes COPY, the checkpoint with one text of its metadata changed. */
static void change_metadata(const char *path, const char *copy, const char *key, const char *from, const char *to)
{
    shunt_weights *file;
    char text[8192];
    cr_assert_eq(shunt_weights_open(path, &file), SHUNT_OK);
    const char *old = shunt_weights_metadata(file, key), *at = strstr(old, from);
    cr_assert(at, "no %s in %s", from, old);
    snprintf(text, sizeof text, "%.*s%s%s", (int)(at - old), old, to, at + strlen(from));
    cr_assert(!shunt_weights_set_metadata(file, key, text) && !shunt_weights_save(file, copy));
    shunt_weights_destroy(file);
}

Test(train_resume, checkpoints_of_something_else)
{
    int finished;
    run_setup setup = {.out = "out", .handler = run_stop_at_once};
    put_training_set("set", PICTURES);
    cr_assert(!run_continue(&setup, &finished) && !finished);
    expect_resume_refused(&setup, "none.ckpt", "No such file");
    expect_resume_refused(&(run_setup){.out = "o", .model = "plain8"}, "out/last.ckpt", "resnet8");
    expect_resume_refused(&(run_setup){.out = "o", .model = "resnet14"}, "out/last.ckpt", "resnet8");
    expect_resume_refused(&(run_setup){.out = "o", .field = "rate", .value = "0.05"}, "out/last.ckpt",
                          "rate '0.2', not '0.05'");
    expect_resume_refused(&(run_setup){.out = "o", .log_gradients = true}, "out/last.ckpt", "log of gradients");
    change_metadata("out/last.ckpt", "new.ckpt", "training", "\"version\":1", "\"version\":2");
    expect_resume_refused(&setup, "new.ckpt", "version 2, this Shunt reads 1");
    change_metadata("out/last.ckpt", "far.ckpt", "training", "\"step\":1", "\"step\":1000");
    expect_resume_refused(&setup, "far.ckpt", "position");
    change_metadata("out/last.ckpt", "count.ckpt", "training", "\"wrong\":", "\"wrong\":-");
    expect_resume_refused(&setup, "count.ckpt", "position");
    change_metadata("out/last.ckpt", "json.ckpt", "history", "[", "{");
    expect_resume_refused(&setup, "json.ckpt", "history is not JSON");
    put_records("set/data_batch_1.bin", 1000, PICTURES);
    expect_resume_refused(&setup, "out/last.ckpt", "training pictures differ");
    put_records("set/data_batch_1.bin", 0, PICTURES + 1);
    expect_resume_refused(&setup, "out/last.ckpt", "has 70 training pictures, this one 71");
}

/* Before recipes had a precision, the position of a checkpoint said it, or nothing did. */
Test(train_resume, checkpoints_of_before_recipes_had_a_precision)
{
    int finished;
    run_parts parts;
    run_setup wide = {.out = "wide", .handler = run_stop_at_once},
              narrow = {.out = "narrow", .precision = "bf16", .handler = run_stop_at_once};
    put_training_set("set", PICTURES);
    cr_assert(!run_continue(&wide, &finished) && !run_continue(&narrow, &finished));
    change_metadata("wide/last.ckpt", "wide/old.ckpt", "recipe", ",\"precision\":\"f32\"", "");
    change_metadata("narrow/last.ckpt", "narrow/old.ckpt", "recipe", ",\"precision\":\"bf16\"", "");
    change_metadata("narrow/old.ckpt", "narrow/old.ckpt", "training", "{", "{\"precision\":\"bf16\",");
    expect_resume_refused(&narrow, "wide/old.ckpt", "precision 'f32', not 'bf16'");
    expect_resume_refused(&wide, "narrow/old.ckpt", "precision 'bf16', not 'f32'");
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(run_begin(i ? &narrow : &wide, &parts), SHUNT_OK);
        cr_assert_eq(shunt_trainer_resume(parts.trainer, i ? "narrow/old.ckpt" : "wide/old.ckpt"), SHUNT_OK, "%s",
                     shunt_last_error());
        run_end(&parts);
    }
}

/* A norm that overflowed is null in a checkpoint, and the epoch's mean is not a number; the run continues. */
Test(train_resume, a_gradient_without_bound)
{
    int finished;
    shunt_weights *file;
    run_setup setup = {.out = "out", .log_gradients = true, .handler = run_stop_at_once};
    put_training_set("set", PICTURES);
    cr_assert(!run_continue(&setup, &finished) && !finished);
    cr_assert_eq(shunt_weights_open("out/last.ckpt", &file), SHUNT_OK);
    json_t *log = json_loads(shunt_weights_metadata(file, "gradients"), 0, NULL);
    cr_assert(!json_array_set_new(json_object_get(log, "sums"), 0, json_null()));
    char *text = json_dumps(log, JSON_COMPACT);
    cr_assert(!shunt_weights_set_metadata(file, "gradients", text) && !shunt_weights_save(file, "out/last.ckpt"));
    shunt_weights_destroy(file);
    free(text);
    json_decref(log);
    setup.handler = NULL;
    run_whole(&setup);
    cr_assert(!system("test $(grep -c ',nan$' out/gradients.csv) = 1 && grep -q '^1,.*,nan$' out/gradients.csv"));
}
