/* fine_tuning.c - weights of one network taken over into another, and layers that are frozen. */
#include "tests/support/small_run.h"

TestSuite(fine_tuning, .init = enter_folder, .fini = leave_folder);

static const float *tensor(const shunt_weights *weights, const char *name)
{
    const shunt_tensor_view *view = shunt_weights_find(weights, name);
    cr_assert(view, "no %s", name);
    return view->data;
}

/* Other classes: the same layers with a new classifier. The same classes: everything is kept. */
Test(fine_tuning, fine_tuning)
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
Test(fine_tuning, fine_tuning_classifier_by_name)
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
    cr_assert(memcmp(tensor(shunt_model_weights(others), "fc.weight"), a + 2 * 64, 64 * 4)); /* all of it is new */
    shunt_model_destroy(old);
    shunt_model_destroy(some);
    shunt_model_destroy(others);
}

Test(fine_tuning, frozen_layers_stay)
{
    run_parts parts;
    int finished;
    put_training_set("set", PICTURES);
    cr_assert_eq(run_begin(&(run_setup){.field = "freeze", .value = "conv1,bn1,layer1,layer2"}, &parts), SHUNT_OK, "%s",
                 shunt_last_error());
    cr_assert_eq(shunt_trainer_run(parts.trainer, &finished), SHUNT_OK, "%s", shunt_last_error());
    const shunt_weights *before = shunt_model_weights(parts.model), *after = shunt_trainer_weights(parts.trainer);
    cr_assert_eq(memcmp(tensor(before, "conv1.weight"), tensor(after, "conv1.weight"), 16 * 27 * 4), 0);
    cr_assert_eq(memcmp(tensor(before, "bn1.running_mean"), tensor(after, "bn1.running_mean"), 16 * 4), 0);
    cr_assert_eq(memcmp(tensor(before, "layer2.0.bn2.weight"), tensor(after, "layer2.0.bn2.weight"), 32 * 4), 0);
    cr_assert_neq(memcmp(tensor(before, "layer3.0.bn2.weight"), tensor(after, "layer3.0.bn2.weight"), 64 * 4), 0);
    cr_assert_neq(
        memcmp(tensor(before, "layer3.0.bn1.running_mean"), tensor(after, "layer3.0.bn1.running_mean"), 64 * 4), 0);
    run_end(&parts);
}
