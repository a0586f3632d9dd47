/* dropping.c - networks without some of their blocks: their names, and what cannot be left out. */
#include "tests/support/model_setup.h"

#include <shunt/look.h>

TestSuite(dropping, .init = enter_folder, .fini = leave_folder);

static size_t count_blocks(const shunt_model *model)
{
    shunt_block block;
    size_t count = 0;
    while (shunt_model_block(model, count, &block)) count++;
    return count;
}

Test(dropping, names)
{
    static const struct {
        const char *asked, *name;
        size_t blocks;
    } cases[] = {{"resnet56-5-3-8", "resnet56-5-3-8", 16},
                 {"resnet56-9-9-9", "resnet56", 27},
                 {"cifar-resnet20-0-1-1", "resnet20-0-1-1", 2},
                 {"resnet50-2-4-1-3", "resnet50-2-4-1-3", 10},
                 {"cifar-resnet50-8-1-7", "cifar-resnet50-8-1-7", 16},
                 {"cifar-resnet18-0-1-1-2", "cifar-resnet18-0-1-1-2", 4},
                 {"resnext50_32x4d-1-1-1-1", "resnext50_32x4d-1-1-1-1", 4}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        shunt_model *model = make_model(cases[i].asked, NULL);
        cr_expect_str_eq(shunt_model_name(model), cases[i].name);
        cr_expect_eq(count_blocks(model), cases[i].blocks, "%s", cases[i].asked);
        shunt_model_destroy(model);
    }
}

Test(dropping, names_that_mean_no_network)
{
    static const struct {
        const char *name, *reason;
    } cases[] = {
        {"resnet20-3-3-4", "the stages of resnet20 have these numbers of blocks: 0 to 3, 1 to 3, 1 to 3"},
        {"resnet20-3-0-3", "1 to 3"},
        {"resnet50-0-1-1-1", "1 to 3, 1 to 4, 1 to 6, 1 to 3"},
        {"resnet20-1-1", "0 to 3"},
        {"resnet20-1-1-1-1", "0 to 3"},
        {"plain20-1-1-1", "plain20 has no blocks that could be left out"},
        {"cnn-1-1", "cnn has no blocks"},
        {"resnet21-1-1-1", "no model 'resnet21'"},
        {"resnet20-2", "no model 'resnet20-2'"},
        {"-1-1-1", "no model"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        shunt_model *model;
        cr_expect(shunt_model_create(cases[i].name, NULL, &model), "%s", cases[i].name);
        expect_message("", cases[i].reason);
    }
}

Test(dropping, files_are_not_the_whole_network)
{
    shunt_model *small = make_random_model("resnet20-1-2-3", NULL), *whole = make_model("resnet20", NULL);
    cr_assert_eq(shunt_model_save(small, "small.safetensors"), SHUNT_OK, "%s", shunt_last_error());
    cr_expect_eq(shunt_model_load(whole, "small.safetensors"), SHUNT_E_INVALID);
    expect_message("small.safetensors: ", "the file is of a resnet20-1-2-3, not of a resnet20");
    shunt_model_destroy(small);
    shunt_model_destroy(whole);
    /* without the metadata, too */
    EXPECT_REFUSED(take_weights("resnet20-1-2-3"), "resnet20", "layer1.1.conv1.weight is missing",
                   "it fits: pass --model resnet20-1-2-3");
}

Test(dropping, networks_without_blocks_to_skip)
{
    static const struct {
        const char *name, *reason;
        shunt_model_options options;
    } cases[] = {{"plain20", "plain20 has no block whose shortcut is the identity", {0}},
                 {"cnn", "cnn has no block", {0}},
                 {"resnet20", "resnet20 has no block", {.shortcut = 'C'}}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        shunt_model *model = make_random_model(cases[i].name, &cases[i].options);
        shunt_weights *weights;
        size_t dropped;
        cr_expect_eq(shunt_model_drop_zero_blocks(model, &weights, &dropped), SHUNT_E_UNSUPPORTED);
        expect_message("", cases[i].reason);
        shunt_model_destroy(model);
    }
}

/* Labels and preprocessing go along. */
Test(dropping, what_the_file_says_of_itself)
{
    shunt_model *model = make_random_model("resnet20", NULL), *left;
    static const float zeros[16];
    const shunt_tensor_desc desc = shunt_tensor_make(SHUNT_F32, 1, (const int64_t[]){16});
    const char *const labels[] = {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"};
    shunt_preprocess p = {.resize = 40, .crop = 33, .mean = {0.5f, 0.25f, 1}, .std = {1, 2, 3}};
    shunt_weights *weights;
    size_t dropped;
    cr_assert(!shunt_model_set_labels(model, labels));
    shunt_model_set_preprocess(model, &p);
    cr_assert(!shunt_weights_set(model->weights, "layer1.0.bn2.weight", &desc, zeros));
    cr_assert(!shunt_model_drop_zero_blocks(model, &weights, &dropped));
    cr_assert_eq(dropped, 0, "its shift is not 0");
    shunt_weights_destroy(weights);
    cr_assert(!shunt_weights_set(model->weights, "layer1.0.bn2.bias", &desc, zeros));
    cr_assert(!shunt_model_drop_zero_blocks(model, &weights, &dropped));
    cr_assert_eq(dropped, 1);
    cr_assert_eq(shunt_weights_save(weights, "small.safetensors"), SHUNT_OK, "%s", shunt_last_error());
    cr_assert_eq(shunt_model_open("small.safetensors", NULL, &left), SHUNT_OK, "%s", shunt_last_error());
    cr_expect_str_eq(shunt_model_name(left), "resnet20-2-3-3");
    cr_expect_str_eq(shunt_model_label(left, 9), "j");
    cr_expect_eq(shunt_model_preprocess(left)->crop, 33);
    /* The second block has become the first. */
    const shunt_tensor_view *old = shunt_weights_find(model->weights, "layer1.1.conv1.weight"),
                            *now = shunt_weights_find(left->weights, "layer1.0.conv1.weight");
    cr_expect(old && now && !memcmp(old->data, now->data, shunt_tensor_bytes(&old->desc)));
    shunt_weights_destroy(weights);
    shunt_model_destroy(model);
    shunt_model_destroy(left);
}
