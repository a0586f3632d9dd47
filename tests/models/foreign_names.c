/* foreign_names.c - weight files whose names have something before them, or a head of their own: they give the network's
 * tensors to the bit. And what is said of files that hold another network, two, or none. */
#include "runtime/graph/graph.h"
#include "runtime/weights/weights.h"
#include "tests/support/model_setup.h"

#include <shunt/train.h>

TestSuite(foreign_names, .init = enter_folder, .fini = leave_folder);

/* A model's tensors with `prefix` before each name and the classifier, "fc.weight", called head + "weight"; head NULL: none. */
static shunt_weights *renamed(const char *name, const shunt_model_options *options, const char *prefix,
                              const char *head)
{
    shunt_weights *weights;
    shunt_model *model = make_random_model(name, options);
    cr_assert_eq(shunt_weights_create(&weights), SHUNT_OK);
    for (size_t i = 0; i < shunt_weights_count(model->weights); i++) {
        const shunt_tensor_view *view = shunt_weights_at(model->weights, i);
        bool fc = !strncmp(view->name, "fc.", 3);
        char text[256];
        if (fc && !head) continue;
        snprintf(text, sizeof text, "%s%s", fc ? head : prefix, fc ? view->name + 3 : view->name);
        cr_assert_eq(shunt_weights_set(weights, text, &view->desc, view->data), SHUNT_OK);
    }
    shunt_model_destroy(model);
    return weights;
}

static void add(shunt_weights *weights, const char *name, int64_t rows, int64_t columns)
{
    shunt_tensor_desc desc = {.dtype = SHUNT_F32, .rank = 2, .block = SHUNT_PLAIN, .dims = {rows, columns}};
    float *zeros = calloc(shunt_tensor_count(&desc), sizeof *zeros);
    cr_assert_eq(shunt_weights_set(weights, name, &desc, zeros), SHUNT_OK, "%s", shunt_last_error());
    free(zeros);
}

static void save(shunt_weights *weights)
{
    cr_assert_eq(shunt_weights_save(weights, "f.safetensors"), SHUNT_OK, "%s", shunt_last_error());
    shunt_weights_destroy(weights);
}

/* All tensors that are compared; classifier: that, too. */
static void expect_same(const shunt_model *got, const char *name, const shunt_model_options *options, bool classifier)
{
    shunt_model *wanted = make_model(name, options);
    cr_assert_eq(shunt_model_randomize(wanted, 7), SHUNT_OK);
    for (size_t i = 0; i < shunt_weights_count(wanted->weights); i++) {
        const shunt_tensor_view *x = shunt_weights_at(wanted->weights, i);
        const shunt_tensor_view *y = shunt_weights_find(got->weights, x->name);
        if (!classifier && !strncmp(x->name, "fc.", 3)) continue;
        if (!y || memcmp(x->data, y->data, shunt_tensor_bytes(&x->desc))) cr_assert_fail("%s differs", x->name);
    }
    shunt_model_destroy(wanted);
}

static void expect_loads(const char *name, const char *prefix, const char *head)
{
    const shunt_model_options three = {.classes = 3};
    save(renamed(name, &three, prefix, head));
    shunt_model *model = make_model(name, &three);
    cr_assert_eq(shunt_model_load(model, "f.safetensors"), SHUNT_OK, "%s, %s: %s", prefix, head, shunt_last_error());
    expect_same(model, name, &three, true);
    shunt_model_destroy(model);
}

Test(foreign_names, something_stands_before_all)
{
    expect_loads("resnet20", "resnet.", "resnet.fc.");
    expect_loads("resnet20", "encoder.", "encoder.fc.");
    expect_loads("resnet20", "base_model.", "base_model.fc.");
    expect_loads("resnet20", "feature_extractor.", "feature_extractor.linear.");
    expect_loads("resnet20", "module.a.b.c.", "module.a.b.c.fc.");
    expect_loads("resnet18", "layer1.", "layer1.fc.");
    expect_loads("cnn", "cnn.", "cnn.fc.");
    expect_loads("plain8", "student.model.", "student.model.fc.");
}

Test(foreign_names, the_classifier_has_another_name)
{
    static const char *const heads[] = {"fc.0.",        "fc.1.",   "classifier.", "classifier.1.",
                                        "last_linear.", "head.",   "head.fc.",    "heads.head.",
                                        "linear.",      "output.", "module.fc.2."};
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) expect_loads("resnet20", "", heads[i]);
    expect_loads("resnet20", "encoder.", "fc.");
    expect_loads("resnet20", "backbone.", "head.fc.");
    expect_loads("resnet20", "model.encoder.", "model.classifier.");
}

/* A model of four classes takes what it can of "f.safetensors", and has a classifier of its own. */
static void expect_adopted(const char *name)
{
    const shunt_model_options four = {.classes = 4}, three = {.classes = 3};
    shunt_model *model = make_model(name, &four);
    cr_assert_eq(shunt_model_adopt(model, "f.safetensors", 5), SHUNT_OK, "%s", shunt_last_error());
    expect_same(model, name, &three, false);
    cr_assert_eq(shunt_weights_find(model->weights, "fc.weight")->desc.dims[0], 4);
    shunt_model_destroy(model);
}

static void expect_refused(const char *name, const shunt_model_options *options, const char *words)
{
    shunt_model *model = make_model(name, options);
    cr_expect_eq(shunt_model_load(model, "f.safetensors"), SHUNT_E_INVALID);
    expect_message("f.safetensors: does not fit", words);
    shunt_model_destroy(model);
}

Test(foreign_names, without_a_classifier_for_fine_tuning)
{
    const shunt_model_options three = {.classes = 3};
    save(renamed("resnet20", &three, "", NULL));
    expect_adopted("resnet20");
    expect_refused(
        "resnet20", &three,
        "fc.weight is missing; fc.bias is missing; it has no classifier that fits: pass it to shunt train --init");
    cr_expect(!strstr(shunt_last_error(), "--model"), "%s", shunt_last_error());
    save(renamed("resnet20", &three, "encoder.", "encoder.head."));
    expect_adopted("resnet20");

    shunt_weights *weights =
        renamed("resnet20", &three, "module.encoder_q.", NULL); /* as MoCo, with a head of two layers */
    add(weights, "module.encoder_q.fc.0.weight", 64, 64);
    add(weights, "module.encoder_q.fc.2.weight", 16, 64);
    add(weights, "module.queue", 16, 8);
    save(weights);
    expect_adopted("resnet20");
    expect_refused("resnet20", &three, "module.encoder_q.fc.0.weight is not the model's");

    weights = renamed("resnet20", &three, "", NULL); /* another network, though all of this one is in it */
    add(weights, "layer1.0.se.fc1.weight", 4, 16);
    save(weights);
    shunt_model *model = make_model("resnet20", &three);
    cr_expect_eq(shunt_model_adopt(model, "f.safetensors", 5), SHUNT_E_INVALID);
    expect_message("f.safetensors: ", "layer1.0.se.fc1.weight is not the model's");
    shunt_model_destroy(model);
}

Test(foreign_names, two_networks)
{
    const shunt_model_options three = {.classes = 3};
    shunt_weights *weights = renamed("resnet8", &three, "student.", "student.fc."),
                  *other = renamed("resnet8", &three, "teacher.", "teacher.fc.");
    for (size_t i = 0; i < shunt_weights_count(other); i++) {
        const shunt_tensor_view *view = shunt_weights_at(other, i);
        cr_assert_eq(shunt_weights_set(weights, view->name, &view->desc, view->data), SHUNT_OK);
    }
    shunt_weights_destroy(other);
    save(weights);
    expect_refused("resnet8", &three, "it holds two networks, under 'student.' and 'teacher.'");
}

/* ---- What would fit --------------------------------------------------------------------------------------------- */

Test(foreign_names, what_would_fit_is_said)
{
    const shunt_model_options b = {.shortcut = 'B'}, c = {.shortcut = 'C'};
    save(renamed("resnet34", NULL, "", "fc."));
    expect_refused("resnet18", NULL, "; it fits: pass --model resnet34");
    save(renamed("resnet20", &b, "encoder.", "encoder.head."));
    expect_refused("resnet20", NULL, "; it fits: pass --shortcut B");
    expect_refused("resnet32", NULL, "; it fits: pass --model resnet20 --shortcut B");
    save(renamed("resnet56", NULL, "", "linear."));
    expect_refused("resnet110", NULL, "; it fits: pass --model resnet56");
    save(renamed("resnet18", &c, "", NULL));
    expect_refused("resnet50", NULL, "; it fits: pass --model resnet18 --shortcut C");
    save(renamed("cifar-resnet18", NULL, "", "fc."));
    expect_refused("resnet18", NULL, "; it fits: pass --model cifar-resnet18");
    save(renamed("resnet20", NULL, "", "fc.")); /* plain20 has its shapes, but no other number of classes */
    expect_refused("resnet20", &(shunt_model_options){.classes = 3},
                   "the file has 10 classes, the model 3: pass --classes 10");
    cr_expect(!strstr(shunt_last_error(), "it fits"), "%s", shunt_last_error());
}

Test(foreign_names, what_names_have_in_common_is_said)
{
    shunt_weights *weights;
    char name[64];
    cr_assert_eq(shunt_weights_create(&weights), SHUNT_OK);
    for (int i = 0; i < 12; i++) {
        snprintf(name, sizeof name, "vit.layers.%d.attention.weight", i);
        add(weights, name, 8, 8);
    }
    save(weights);
    shunt_model *model = make_model("resnet20", NULL);
    cr_expect_eq(shunt_model_load(model, "f.safetensors"), SHUNT_E_INVALID);
    expect_message("; all names in the file begin with 'vit.layers.'",
                   "vit.layers.0.attention.weight is not the model's");
    size_t told = 0;
    for (const char *at = shunt_last_error(); (at = strstr(at, ";")); at++) told++;
    cr_expect_eq(told, 12u, "%s", shunt_last_error()); /* ten, how many more, what they have in common, what to do */
    shunt_model_destroy(model);
}
