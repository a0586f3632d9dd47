/* segmentation_files.c - weight files of networks that label pixels, with a second head or without, as trainers save them; and what is
 * said where a network is for the other task. */
#include "runtime/weights/weights.h"
#include "tests/support/model_setup.h"

#include <shunt/segment.h>
#include <string.h>

static const char net[] = "fcn_resnet50";

TestSuite(segmentation_files, .init = enter_folder, .fini = leave_folder);

/* The random weights, each name after this prefix, and a tensor of the second head. */
static void save_wrapped(const char *prefix)
{
    const shunt_tensor_desc one = {.dtype = SHUNT_F32, .rank = 1, .block = SHUNT_PLAIN, .dims = {1}};
    shunt_weights *from = take_weights(net), *to;
    char name[256];
    cr_assert_eq(shunt_weights_create(&to), SHUNT_OK);
    for (size_t i = 0; i < shunt_weights_count(from); i++) {
        const shunt_tensor_view *view = shunt_weights_at(from, i);
        snprintf(name, sizeof name, "%s%s", prefix, view->name);
        cr_assert_eq(shunt_weights_set(to, name, &view->desc, view->data), SHUNT_OK);
    }
    snprintf(name, sizeof name, "%saux_classifier.4.bias", prefix);
    cr_assert_eq(shunt_weights_set(to, name, &one, &(float){3}), SHUNT_OK);
    cr_assert_eq(shunt_weights_save(to, "f.safetensors"), SHUNT_OK, "%s", shunt_last_error());
    shunt_weights_destroy(from);
    shunt_weights_destroy(to);
}

static void expect_loads(const char *prefix)
{
    shunt_model *model = make_model(net, NULL), *wanted = make_random_model(net, NULL);
    save_wrapped(prefix);
    cr_assert_eq(shunt_model_load(model, "f.safetensors"), SHUNT_OK, "%s", shunt_last_error());
    expect_same_weights(model, wanted);
    cr_assert_null(shunt_model_assumption(model));
    shunt_model_destroy(model);
    shunt_model_destroy(wanted);
}

Test(segmentation_files, the_second_head_and_wrappers_are_put_aside)
{
    expect_loads("");
    expect_loads("module.");
}

Test(segmentation_files, other_tensors_and_other_numbers_of_classes_are_refused)
{
    shunt_weights *weights = take_weights(net);
    const shunt_tensor_desc one = {.dtype = SHUNT_F32, .rank = 1, .block = SHUNT_PLAIN, .dims = {1}};
    cr_assert_eq(shunt_weights_set(weights, "backbone.layer1.9.bias", &one, &(float){1}), SHUNT_OK);
    EXPECT_REFUSED(weights, net, "backbone.layer1.9.bias is not the model's");
    shunt_model *two = make_random_model(net, &(shunt_model_options){.classes = 2}), *usual = make_model(net, NULL);
    cr_assert_eq(shunt_weights_save(two->weights, "two.safetensors"), SHUNT_OK);
    cr_assert_eq(shunt_model_load(usual, "two.safetensors"), SHUNT_E_INVALID);
    expect_message("two.safetensors: ", "the file has 2 classes, the model 21: pass --classes 2");
    shunt_model_destroy(two);
    shunt_model_destroy(usual);
}

Test(segmentation_files, each_task_has_its_calls)
{
    uint8_t pixels[3] = {0};
    float number = 0;
    const shunt_image image = {1, 1, pixels};
    shunt_segmentation map;
    shunt_device *device;
    cr_assert_eq(shunt_device_open("scalar", NULL, &device), SHUNT_OK);
    shunt_model *pixelwise = make_random_model(net, NULL), *whole = make_random_model("resnet20", NULL);
    cr_assert_eq(shunt_model_run(pixelwise, device, 1, 1, 1, &number, &number), SHUNT_E_INVALID);
    expect_message(net, "tells the class of a picture's pixels: segment it");
    cr_assert_eq(shunt_segment(whole, device, &image, &map), SHUNT_E_INVALID);
    expect_message("resnet20", "tells the class of a picture: classify it");
    cr_assert_null(map.classes);
    shunt_model_destroy(pixelwise);
    shunt_model_destroy(whole);
    shunt_device_close(device);
}
