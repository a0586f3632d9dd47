/* ghost_files.c - networks that choose their blocks: their names, their files, and what is refused. */
#include "models/ghost.h"
#include "tests/support/model_setup.h"

#include <math.h>

TestSuite(ghost_files, .init = enter_folder, .fini = leave_folder);

Test(ghost_files, names)
{
    static const struct {
        const char *asked, *name;
        int blocks;
    } cases[] = {{"ghost-resnet38", "ghost-resnet38", 16},
                 {"ghost-resnet56-5-3-8", "ghost-resnet56-5-3-8", 14},
                 {"ghost-cifar-resnet50", "ghost-cifar-resnet50", 22},
                 {"ghost-resnet50", "ghost-resnet50", 12},
                 {"ghost-seresnet18", "ghost-seresnet18", 5},
                 {"ghost-wide_resnet50_2", "ghost-wide_resnet50_2", 12}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        shunt_model *model = make_model(cases[i].asked, NULL);
        shunt_ghost ghost;
        cr_expect_str_eq(shunt_model_name(model), cases[i].name);
        cr_assert_eq(shunt_model_ghost(model, &ghost), SHUNT_OK, "%s", shunt_last_error());
        cr_expect_eq((int)ghost.blocks, cases[i].blocks, "%s: %zu", cases[i].asked, ghost.blocks);
        cr_expect_eq(ghost.threshold, 0.5);
        shunt_model_destroy(model);
    }
}

Test(ghost_files, networks_without_blocks_to_skip)
{
    static const struct {
        const char *name, *reason;
        shunt_model_options options;
    } cases[] = {{"ghost-plain20", "plain20 has no block whose shortcut is the identity", {0}},
                 {"ghost-resnet20", "resnet20 has no block whose shortcut is the identity", {.shortcut = 'C'}},
                 {"ghost-cnn", "cnn: only residual networks that classify", {0}},
                 {"ghost-fcn_resnet50", "fcn_resnet50: only residual networks that classify", {0}},
                 {"ghost-ghost-resnet20", "no model 'ghost-resnet20'", {0}},
                 {"ghost-", "no model ''", {0}}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        shunt_model *model;
        cr_expect(shunt_model_create(cases[i].name, &cases[i].options, &model), "%s", cases[i].name);
        expect_message("", cases[i].reason);
    }
}

/* 3x3 convolutions of 16, 32 and 64 channels: each block of a CIFAR net has 2 * 16 * 16 * 9 * 32 * 32 multiply-adds. */
Test(ghost_files, multiply_adds)
{
    const double block = 2.0 * 16 * 16 * 9 * 32 * 32;
    const double policy = 9.0 * (3 * 16 * 16 * 16 + 16 * 32 * 8 * 8 + 32 * 64 * 4 * 4) + 64 * 7;
    const double least = 3.0 * 16 * 9 * 32 * 32 + 2 * 0.75 * block + 64 * 10;
    shunt_model *model = make_model("ghost-resnet20", NULL);
    shunt_ghost ghost;
    cr_assert_eq(shunt_model_ghost(model, &ghost), SHUNT_OK, "%s", shunt_last_error());
    cr_expect_eq(ghost.policy, policy, "%.0f, not %.0f", ghost.policy, policy);
    cr_expect_eq(ghost.least, least + policy, "%.0f, not %.0f", ghost.least, least + policy);
    cr_expect_eq(ghost.most, least + policy + 7 * block, "%.0f", ghost.most);
    shunt_model_destroy(model);
}

/* Saved and opened again it is the same, bit for bit. */
Test(ghost_files, round_trip)
{
    static float images[4 * 3 * 32 * 32], logits[2][4 * 10];
    shunt_model *model = make_random_model("ghost-resnet14", NULL), *opened;
    shunt_device *device;
    for (size_t i = 0; i < sizeof images / sizeof *images; i++) images[i] = sinf((float)i * 0.37f);
    cr_assert_eq(shunt_model_save(model, "ghost.safetensors"), SHUNT_OK, "%s", shunt_last_error());
    cr_assert_eq(shunt_model_open("ghost.safetensors", NULL, &opened), SHUNT_OK, "%s", shunt_last_error());
    expect_same_weights(model, opened);
    cr_assert_str_eq(shunt_model_name(opened), "ghost-resnet14");
    cr_assert_eq(shunt_device_open("scalar", NULL, &device), SHUNT_OK);
    for (int k = 0; k < 2; k++)
        cr_assert_eq(shunt_model_run(k ? opened : model, device, 4, 32, 32, images, logits[k]), SHUNT_OK, "%s",
                     shunt_last_error());
    cr_assert(!memcmp(logits[0], logits[1], sizeof logits[0]));
    shunt_model_destroy(model);
    shunt_model_destroy(opened);
    shunt_device_close(device);
}

Test(ghost_files, files_of_other_networks)
{
    shunt_model *ghost = make_random_model("ghost-resnet20", NULL), *other = make_model("resnet20", NULL);
    cr_assert_eq(shunt_model_save(ghost, "ghost.safetensors"), SHUNT_OK, "%s", shunt_last_error());
    cr_expect_eq(shunt_model_load(other, "ghost.safetensors"), SHUNT_E_INVALID);
    expect_message("ghost.safetensors: ", "the file is of a ghost-resnet20, not of a resnet20");
    shunt_model_destroy(other);
    other = make_model("ghost-resnet20-2-3-3", NULL);
    cr_expect_eq(shunt_model_load(other, "ghost.safetensors"), SHUNT_E_INVALID);
    expect_message("ghost.safetensors: ", "not of a ghost-resnet20-2-3-3");
    shunt_model_destroy(other);
    shunt_model_destroy(ghost);
    /* Without metadata the tensors tell. */
    EXPECT_REFUSED(take_weights("resnet20"), "ghost-resnet20", "policy.fc.weight is missing");
    EXPECT_REFUSED(take_weights("ghost-resnet20"), "resnet20", "policy.bn1.weight is not the model's");
    EXPECT_REFUSED(take_weights("ghost-resnet20-2-3-3"), "ghost-resnet20", "policy.fc.weight is 6x64, not 7x64");
}

Test(ghost_files, thresholds)
{
    static const double wrong[] = {-0.01, 1.01, NAN, INFINITY};
    shunt_model *ghost = make_model("ghost-resnet20", NULL), *plain = make_model("resnet20", NULL);
    shunt_ghost unused;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        cr_expect_eq(shunt_model_set_ghost(ghost, wrong[i]), SHUNT_E_INVALID);
        expect_message("", "a threshold of ");
    }
    cr_expect_eq(shunt_model_set_ghost(NULL, 0.5), SHUNT_E_INVALID);
    cr_expect_eq(shunt_model_ghost(ghost, NULL), SHUNT_E_INVALID);
    cr_expect_eq(shunt_model_set_ghost(plain, 0.5), SHUNT_E_UNSUPPORTED);
    expect_message("", "resnet20 has no policy that chooses blocks");
    cr_expect_eq(shunt_model_ghost(plain, &unused), SHUNT_E_UNSUPPORTED);
    cr_expect_eq(shunt_model_set_ghost(ghost, 0.25), SHUNT_OK);
    cr_expect(!shunt_model_ghost(ghost, &unused) && unused.threshold == 0.25);
    shunt_model_destroy(ghost);
    shunt_model_destroy(plain);
}

Test(ghost_files, blocks_are_dropped_before_a_policy_is_trained)
{
    shunt_model *model = make_random_model("ghost-resnet20", NULL);
    shunt_weights *weights;
    size_t dropped;
    cr_expect_eq(shunt_model_drop_zero_blocks(model, &weights, &dropped), SHUNT_E_UNSUPPORTED);
    expect_message("", "leave blocks out first");
    shunt_model_destroy(model);
}
