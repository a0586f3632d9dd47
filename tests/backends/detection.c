/* detection.c - networks that find objects, on one device (SHUNT_TEST_DEVICE, scalar by default), from the picture to the boxes, against
 * torchvision in float64 with the same weights and pictures (tests/golden/detection.py). */
#include "tests/support/detection_golden.h"

/* The random weights, whose heads are scaled so that scores and boxes are spread. */
static shunt_model *make_model(const json_t *test)
{
    const shunt_model_options options = {.size = sizeof options,
                                         .classes = (int64_t)detection_number(test, "classes"),
                                         .epsilon = json_is_true(json_object_get(test, "epsilon")) ? SHUNT_EPSILON_1E_5
                                                                                                   : SHUNT_EPSILON_0};
    shunt_model *model = detection_model(json_string_value(json_object_get(test, "model")), &options, DETECTION_SEED,
                                         detection_number(test, "logits"), detection_number(test, "shift"),
                                         detection_number(test, "codes"));
    cr_assert_eq(shunt_model_task(model), SHUNT_TASK_DETECT);
    shunt_preprocess preprocess = *shunt_model_preprocess(model);
    preprocess.resize = (int64_t)detection_number(test, "short");
    shunt_model_set_preprocess(model, &preprocess);
    return model;
}

static void run_case(shunt_device *device, const json_t *test)
{
    const shunt_detect_options options = {.size = sizeof options, .longest = (int64_t)detection_number(test, "long")};
    shunt_model *model = make_model(test);
    shunt_image image = detection_picture(test);
    shunt_detections *found;
    DETECTION_OK(shunt_detect(model, device, &image, &options, &found));
    detection_expect(test, found);
    shunt_detections_free(found);
    shunt_image_free(&image);
    shunt_model_destroy(model);
}

static void run_all(const char *model)
{
    shunt_device *device = detection_device();
    json_t *golden = detection_golden(TEST_GOLDEN "/detection.json"), *test;
    size_t i, found = 0;
    json_array_foreach(json_object_get(golden, "nets"), i, test)
    {
        if (strcmp(json_string_value(json_object_get(test, "model")), model)) continue;
        run_case(device, test);
        found++;
    }
    cr_assert(found > 0);
    json_decref(golden);
    shunt_device_close(device);
}

Test(detection, retinanet_resnet18)
{
    run_all("retinanet_resnet18_fpn");
}

Test(detection, retinanet_resnet50)
{
    run_all("retinanet_resnet50_fpn");
}
