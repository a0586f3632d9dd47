/* heads.c - probabilities of one score, of two and of several: as ONNX Runtime's Sigmoid and Softmax make them of the same
 * networks (golden/onnx_pictures.py). */
#include "tests/support/onnx_file.h"

#include <criterion/criterion.h>
#include <math.h>
#include <shunt/shunt.h>
#include <string.h>

#define FOLDER TEST_GOLDEN "/pictures/"
enum { MOST = 5 };

TestSuite(heads, .init = enter_folder, .fini = leave_folder);

static shunt_model *open_model(const char *name)
{
    char path[512];
    shunt_model *model = NULL;
    snprintf(path, sizeof path, FOLDER "%s.onnx", name);
    cr_assert_eq(shunt_model_open(path, NULL, &model), SHUNT_OK, "%s", shunt_last_error());
    return model;
}

static shunt_head head_of(const char *name)
{
    int head = 0;
    while (strcmp(shunt_head_name((shunt_head)head), name)) head++;
    return (shunt_head)head;
}

Test(heads, probabilities)
{
    FILE *table = fopen(FOLDER "heads.txt", "r");
    char name[64], asked[16], head[16];
    int count, rows = 0;
    shunt_device *device;
    cr_assert(table);
    cr_assert_eq(shunt_device_open("scalar", NULL, &device), SHUNT_OK);
    for (; fscanf(table, "%63s %15s %15s %d", name, asked, head, &count) == 4; rows++) {
        double expected[MOST];
        shunt_guess guesses[MOST];
        size_t found;
        for (int i = 0; i < count; i++) cr_assert_eq(fscanf(table, "%lf", &expected[i]), 1);
        shunt_model *model = open_model(name);
        cr_assert_eq(shunt_model_set_head(model, head_of(asked)), SHUNT_OK, "%s", shunt_last_error());
        cr_expect_str_eq(shunt_head_name(shunt_model_head(model)), head, "%s", name);
        cr_assert_eq(shunt_model_outcomes(model), count, "%s", name);
        cr_assert_eq(shunt_classify(model, device, FOLDER "picture.png", MOST, guesses, &found), SHUNT_OK, "%s",
                     shunt_last_error());
        cr_assert_eq(found, count);
        for (int i = 0; i < count; i++) {
            cr_expect_float_eq((double)guesses[i].probability, expected[guesses[i].index], 1e-6, "%s: class %d: %g",
                               name, (int)guesses[i].index, (double)guesses[i].probability);
            cr_expect(!i || guesses[i].probability <= guesses[i - 1].probability);
        }
        shunt_model_destroy(model);
    }
    fclose(table);
    cr_assert_eq(rows, 6);
    shunt_device_close(device);
}

/* One score has two names; heads that do not fit are refused; names go where they no longer fit. */
Test(heads, fit_the_scores)
{
    shunt_model *one = open_model("one_score"), *five = open_model("five_scores");
    put_bytes("two.txt", "cat\ndog\n", 8);
    put_bytes("one.txt", "cat\n", 4);
    cr_expect_eq(shunt_model_load_labels(one, "one.txt"), SHUNT_E_INVALID);
    cr_expect(strstr(shunt_last_error(), "1 labels for 2 classes"), "%s", shunt_last_error());
    cr_assert_eq(shunt_model_load_labels(one, "two.txt"), SHUNT_OK, "%s", shunt_last_error());
    cr_expect_str_eq(shunt_model_label(one, 1), "dog");
    cr_expect_eq(shunt_model_classes(one), 1);
    cr_expect_eq(shunt_model_set_head(one, SHUNT_HEAD_SOFTMAX), SHUNT_E_INVALID);
    cr_expect(strstr(shunt_last_error(), "always 1"), "%s", shunt_last_error());
    cr_expect_str_eq(shunt_model_label(one, 1), "dog");
    cr_expect_eq(shunt_model_set_head(one, SHUNT_HEAD_MULTI_LABEL), SHUNT_OK);
    cr_expect_null(shunt_model_label(one, 0));
    cr_expect_eq(shunt_model_outcomes(one), 1);
    cr_expect_eq(shunt_model_set_head(one, SHUNT_HEAD_AUTO), SHUNT_OK);
    cr_expect_eq(shunt_model_head(one), SHUNT_HEAD_SIGMOID);
    cr_expect_eq(shunt_model_set_head(five, SHUNT_HEAD_SIGMOID), SHUNT_E_INVALID);
    cr_expect(strstr(shunt_last_error(), "gives 5 scores"), "%s", shunt_last_error());
    cr_expect_eq(shunt_model_set_head(five, (shunt_head)9), SHUNT_E_INVALID);
    cr_expect_eq(shunt_model_head(five), SHUNT_HEAD_SOFTMAX);
    shunt_model_destroy(one);
    shunt_model_destroy(five);
}

/* The labels of a network of one score travel with it, too. */
Test(heads, of_shunts_own_networks)
{
    shunt_model *model, *again;
    shunt_model_options options = {.classes = 1};
    put_bytes("two.txt", "no\nyes\n", 7);
    cr_assert_eq(shunt_model_create("resnet8", &options, &model), SHUNT_OK);
    cr_assert_eq(shunt_model_create("resnet8", &options, &again), SHUNT_OK);
    cr_expect_eq(shunt_model_head(model), SHUNT_HEAD_SIGMOID);
    cr_assert_eq(shunt_model_randomize(model, 1), SHUNT_OK);
    cr_assert_eq(shunt_model_load_labels(model, "two.txt"), SHUNT_OK, "%s", shunt_last_error());
    cr_assert_eq(shunt_model_save(model, "one.safetensors"), SHUNT_OK, "%s", shunt_last_error());
    cr_assert_eq(shunt_model_load(again, "one.safetensors"), SHUNT_OK, "%s", shunt_last_error());
    cr_expect_str_eq(shunt_model_label(again, 1), "yes");
    shunt_model_destroy(model);
    shunt_model_destroy(again);
}

/* Three scores "f" of a picture, and these nodes from there to y: the model's head. */
static shunt_head head_of_nodes(const char *const (*nodes)[3], size_t count)
{
    text graph = {0};
    put_input(&graph, "x", (int64_t[]){1, 3, 4, 4}, 4);
    put_output(&graph, "y");
    put_node(&graph, "GlobalAveragePool", "x", "p", NULL);
    put_node(&graph, "Flatten", "p", "f", NULL);
    for (size_t i = 0; i < count; i++) put_node(&graph, nodes[i][0], nodes[i][1], nodes[i][2], NULL);
    text model = model_of(&graph, 17);
    put_bytes("inside.onnx", model.data, model.size);
    free(model.data);
    shunt_model *opened;
    cr_assert_eq(shunt_model_open("inside.onnx", NULL, &opened), SHUNT_OK, "%s", shunt_last_error());
    const shunt_head head = shunt_model_head(opened);
    shunt_model_destroy(opened);
    return head;
}

Test(heads, only_a_sigmoid_at_the_end_is_one)
{
    const shunt_head at_end = head_of_nodes((const char *const[][3]){{"Relu", "f", "s"}, {"Sigmoid", "s", "y"}}, 2);
    const shunt_head inside = head_of_nodes((const char *const[][3]){{"Sigmoid", "f", "s"}, {"Relu", "s", "y"}}, 2);
    cr_expect_eq(at_end, SHUNT_HEAD_MULTI_LABEL);
    cr_expect_eq(inside, SHUNT_HEAD_SOFTMAX);
}
