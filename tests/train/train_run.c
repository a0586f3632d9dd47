/* Whole training runs, of a tiny network on a made-up set: what is killed or stopped at any instant goes on to the same
 * weights, files hold what they should, and what is wrong is said before, or as it happens. */
#include <shunt/train.h>

#include "tests/support/train_data.h"
#include <jansson.h>
#include <math.h>
#include <sys/wait.h>
#include <time.h>

TestSuite(train_run, .init = enter_folder, .fini = leave_folder);

enum { PICTURES = 14, EPOCHS = 4, BATCH = 8 }; /* 5 x 14, 14 held out: 7 steps an epoch */

typedef struct run_setup {
    const char *out, *model, *field, *value; /* a field of the recipe, or NULL */
    int64_t side;                            /* of the pictures; 0: 4 */
    int64_t workers;
    bool log_gradients;
    shunt_train_handler handler;
    void *context;
} run_setup;

typedef struct run_parts {
    shunt_device *device;
    shunt_model *model;
    shunt_dataset *data, *test;
    shunt_recipe recipe;
    shunt_trainer *trainer;
} run_parts;

static shunt_status begin(const run_setup *setup, run_parts *parts)
{
    const int64_t side = setup->side ? setup->side : 4;
    const shunt_model_options small = {.height = side, .width = side};
    *parts = (run_parts){0};
    shunt_status status = shunt_device_open("scalar", "threads=1", &parts->device);
    if (!status) status = shunt_model_create(setup->model ? setup->model : "resnet8", &small, &parts->model);
    if (!status) status = shunt_model_recipe(parts->model, "fast", &parts->recipe);
    if (!status) status = shunt_dataset_open("cifar10:set", "train", &parts->data);
    if (!status) status = shunt_dataset_open("cifar10:set", "test", &parts->test);
    parts->recipe.epochs = EPOCHS;
    parts->recipe.batch = BATCH;
    parts->recipe.holdout = PICTURES;
    parts->recipe.pad = 1;
    if (!status && setup->field) status = shunt_recipe_set(&parts->recipe, setup->field, setup->value);
    if (!status) status = shunt_model_initialize(parts->model, 1);
    if (!status) status = shunt_model_describe(parts->model);
    if (status) return status;
    shunt_train_setup train = {.graph = shunt_model_graph(parts->model),
                               .weights = shunt_model_weights(parts->model),
                               .device = parts->device,
                               .data = parts->data,
                               .data_name = "cifar10:set",
                               .preprocess = shunt_model_preprocess(parts->model),
                               .recipe = &parts->recipe,
                               .out = setup->out,
                               .workers = setup->workers,
                               .log_gradients = setup->log_gradients,
                               .handler = setup->handler,
                               .context = setup->context};
    return shunt_trainer_create(&train, &parts->trainer);
}

static void end(run_parts *parts)
{
    shunt_trainer_destroy(parts->trainer);
    shunt_dataset_close(parts->data);
    shunt_dataset_close(parts->test);
    shunt_model_destroy(parts->model);
    shunt_device_close(parts->device);
}

/* OUT/last.ckpt */
static const char *checkpoint(const char *out, char path[64])
{
    snprintf(path, 64, "%s/last.ckpt", out);
    return path;
}

/* Trains from OUT's checkpoint, if there is one. */
static shunt_status go_on(const run_setup *setup, int *finished)
{
    run_parts parts;
    char path[64];
    *finished = 0;
    shunt_status status = begin(setup, &parts);
    if (!status && !access(checkpoint(setup->out, path), F_OK)) status = shunt_trainer_resume(parts.trainer, path);
    if (!status) status = shunt_trainer_run(parts.trainer, finished);
    end(&parts);
    return status;
}

static void run_whole(const run_setup *setup)
{
    int finished;
    cr_assert_eq(go_on(setup, &finished), SHUNT_OK, "%s", shunt_last_error());
    cr_assert(finished);
}

/* Every tensor of file A is in B, bit for bit, and no other. */
static void expect_same_file(const char *a, const char *b)
{
    shunt_weights *files[2];
    for (int i = 0; i < 2; i++)
        cr_assert_eq(shunt_weights_open(i ? b : a, &files[i]), SHUNT_OK, "%s", shunt_last_error());
    cr_assert_eq(shunt_weights_count(files[0]), shunt_weights_count(files[1]));
    for (size_t i = 0; i < shunt_weights_count(files[0]); i++) {
        const shunt_tensor_view *ours = shunt_weights_at(files[0], i);
        const shunt_tensor_view *theirs = shunt_weights_find(files[1], ours->name);
        size_t bytes = sizeof(float);
        for (uint32_t k = 0; k < ours->desc.rank; k++) bytes *= (size_t)ours->desc.dims[k];
        if (!theirs || memcmp(ours->data, theirs->data, bytes)) cr_assert_fail("%s: %s differs", b, ours->name);
    }
    shunt_weights_destroy(files[0]);
    shunt_weights_destroy(files[1]);
}

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

/* ---- Going on ------------------------------------------------------------------------------------------------------- */

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
        _exit(go_on(setup, &finished) || !finished);
    }
    if (isfinite(seconds)) {
        sleep_for(seconds);
        kill(child, SIGKILL);
    }
    cr_assert(waitpid(child, &state, 0) == child);
    cr_assert(WIFSIGNALED(state) || WEXITSTATUS(state) == 0, "exit status %d", WEXITSTATUS(state));
    return WIFEXITED(state);
}

/* The moments are drawn anew each time: whatever they are, the end is the same. */
Test(train_run, killed_at_ten_random_moments)
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

/* Stops at steps 0, 3, 6 ... of those that this trainer did. */
static int stop_often(void *context, const shunt_train_event *event)
{
    int *steps = context;
    return event->stage == SHUNT_TRAIN_STEP && ++*steps % 3 == 0;
}

/* In the middle of an epoch, with sums of losses and gradients half done; and with another number of threads. */
Test(train_run, stopped_and_gone_on)
{
    int steps = 0, finished = 0, runs = 0;
    run_setup whole = {.out = "whole", .workers = 1, .log_gradients = true};
    run_setup cut = {.out = "cut", .workers = 4, .log_gradients = true, .handler = stop_often, .context = &steps};
    put_training_set("set", PICTURES);
    run_whole(&whole);
    for (; !finished; runs++) cr_assert_eq(go_on(&cut, &finished), SHUNT_OK, "%s", shunt_last_error());
    cr_assert_eq(steps, EPOCHS * 7);
    cr_assert_eq(runs, (EPOCHS * 7 + 2) / 3);
    expect_same("whole", "cut", "last.ckpt");
    expect_same("whole", "cut", "best.safetensors");
    expect_same_log("whole", "cut");
    cr_assert(!system("cmp whole/gradients.csv cut/gradients.csv"));
}

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
    cr_assert_eq(begin(&(run_setup){.out = "a/b", .side = 8, .field = "epochs", .value = "8"}, &parts), SHUNT_OK, "%s",
                 shunt_last_error());
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
    end(&parts);
}

/* ---- One folder, one run --------------------------------------------------------------------------------------------- */

/* What is tested is the network that this trainer made, whatever stands in the folder by then. */
Test(train_run, one_run_in_a_folder)
{
    run_parts first, second;
    const run_setup setup = {.out = "out"};
    int finished;
    shunt_score score;
    put_training_set("set", PICTURES);
    cr_assert_eq(begin(&setup, &first), SHUNT_OK, "%s", shunt_last_error());
    cr_assert_eq(begin(&setup, &second), SHUNT_E_IO);
    expect_message("out: ", "another run is writing into this folder");
    end(&second);
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
    end(&first);
    /* Gone on with, a network of another run beside the checkpoint is not taken for the best of this one. */
    cr_assert(!system("cp other/best.safetensors out/best.safetensors"));
    cr_assert_eq(begin(&setup, &second), SHUNT_OK, "%s", shunt_last_error());
    cr_assert_eq(shunt_trainer_resume(second.trainer, "out/last.ckpt"), SHUNT_OK, "%s", shunt_last_error());
    cr_assert_eq(shunt_trainer_test(second.trainer, second.test, &score), SHUNT_E_INVALID);
    expect_message("out/best.safetensors", "the best of this run");
    end(&second);
    cr_assert(!system("cp ours out/best.safetensors"));
    cr_assert_eq(begin(&setup, &second), SHUNT_OK, "%s", shunt_last_error());
    cr_assert_eq(shunt_trainer_resume(second.trainer, "out/last.ckpt"), SHUNT_OK, "%s", shunt_last_error());
    cr_assert_eq(shunt_trainer_test(second.trainer, second.test, &score), SHUNT_OK, "%s", shunt_last_error());
    cr_assert(alone.wrong == score.wrong && fabs(alone.loss - score.loss) < 1e-6);
    /* Nor is the best that was read once before. */
    cr_assert(!system("cp other/best.safetensors out/best.safetensors"));
    cr_assert_eq(shunt_trainer_resume(second.trainer, "out/last.ckpt"), SHUNT_OK, "%s", shunt_last_error());
    cr_assert_eq(shunt_trainer_test(second.trainer, second.test, &score), SHUNT_E_INVALID);
    end(&second);
}

/* ---- What is refused -------------------------------------------------------------------------------------------------- */

static void expect_resume_refused(const run_setup *setup, const char *path, const char *reason)
{
    run_parts parts;
    cr_assert_eq(begin(setup, &parts), SHUNT_OK, "%s", shunt_last_error());
    cr_assert_neq(shunt_trainer_resume(parts.trainer, path), SHUNT_OK, "%s", reason);
    expect_message(path, reason);
    end(&parts);
}

static int stop_at_once(void *context, const shunt_train_event *event)
{
    (void)context;
    return event->stage == SHUNT_TRAIN_STEP;
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

Test(train_run, checkpoints_of_something_else)
{
    int finished;
    run_setup setup = {.out = "out", .handler = stop_at_once};
    put_training_set("set", PICTURES);
    cr_assert(!go_on(&setup, &finished) && !finished);
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

/* A norm that overflowed is null in a checkpoint, and the epoch's mean is no number; the run goes on. */
Test(train_run, a_gradient_without_bound)
{
    int finished;
    shunt_weights *file;
    run_setup setup = {.out = "out", .log_gradients = true, .handler = stop_at_once};
    put_training_set("set", PICTURES);
    cr_assert(!go_on(&setup, &finished) && !finished);
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

/* A program may fill a recipe with anything; and every field is looked at before it is used. */
Test(train_run, recipes_that_cannot_be_followed)
{
    static const struct {
        const char *field;
        size_t at;
        int64_t count;
        double real; /* where count is 0 */
    } bad[] = {
        {"batch", offsetof(shunt_recipe, batch), -1, 0},
        {"batch", offsetof(shunt_recipe, batch), 0, 0},
        {"batch", offsetof(shunt_recipe, batch), INT64_MAX, 0},
        {"epochs", offsetof(shunt_recipe, epochs), INT64_MAX, 0},
        {"epochs", offsetof(shunt_recipe, epochs), 0, 0},
        {"steps", offsetof(shunt_recipe, steps), -1, 0},
        {"steps", offsetof(shunt_recipe, steps), INT64_MAX, 0},
        {"1000000000000 steps are 142857142858 epochs", offsetof(shunt_recipe, steps), 1000000000000, 0},
        {"holdout", offsetof(shunt_recipe, holdout), -1, 0},
        {"holdout", offsetof(shunt_recipe, holdout), INT64_MIN, 0},
        {"seed", offsetof(shunt_recipe, seed), -1, 0},
        {"pad", offsetof(shunt_recipe, pad), -3, 0},
        {"pad", offsetof(shunt_recipe, pad), 1 << 30, 0},
        {"pad", offsetof(shunt_recipe, pad), INT64_MAX, 0},
        {"schedule '99'", offsetof(shunt_recipe, schedule), 99, 0},
        {"schedule '-1'", offsetof(shunt_recipe, schedule), -1, 0},
        {"augment '99'", offsetof(shunt_recipe, augment), 99, 0},
        {"flip '2'", offsetof(shunt_recipe, flip), 2, 0},
        {"nesterov '-1'", offsetof(shunt_recipe, nesterov), -1, 0},
        {"decay_all '5'", offsetof(shunt_recipe, decay_all), 5, 0},
        {"rate 'nan'", offsetof(shunt_recipe, rate), 0, NAN},
        {"rate '-1'", offsetof(shunt_recipe, rate), 0, -1},
        {"final_rate 'inf'", offsetof(shunt_recipe, final_rate), 0, INFINITY},
        {"milestones", offsetof(shunt_recipe, milestones) + sizeof(double), 0, NAN},
        {"decay ", offsetof(shunt_recipe, decay), 0, 2},
        {"warm_up '1e+300'", offsetof(shunt_recipe, warm_up), 0, 1e300},
        {"warm_up_rate", offsetof(shunt_recipe, warm_up_rate), 0, -0.5},
        {"warm_up_error", offsetof(shunt_recipe, warm_up_error), 0, NAN},
        {"momentum", offsetof(shunt_recipe, momentum), 0, INFINITY},
        {"weight_decay", offsetof(shunt_recipe, weight_decay), 0, -1},
        {"smoothing", offsetof(shunt_recipe, smoothing), 0, 1.5},
        {"norm_momentum", offsetof(shunt_recipe, norm_momentum), 0, NAN},
        {"min_area", offsetof(shunt_recipe, min_area), 0, NAN},
    };
    run_parts parts;
    put_training_set("set", PICTURES);
    cr_assert_eq(begin(&(run_setup){0}, &parts), SHUNT_OK, "%s", shunt_last_error());
    shunt_trainer_destroy(parts.trainer);
    parts.trainer = NULL;
    shunt_train_setup setup = {.size = sizeof setup,
                               .graph = shunt_model_graph(parts.model),
                               .weights = shunt_model_weights(parts.model),
                               .device = parts.device,
                               .data = parts.data,
                               .preprocess = shunt_model_preprocess(parts.model),
                               .recipe = &parts.recipe};
    const shunt_recipe good = parts.recipe;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char *field = (char *)&parts.recipe + bad[i].at;
        parts.recipe = good;
        if (bad[i].count || bad[i].real == 0)
            memcpy(field, &bad[i].count, sizeof bad[i].count);
        else
            memcpy(field, &bad[i].real, sizeof bad[i].real);
        shunt_status status = shunt_trainer_create(&setup, &parts.trainer);
        if (status != SHUNT_E_INVALID) cr_assert_fail("%s (%zu): %d", bad[i].field, i, status);
        expect_message("recipe: ", bad[i].field);
    }
    parts.recipe = good;
    memset(parts.recipe.freeze, 'a', sizeof parts.recipe.freeze); /* without an end */
    cr_assert_eq(shunt_trainer_create(&setup, &parts.trainer), SHUNT_E_INVALID);
    expect_message("recipe: freeze 'aaaa", "at most 127 printable characters");
    shunt_graph *step = NULL;
    shunt_tensor_desc pictures = {.dtype = SHUNT_F32, .rank = 4, .block = SHUNT_PLAIN, .dims = {8, 3, 4, 4}};
    cr_assert_eq(shunt_graph_training_step(setup.graph, &parts.recipe, &pictures, 0, &step), SHUNT_E_INVALID);
    memset(parts.recipe.name, 'n', sizeof parts.recipe.name);
    free(shunt_recipe_text(&parts.recipe)); /* nothing beyond the fields is read */
    cr_assert_neq(shunt_recipe_same(&parts.recipe, &good), SHUNT_OK);
    cr_assert(isfinite(shunt_recipe_rate(&(shunt_recipe){.warm_up = 1e300, .rate = 1}, 3, 10, -1)));
    setup.recipe = NULL;
    cr_assert_eq(shunt_trainer_create(&setup, &parts.trainer), SHUNT_E_INVALID);
    setup.recipe = &good;
    setup.save_seconds = -1;
    cr_assert_eq(shunt_trainer_create(&setup, &parts.trainer), SHUNT_E_INVALID);
    end(&parts);
}

/* A file's recipe is read field by field. */
Test(train_run, recipes_of_files)
{
    shunt_recipe recipe, read;
    run_parts parts;
    put_training_set("set", PICTURES);
    cr_assert_eq(begin(&(run_setup){0}, &parts), SHUNT_OK, "%s", shunt_last_error());
    char *text = shunt_recipe_text(&parts.recipe);
    cr_assert(text && !shunt_recipe_read(text, &recipe));
    static const char *const changes[][2] = {{"\"batch\":\"8\"", "\"batch\":\"0\""},
                                             {"\"epochs\":\"4\"", "\"epochs\":\"9223372036854775807\""},
                                             {"\"pad\":\"1\"", "\"pad\":\"-1\""},
                                             {"\"rate\":\"0.2\"", "\"rate\":\"nan\""},
                                             {"\"warm_up\":\"0.2\"", "\"warm_up\":\"1e300\""},
                                             {"\"augment\":\"crop\"", "\"augment\":\"99\""},
                                             {"\"freeze\":\"\"", "\"freeze\":\"\\u0007\""}};
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        char changed[2048];
        const char *at = strstr(text, changes[i][0]);
        cr_assert(at, "%s in %s", changes[i][0], text);
        snprintf(changed, sizeof changed, "%.*s%s%s", (int)(at - text), text, changes[i][1],
                 at + strlen(changes[i][0]));
        cr_assert_eq(shunt_recipe_read(changed, &read), SHUNT_E_INVALID, "%s", changes[i][1]);
    }
    free(text);
    end(&parts);
}

static void expect_refused(const run_setup *setup, const char *subject, const char *reason)
{
    int finished;
    cr_assert_neq(go_on(setup, &finished), SHUNT_OK, "%s", reason);
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

/* A full disk shows before the first step; one that fills up later leaves the checkpoint before, and training goes on. */
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
    cr_assert_neq(go_on(&setup, &finished), SHUNT_OK);
    expect_message("out/last.ckpt", "cannot write");
    cr_assert_eq(full.failures, 1);
    cr_assert_eq(begin(&setup, &parts), SHUNT_OK);
    cr_assert_eq(shunt_trainer_resume(parts.trainer, checkpoint("out", path)), SHUNT_OK, "%s", shunt_last_error());
    cr_assert_eq(shunt_trainer_step(parts.trainer), 0);
    end(&parts);
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
    cr_assert_eq(begin(&setup, &parts), SHUNT_OK, "%s", shunt_last_error());
    cr_assert_eq(shunt_trainer_run(parts.trainer, &finished), SHUNT_E_INVALID);
    expect_message("step ", "checkpoint is kept");
    cr_assert(strstr(shunt_last_error(), "not finite") || strstr(shunt_last_error(), "infinite or NaN"), "%s",
              shunt_last_error());
    end(&parts);
    cr_assert_eq(begin(&setup, &parts), SHUNT_OK);
    cr_assert_eq(shunt_trainer_resume(parts.trainer, checkpoint("out", path)), SHUNT_OK, "%s", shunt_last_error());
    end(&parts);
}

/* A layer whose weights are finite but give infinities: that layer is named. */
Test(train_run, the_layer_is_named)
{
    run_parts parts;
    put_training_set("set", PICTURES);
    cr_assert_eq(begin(&(run_setup){.out = NULL}, &parts), SHUNT_OK);
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
    end(&parts);
}

/* ---- Fine-tuning -------------------------------------------------------------------------------------------------------- */

static const float *tensor(const shunt_weights *weights, const char *name)
{
    const shunt_tensor_view *view = shunt_weights_find(weights, name);
    cr_assert(view, "no %s", name);
    return view->data;
}

/* Other classes: a fresh classifier upon the same layers; the same classes: all of it. What is frozen stays. */
Test(train_run, fine_tuning)
{
    shunt_model *old, *new, *same;
    const shunt_model_options seven = {.classes = 7};
    cr_assert(!shunt_model_create("resnet8", NULL, &old) && !shunt_model_randomize(old, 3) &&
              !shunt_model_save(old, "old.safetensors"));
    cr_assert(!shunt_model_create("resnet8", &seven, &new) && !shunt_model_create("resnet8", NULL, &same));
    cr_assert_eq(shunt_model_adopt(new, "old.safetensors", 5), SHUNT_OK, "%s", shunt_last_error());
    cr_assert_eq(shunt_model_adopt(same, "old.safetensors", 5), SHUNT_OK);
    const shunt_weights *a = shunt_model_weights(old), *b = shunt_model_weights(new), *c = shunt_model_weights(same);
    cr_assert_eq(memcmp(tensor(a, "layer3.0.conv2.weight"), tensor(b, "layer3.0.conv2.weight"), 64 * 64 * 9 * 4), 0);
    cr_assert_neq(memcmp(tensor(a, "fc.weight"), tensor(b, "fc.weight"), 7 * 64 * 4), 0);
    cr_assert_eq(memcmp(tensor(a, "fc.weight"), tensor(c, "fc.weight"), 10 * 64 * 4), 0);
    const char *const labels[] = {"a", "b", "c", "d", "e", "f", "g"};
    cr_assert_eq(shunt_model_set_labels(new, labels), SHUNT_OK);
    cr_assert_str_eq(shunt_model_label(new, 6), "g");
    cr_assert_eq(shunt_model_set_labels(new, (const char *const[]){"a", "b", "c", "d", "e", "f", "\x01"}),
                 SHUNT_E_INVALID);
    cr_assert_str_eq(shunt_model_label(new, 6), "g");
    shunt_model *other;
    cr_assert(!shunt_model_create("plain8", NULL, &other));
    cr_assert_neq(shunt_model_adopt(other, "old.safetensors", 5), SHUNT_OK);
    expect_message("old.safetensors", "resnet8");
    shunt_model_destroy(other);
    shunt_model_destroy(old);
    shunt_model_destroy(new);
    shunt_model_destroy(same);
}

/* Rows of the classifier go with the names of their classes. */
Test(train_run, fine_tuning_classifier_by_name)
{
    const shunt_model_options three = {.classes = 3}, two = {.classes = 2};
    shunt_model *old, *some, *others;
    cr_assert(!shunt_model_create("resnet8", &three, &old) && !shunt_model_randomize(old, 3) &&
              !shunt_model_set_labels(old, (const char *const[]){"n01 cat, kitten", "n02 dog", "n03 owl"}) &&
              !shunt_model_save(old, "old.safetensors"));
    cr_assert(!shunt_model_create("resnet8", &two, &some) &&
              !shunt_model_set_labels(some, (const char *const[]){"n03", "kitten"}));
    cr_assert(!shunt_model_create("resnet8", &three, &others) &&
              !shunt_model_set_labels(others, (const char *const[]){"n03", "n02", "newt"}));
    cr_assert_eq(shunt_model_adopt(some, "old.safetensors", 5), SHUNT_OK, "%s", shunt_last_error());
    cr_assert_eq(shunt_model_adopt(others, "old.safetensors", 5), SHUNT_OK, "%s", shunt_last_error());
    const float *a = tensor(shunt_model_weights(old), "fc.weight"), *b = tensor(shunt_model_weights(some), "fc.weight");
    cr_assert(!memcmp(b, a + 2 * 64, 64 * 4) && !memcmp(b + 64, a, 64 * 4));
    const float *c = tensor(shunt_model_weights(old), "fc.bias"), *d = tensor(shunt_model_weights(some), "fc.bias");
    cr_assert(d[0] == c[2] && d[1] == c[0]);
    cr_assert(memcmp(tensor(shunt_model_weights(others), "fc.weight"), a + 2 * 64, 64 * 4)); /* all of it anew */
    shunt_model_destroy(old);
    shunt_model_destroy(some);
    shunt_model_destroy(others);
}

Test(train_run, frozen_layers_stay)
{
    run_parts parts;
    int finished;
    put_training_set("set", PICTURES);
    cr_assert_eq(begin(&(run_setup){.field = "freeze", .value = "conv1,bn1,layer1,layer2"}, &parts), SHUNT_OK, "%s",
                 shunt_last_error());
    cr_assert_eq(shunt_trainer_run(parts.trainer, &finished), SHUNT_OK, "%s", shunt_last_error());
    const shunt_weights *before = shunt_model_weights(parts.model), *after = shunt_trainer_weights(parts.trainer);
    cr_assert_eq(memcmp(tensor(before, "conv1.weight"), tensor(after, "conv1.weight"), 16 * 27 * 4), 0);
    cr_assert_eq(memcmp(tensor(before, "bn1.running_mean"), tensor(after, "bn1.running_mean"), 16 * 4), 0);
    cr_assert_eq(memcmp(tensor(before, "layer2.0.bn2.weight"), tensor(after, "layer2.0.bn2.weight"), 32 * 4), 0);
    cr_assert_neq(memcmp(tensor(before, "layer3.0.bn2.weight"), tensor(after, "layer3.0.bn2.weight"), 64 * 4), 0);
    cr_assert_neq(
        memcmp(tensor(before, "layer3.0.bn1.running_mean"), tensor(after, "layer3.0.bn1.running_mean"), 64 * 4), 0);
    end(&parts);
}
