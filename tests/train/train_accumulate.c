/* train_accumulate.c - steps that are made of several runs, each on a part of the batch: what they are equal to, runs that continue, and
 * what is refused. PyTorch's steps in parts are in tests/backends/training.c, and ranks in place of parts in tests/ranks/training.sh. */
#include "runtime/train/trainer.h"
#include "tests/support/small_run.h"

#include <math.h>

TestSuite(train_accumulate, .init = enter_folder, .fini = leave_folder);

Test(train_accumulate, one_part_changes_no_bit)
{
    put_training_set("set", PICTURES);
    run_whole(&(run_setup){.out = "plain"});
    run_whole(&(run_setup){.out = "one", .field = "accumulate", .value = "1"});
    run_whole(&(run_setup){.out = "none", .field = "accumulate", .value = "0"});
    expect_same_file("plain/last.ckpt", "one/last.ckpt");
    expect_same_file("plain/last.ckpt", "none/last.ckpt");
}

/* Of a network without batch norms, whose parts know nothing of each other. */
static shunt_graph *make_graph(void)
{
    shunt_graph *graph = shunt_graph_create();
    const shunt_value src = shunt_graph_input(graph, "src", 4, (int64_t[]){1, 3, 4, 4});
    const shunt_value hidden = shunt_graph_relu(graph, "relu", shunt_graph_conv(graph, "conv", src, 16, 3, 1, 1, 1));
    shunt_graph_output(graph, "logits",
                       shunt_graph_linear(graph, "fc", shunt_graph_global_pool(graph, "pool", hidden), 10));
    cr_assert_eq(shunt_graph_check(graph), SHUNT_OK, "%s", shunt_last_error());
    return graph;
}

/* Trains it for one epoch; the weights are in OUT/last.ckpt. Returns the mean loss. */
static double train_plain(const char *out, const char *parts_of_step)
{
    run_parts parts;
    int finished;
    shunt_graph *graph = make_graph();
    shunt_weights *weights;
    shunt_trainer *trainer;
    cr_assert_eq(run_begin(&(run_setup){0}, &parts), SHUNT_OK);
    cr_assert_eq(shunt_recipe_set(&parts.recipe, "accumulate", parts_of_step), SHUNT_OK);
    cr_assert_eq(shunt_graph_initialize(graph, 1, &weights), SHUNT_OK, "%s", shunt_last_error());
    parts.recipe.epochs = 1;
    const shunt_train_setup setup = {.size = sizeof setup,
                                     .graph = graph,
                                     .weights = weights,
                                     .device = parts.device,
                                     .data = parts.data,
                                     .preprocess = shunt_model_preprocess(parts.model),
                                     .recipe = &parts.recipe,
                                     .out = out};
    cr_assert_eq(shunt_trainer_create(&setup, &trainer), SHUNT_OK, "%s", shunt_last_error());
    cr_assert_eq(shunt_trainer_run(trainer, &finished), SHUNT_OK, "%s", shunt_last_error());
    const double loss = shunt_trainer_row(trainer, 0)->training_loss;
    shunt_trainer_destroy(trainer);
    shunt_weights_destroy(weights);
    shunt_graph_destroy(graph);
    run_end(&parts);
    return loss;
}

static double distance(const char *a, const char *b)
{
    shunt_weights *files[2];
    double worst = 0;
    for (int i = 0; i < 2; i++) cr_assert_eq(shunt_weights_open(i ? b : a, &files[i]), SHUNT_OK);
    cr_assert_eq(shunt_weights_count(files[0]), shunt_weights_count(files[1]));
    for (size_t t = 0; t < shunt_weights_count(files[0]); t++) {
        const shunt_tensor_view *x = shunt_weights_at(files[0], t), *y = shunt_weights_find(files[1], x->name);
        double apart = 0, norm = 0;
        cr_assert(y, "%s", x->name);
        for (uint64_t i = 0; i < shunt_tensor_count(&x->desc); i++) {
            const double one = (double)((const float *)x->data)[i], other = (double)((const float *)y->data)[i];
            apart += (one - other) * (one - other);
            norm += one * one;
        }
        worst = fmax(worst, sqrt(apart / norm));
    }
    for (int i = 0; i < 2; i++) shunt_weights_destroy(files[i]);
    return worst;
}

/* The pictures are the same, and so are the sums up to rounding, whatever the number of parts. */
Test(train_accumulate, parts_without_statistics_make_the_step_of_the_whole)
{
    put_training_set("set", PICTURES);
    const double loss = train_plain("whole", "1");
    for (int i = 0; i < 3; i++) {
        const char *parts = (const char *[]){"2", "4", "8"}[i];
        const double other = train_plain(parts, parts);
        char file[32];
        snprintf(file, sizeof file, "%s/last.ckpt", parts);
        const double apart = distance("whole/last.ckpt", file);
        cr_assert(apart > 0 && apart < 1e-5, "%s parts: %g", parts, apart);
        cr_assert(fabs(other / loss - 1) < 1e-5, "%s parts: a loss of %g, not %g", parts, other, loss);
    }
}

/* The sums are of a step, so a checkpoint has none; with a loss scale they are scaled, too. */
Test(train_accumulate, a_run_that_was_stopped_ends_in_the_same_bits)
{
    static const struct {
        const char *precision;
        double loss_scale;
    } cases[] = {{"f32", 0}, {"f32", 1024}, {"bf16", 0}, {"f16", 0}};
    put_training_set("set", PICTURES);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char whole[16], cut[16], files[2][64];
        int steps = 0, finished = 0;
        snprintf(whole, sizeof whole, "whole%zu", i);
        snprintf(cut, sizeof cut, "cut%zu", i);
        run_setup setup = {.out = whole,
                           .field = "accumulate",
                           .value = "2",
                           .precision = cases[i].precision,
                           .loss_scale = cases[i].loss_scale};
        run_whole(&setup);
        setup.out = cut;
        setup.handler = run_stop_often;
        setup.context = &steps;
        while (!finished) cr_assert_eq(run_continue(&setup, &finished), SHUNT_OK, "%s", shunt_last_error());
        run_checkpoint(whole, files[0]);
        run_checkpoint(cut, files[1]);
        expect_same_file(files[0], files[1]);
    }
    expect_same_file("whole0/last.ckpt", "whole1/last.ckpt");
    run_whole(&(run_setup){.out = "plain"});
    cr_assert_gt(distance("plain/last.ckpt", "whole0/last.ckpt"), 0); /* and the same tensors */
}

static void expect_refusal(const run_setup *setup, const char *words)
{
    run_parts parts;
    cr_assert_neq(run_begin(setup, &parts), SHUNT_OK, "%s", words);
    cr_assert(strstr(shunt_last_error(), words), "%s", shunt_last_error());
    run_end(&parts);
}

Test(train_accumulate, refusals)
{
    int finished;
    put_training_set("set", PICTURES);
    expect_refusal(&(run_setup){.field = "accumulate", .value = "3"}, "accumulate 3: a batch of 8 pictures");
    expect_refusal(&(run_setup){.field = "accumulate", .value = "65536"}, "does not divide");
    expect_refusal(&(run_setup){.field = "accumulate", .value = "-1"}, "accumulate '-1'");
    expect_refusal(&(run_setup){.field = "accumulate", .value = "2", .log_gradients = true}, "norms of gradients");
    run_whole(&(run_setup){.out = "two", .field = "accumulate", .value = "2"});
    cr_assert_neq(run_continue(&(run_setup){.out = "two", .field = "accumulate", .value = "4"}, &finished), SHUNT_OK);
    cr_assert(strstr(shunt_last_error(), "accumulate '2', not '4'"), "%s", shunt_last_error());
}

/* A NaN is found in whichever part of a batch it is. */
Test(train_accumulate, a_loss_that_is_not_finite_names_a_layer)
{
    int finished;
    put_training_set("set", PICTURES);
    const run_setup setup = {
        .out = "high", .field = "accumulate", .value = "4", .more_field = "rate", .more_value = "1e6"};
    cr_assert_neq(run_continue(&setup, &finished), SHUNT_OK);
    cr_assert(strstr(shunt_last_error(), "the last checkpoint is kept"), "%s", shunt_last_error());
}
