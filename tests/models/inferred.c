/* inferred.c - which network a file is of that does not say it: files of many networks, without metadata, and of none. */
#include "tests/support/model_setup.h"

TestSuite(inferred, .init = enter_folder, .fini = leave_folder);

/* The tensors of a network alone, as other trainers save them. */
static void save_tensors(const char *name, const shunt_model_options *options, const char *path)
{
    shunt_model *model = make_random_model(name, options);
    shunt_weights *bare;
    cr_assert_eq(shunt_weights_create(&bare), SHUNT_OK);
    for (size_t i = 0; i < shunt_weights_count(model->weights); i++) {
        const shunt_tensor_view *view = shunt_weights_at(model->weights, i);
        cr_assert_eq(shunt_weights_set(bare, view->name, &view->desc, view->data), SHUNT_OK);
    }
    cr_assert_eq(shunt_weights_save(bare, path), SHUNT_OK, "%s", shunt_last_error());
    shunt_weights_destroy(bare);
    shunt_model_destroy(model);
}

Test(inferred, networks_are_told_by_their_tensors)
{
    static const struct {
        const char *name, *found; /* the network, and what its file is taken for; NULL: the same */
        const char *others;       /* of the same tensors, named too */
        shunt_model_options options;
    } cases[] = {
        {"resnet18", NULL, "resnetblur18", {.classes = 7}},
        {"resnet50", NULL, "v1 have", {.classes = 5}},
        {"resnet18d", NULL, NULL, {.classes = 5}},
        {"seresnet18", NULL, NULL, {.classes = 5}},
        {"resnet20", NULL, "plain20", {0}},
        {"resnet32", NULL, NULL, {.classes = 4, .shortcut = 'B'}},
        {"resnet20", NULL, NULL, {.shortcut = 'C'}},
        {"plain20", "resnet20", "plain20", {0}},
        {"cifar-resnet18", NULL, "cifar-pooled18", {.classes = 100}},
        {"mini-resnet", NULL, NULL, {0}},
        {"cnn", NULL, NULL, {0}},
        {"fcn_resnet50", NULL, NULL, {.classes = 2}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *found = cases[i].found ? cases[i].found : cases[i].name;
        shunt_model *model = NULL, *whole = make_model(cases[i].name, &cases[i].options);
        save_tensors(cases[i].name, &cases[i].options, "bare.safetensors");
        cr_assert_eq(shunt_model_open("bare.safetensors", NULL, &model), SHUNT_OK, "%s: %s", cases[i].name,
                     shunt_last_error());
        const char *said = shunt_model_assumption(model);
        cr_expect_str_eq(shunt_model_name(model), found);
        cr_expect_eq(shunt_model_classes(model), shunt_model_classes(whole), "%s: %lld classes", found,
                     (long long)shunt_model_classes(model));
        if (!cases[i].found)
            cr_expect_eq(model->net.shortcut, whole->net.shortcut, "%s: %c", found, model->net.shortcut);
        cr_assert(said && strstr(said, "by its tensors"), "%s: %s", found, said);
        if (cases[i].others) cr_expect(strstr(said, cases[i].others), "%s: %s", found, said);
        shunt_model_destroy(model);
        shunt_model_destroy(whole);
    }
}

/* What the user says about it counts. */
Test(inferred, options_are_kept)
{
    const shunt_model_options saved = {.classes = 6}, wrong = {.size = sizeof wrong, .classes = 7},
                              older = {.size = sizeof older, .v1 = 1};
    shunt_model *model;
    save_tensors("resnet50", &saved, "bare.safetensors");
    cr_assert_eq(shunt_model_open("bare.safetensors", &wrong, &model), SHUNT_E_INVALID);
    expect_message("bare.safetensors: ", "pass --classes 6");
    cr_assert_eq(shunt_model_open("bare.safetensors", &older, &model), SHUNT_OK, "%s", shunt_last_error());
    cr_assert(model->net.v1);
    shunt_model_destroy(model);
}

/* A file of another architecture. */
Test(inferred, a_file_of_no_network_is_sent_to_onnx)
{
    const float numbers[12] = {0};
    const shunt_tensor_desc desc = {.dtype = SHUNT_F32, .rank = 2, .block = SHUNT_PLAIN, .dims = {3, 4}};
    shunt_weights *weights;
    shunt_model *model;
    cr_assert_eq(shunt_weights_create(&weights), SHUNT_OK);
    cr_assert_eq(shunt_weights_set(weights, "blocks.0.attn.qkv.weight", &desc, numbers), SHUNT_OK);
    cr_assert_eq(shunt_weights_set(weights, "head.weight", &desc, numbers), SHUNT_OK);
    cr_assert_eq(shunt_weights_save(weights, "vit.safetensors"), SHUNT_OK);
    shunt_weights_destroy(weights);
    cr_assert_eq(shunt_model_open("vit.safetensors", NULL, &model), SHUNT_E_NOT_FOUND);
    expect_message("vit.safetensors: ", "export that to ONNX: in PyTorch, torch.onnx.export(");
    const shunt_model_options named = {.size = sizeof named, .name = "resnet18"};
    cr_assert_eq(shunt_model_open("vit.safetensors", &named, &model), SHUNT_E_INVALID);
    expect_message("vit.safetensors: ", "torch.onnx.export(");
}
