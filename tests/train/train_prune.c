/* train_prune.c - training under a penalty on blocks: one step against the formula in float64, blocks that become exactly 0, runs
 * that continue, and what is refused. */
#include "runtime/graph/graph.h"
#include "runtime/train/trainer.h"
#include "tests/support/small_run.h"

#include <math.h>

TestSuite(train_prune, .init = enter_folder, .fini = leave_folder);

static const double STRENGTH = 0.5; /* which brings all blocks to 0 within the run */

/* The blocks of resnet14 that add something to what they are given. */
static const char *const norms[] = {"layer1.0.bn2", "layer1.1.bn2", "layer2.1.bn2", "layer3.1.bn2"};
enum { NORMS = 4 };

static shunt_status begin(const char *out, double strength, const char *ramp, shunt_train_handler handler,
                          void *context, run_parts *parts)
{
    char text[32];
    snprintf(text, sizeof text, "%g", strength);
    const run_setup setup = {.out = out,
                             .model = "resnet14",
                             .field = "prune",
                             .value = text,
                             .more_field = "prune_ramp",
                             .more_value = ramp,
                             .handler = handler,
                             .context = context};
    return run_begin(&setup, parts);
}

static void run(const char *out, double strength, const char *ramp, shunt_train_handler handler, run_parts *parts)
{
    int finished;
    cr_assert_eq(begin(out, strength, ramp, handler, NULL, parts), SHUNT_OK, "%s", shunt_last_error());
    cr_assert_eq(shunt_trainer_run(parts->trainer, &finished), SHUNT_OK, "%s", shunt_last_error());
}

static const float *tensor(const run_parts *parts, const char *norm, const char *part, int64_t *count)
{
    char name[64];
    snprintf(name, sizeof name, "%s.%s", norm, part);
    const shunt_tensor_view *view = shunt_weights_find(shunt_trainer_weights(parts->trainer), name);
    cr_assert(view, "%s", name);
    *count = view->desc.dims[0];
    return view->data;
}

static void check_group(const run_parts *free_run, const run_parts *pruned, const char *norm, double threshold)
{
    int64_t C;
    const float *old[2] = {tensor(free_run, norm, "weight", &C), tensor(free_run, norm, "bias", &C)};
    const float *now[2] = {tensor(pruned, norm, "weight", &C), tensor(pruned, norm, "bias", &C)};
    double squares = 0;
    for (int k = 0; k < 2; k++)
        for (int64_t i = 0; i < C; i++) squares += (double)old[k][i] * (double)old[k][i];
    const double r = sqrt(squares / (double)(2 * C));
    cr_assert(threshold > 0 && threshold < r, "%g of %g", threshold, r);
    for (int k = 0; k < 2; k++)
        for (int64_t i = 0; i < C; i++) {
            const double wanted = (double)old[k][i] * (1 - threshold / r);
            cr_assert(fabs((double)now[k][i] - wanted) <= 1e-6 * fabs(wanted) + 1e-12, "%s: %.9g, not %.9g", norm,
                      (double)now[k][i], wanted);
        }
}

static bool is_pruned(const char *tensor_name)
{
    for (int i = 0; i < NORMS; i++)
        if (!strncmp(tensor_name, norms[i], strlen(norms[i])) && !strstr(tensor_name, "running") &&
            !strstr(tensor_name, "velocity"))
            return true;
    return false;
}

/* All else is as in a step without the penalty, bit for bit. */
Test(train_prune, a_step_is_one_without_the_penalty_and_then_the_formula)
{
    run_parts free_run, pruned;
    put_training_set("set", PICTURES);
    run("free", 0, "0,0", run_stop_at_once, &free_run);
    run("pruned", 0.5, "0,0", run_stop_at_once, &pruned);
    const shunt_recipe *recipe = &pruned.trainer->recipe;
    const double rate = shunt_recipe_rate(recipe, 0, shunt_trainer_steps(pruned.trainer), -1);
    for (int i = 0; i < NORMS; i++) check_group(&free_run, &pruned, norms[i], 0.5 * rate / (1 - recipe->momentum));
    const shunt_weights *a = shunt_trainer_weights(free_run.trainer), *b = shunt_trainer_weights(pruned.trainer);
    for (size_t i = 0; i < shunt_weights_count(a); i++) {
        const shunt_tensor_view *x = shunt_weights_at(a, i), *y = shunt_weights_find(b, x->name);
        if (!is_pruned(x->name)) cr_assert(y && !memcmp(x->data, y->data, shunt_tensor_bytes(&x->desc)), "%s", x->name);
    }
    run_end(&free_run);
    run_end(&pruned);
}

Test(train_prune, strength_grows_along_the_ramp)
{
    const shunt_recipe recipe = {.prune = 2, .prune_ramp = {0.25, 0.75}, .momentum = 0.5};
    static const double shares[][2] = {{0, 0}, {25, 0}, {50, 0.5}, {60, 0.7}, {75, 1}, {99, 1}};
    for (size_t i = 0; i < 6; i++)
        cr_expect_float_eq(shunt_recipe_threshold(&recipe, (int64_t)shares[i][0], 100, 0.1),
                           shares[i][1] * 2 * 0.1 / 0.5, 1e-12);
    cr_expect_eq(shunt_recipe_threshold(&(shunt_recipe){.momentum = 0.9}, 50, 100, 0.1), 0);
}

/* And stay there; the last network is the best. */
Test(train_prune, blocks_become_zero)
{
    run_parts parts;
    put_training_set("set", PICTURES);
    run("out", STRENGTH, "0,0.25", NULL, &parts);
    cr_assert_eq(shunt_trainer_blocks(parts.trainer), NORMS);
    const size_t last = shunt_trainer_rows(parts.trainer) - 1;
    cr_assert_eq(shunt_trainer_row(parts.trainer, last)->blocks_left, 0);
    cr_assert_eq(shunt_trainer_best(parts.trainer), (int64_t)last);
    for (int i = 0; i < NORMS; i++)
        for (int k = 0; k < 2; k++) {
            int64_t C;
            const float *data = tensor(&parts, norms[i], k ? "bias" : "weight", &C);
            for (int64_t c = 0; c < C; c++) cr_assert_eq(data[c], 0, "%s", norms[i]);
        }
    cr_assert(!system("head -1 out/log.csv | grep -q ',seconds,blocks_left$' && tail -1 out/log.csv | grep -q ',0$'"));
    run_end(&parts);
}

Test(train_prune, a_run_that_was_stopped_ends_in_the_same_bits)
{
    int steps = 0, finished = 0;
    run_parts parts;
    put_training_set("set", PICTURES);
    run("whole", 0.05, "0.1,0.9", NULL, &parts);
    run_end(&parts);
    while (!finished) {
        char path[64];
        cr_assert_eq(begin("cut", 0.05, "0.1,0.9", run_stop_often, &steps, &parts), SHUNT_OK, "%s", shunt_last_error());
        if (!access(run_checkpoint("cut", path), F_OK))
            cr_assert_eq(shunt_trainer_resume(parts.trainer, path), SHUNT_OK, "%s", shunt_last_error());
        cr_assert_eq(shunt_trainer_run(parts.trainer, &finished), SHUNT_OK, "%s", shunt_last_error());
        run_end(&parts);
    }
    expect_same_file("whole/last.ckpt", "cut/last.ckpt");
    expect_same_file("whole/best.safetensors", "cut/best.safetensors");
    cr_assert(!system("cut -d, -f1-7,9 whole/log.csv > 1; cut -d, -f1-7,9 cut/log.csv | cmp - 1"));
}

/* With 16-bit activations gradients are scaled, and the updates guarded. */
Test(train_prune, half_precision)
{
    int finished;
    run_parts parts;
    const run_setup setup = {.out = "half",
                             .model = "resnet14",
                             .field = "prune",
                             .value = "0.5",
                             .more_field = "prune_ramp",
                             .more_value = "0,0.25",
                             .precision = "f16"};
    put_training_set("set", PICTURES);
    cr_assert_eq(run_begin(&setup, &parts), SHUNT_OK, "%s", shunt_last_error());
    cr_assert_eq(shunt_trainer_run(parts.trainer, &finished), SHUNT_OK, "%s", shunt_last_error());
    cr_assert_eq(shunt_trainer_row(parts.trainer, EPOCHS - 1)->blocks_left, 0);
    run_end(&parts);
}

/* Where the device refuses SHRINK and batch norms, the other device has copies of scale and shift from before the update. */
Test(train_prune, ops_on_another_device)
{
    run_setup setup = {.out = "plain", .model = "resnet14", .field = "prune", .value = "0.05"};
    put_training_set("set", PICTURES);
    run_whole(&setup);
    shunt_set_option("plugin_path", TEST_PLUGINS "/picky");
    shunt_set_option("fallback", "quiet");
    shunt_set_option("picky_refuse", "norm,norm_train,shrink");
    setup.out = "mixed";
    setup.device = "picky";
    run_whole(&setup);
    expect_same_file("plain/last.ckpt", "mixed/last.ckpt");
}

Test(train_prune, what_is_refused)
{
    static const struct {
        run_setup setup;
        const char *reason;
    } cases[] = {
        {{.field = "prune", .value = "-1"}, "prune '-1': expected a number from 0 to 1000"},
        {{.field = "prune", .value = "1001"}, "prune '1001'"},
        {{.field = "prune", .value = "nan"}, "prune 'nan'"},
        {{.field = "prune_ramp", .value = "0,2"}, "prune_ramp '0,2'"},
        {{.field = "prune", .value = "1", .more_field = "prune_ramp", .more_value = "0.5,0.25"},
         "ends before it begins"},
        {{.field = "prune", .value = "1", .more_field = "momentum", .more_value = "1"}, "a momentum below 1"},
        {{.model = "plain8", .field = "prune", .value = "1"}, "no block whose shortcut is the identity"},
        {{.model = "resnet8", .field = "prune", .value = "1", .more_field = "freeze", .more_value = "conv1,bn1,layer1"},
         "are frozen"},
    };
    put_training_set("set", PICTURES);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        run_parts parts;
        cr_expect(run_begin(&cases[i].setup, &parts), "case %zu", i);
        cr_expect(strstr(shunt_last_error(), cases[i].reason), "%s", shunt_last_error());
        run_end(&parts);
    }
}
