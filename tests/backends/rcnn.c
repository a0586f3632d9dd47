/* rcnn.c - networks that propose boxes and look into them, on one device (SHUNT_TEST_DEVICE, scalar by default), against torchvision in float64
 * with the same weights and pictures (tests/golden/rcnn.py): from the picture to the objects, and what looks into boxes alone. */
#include "tests/support/detection_golden.h"
#include "tests/support/mask_golden.h"

/* ---- Whole networks -------------------------------------------------------------------------------------------------- */

/* One [layer, factor, shift]; the shift is a number, or one for each element. */
static void change_layer(shunt_model *model, const json_t *change)
{
    enum { MOST = 128 };
    double each[MOST];
    char name[128];
    const char *layer = json_string_value(json_array_get(change, 0));
    const double factor = json_number_value(json_array_get(change, 1));
    const json_t *shift = json_array_get(change, 2);
    cr_assert(layer && factor > 0 && json_array_size(shift) <= MOST);
    for (size_t i = 0; i < json_array_size(shift); i++) each[i] = json_number_value(json_array_get(shift, i));
    snprintf(name, sizeof name, "%s.weight", layer);
    detection_change(model, name, factor, 0);
    snprintf(name, sizeof name, "%s.bias", layer);
    detection_change_each(model, name, factor, json_number_value(shift), json_is_array(shift) ? each : NULL);
}

static shunt_model *make_model(const json_t *test)
{
    const shunt_model_options options = {
        .size = sizeof options,
        .classes = (int64_t)detection_number(test, "classes"),
        .epsilon = json_is_false(json_object_get(test, "epsilon")) ? SHUNT_EPSILON_0 : SHUNT_EPSILON_KNOWN};
    const json_t *change;
    shunt_model *model;
    size_t i;
    DETECTION_OK(shunt_model_create(json_string_value(json_object_get(test, "model")), &options, &model));
    DETECTION_OK(shunt_model_randomize(model, DETECTION_SEED));
    json_array_foreach(json_object_get(test, "changes"), i, change) change_layer(model, change);
    return model;
}

/* Of all objects, or of none. */
static void expect_masks(const json_t *picture, const shunt_image *image, const shunt_detections *found)
{
    const json_t *masks = json_object_get(picture, "masks"), *mask;
    const size_t pixels = (size_t)(image->height * image->width);
    float *made = malloc(pixels * sizeof *made);
    size_t i;
    cr_assert(made);
    cr_assert_eq(shunt_detections_have_masks(found) != 0, masks != NULL);
    if (!masks) cr_assert_eq(shunt_detections_mask(found, 0, made), SHUNT_E_UNSUPPORTED);
    json_array_foreach(masks, i, mask)
    {
        DETECTION_OK(shunt_detections_mask(found, i, made));
        expect_mask(mask, made, pixels, 1e-4, i);
    }
    if (masks) cr_assert_eq(shunt_detections_mask(found, i, made), SHUNT_E_NOT_FOUND);
    free(made);
}

static void run_picture(shunt_model *model, shunt_device *device, const json_t *test, const json_t *picture)
{
    const shunt_detect_options options = {.size = sizeof options,
                                          .most = (uint32_t)detection_number(test, "objects"),
                                          .longest = (int64_t)detection_number(test, "long"),
                                          .proposals = (uint32_t)detection_number(test, "proposals")};
    shunt_image image = detection_picture(picture);
    shunt_detections *found;
    DETECTION_OK(shunt_detect(model, device, &image, &options, &found));
    detection_expect(picture, found);
    expect_masks(picture, &image, found);
    shunt_detections_free(found);
    shunt_image_free(&image);
}

static void run_case(shunt_device *device, const json_t *test)
{
    shunt_model *model = make_model(test);
    shunt_preprocess preprocess = *shunt_model_preprocess(model);
    const json_t *picture;
    size_t i;
    preprocess.resize = (int64_t)detection_number(test, "short");
    shunt_model_set_preprocess(model, &preprocess);
    json_array_foreach(json_object_get(test, "pictures"), i, picture) run_picture(model, device, test, picture);
    cr_assert_gt(i, 0);
    shunt_model_destroy(model);
}

static void run_all(const char *model)
{
    shunt_device *device = detection_device();
    json_t *golden = detection_golden(TEST_GOLDEN "/rcnn.json"), *test;
    size_t i, found = 0;
    json_array_foreach(json_object_get(golden, "nets"), i, test)
    {
        if (strcmp(json_string_value(json_object_get(test, "model")), model)) continue;
        run_case(device, test);
        found++;
    }
    cr_assert_gt(found, 0);
    json_decref(golden);
    shunt_device_close(device);
}

Test(rcnn, fasterrcnn_resnet18)
{
    run_all("fasterrcnn_resnet18_fpn");
}

Test(rcnn, fasterrcnn_resnet18_v2)
{
    run_all("fasterrcnn_resnet18_fpn_v2");
}

Test(rcnn, fasterrcnn_resnet50)
{
    run_all("fasterrcnn_resnet50_fpn");
}

Test(rcnn, maskrcnn_resnet18)
{
    run_all("maskrcnn_resnet18_fpn");
}

/* ---- Looks ----------------------------------------------------------------------------------------------------------- */

enum { MAPS = 4, LOOK_INPUTS = MAPS + 1 };

static float *room(const shunt_tensor_desc *desc)
{
    float *data = malloc((size_t)shunt_tensor_bytes(desc));
    cr_assert(data);
    return data;
}

static shunt_tensor make_map(const json_t *test, int level)
{
    const json_t *padded = json_object_get(test, "padded");
    int64_t sides[2];
    char name[32];
    for (size_t i = 0; i < 2; i++) sides[i] = json_integer_value(json_array_get(padded, i)) >> (2 + level);
    shunt_tensor map = {.desc = shunt_tensor_make(SHUNT_F32, 4, (const int64_t[]){1, 256, sides[0], sides[1]})};
    map.data = room(&map.desc);
    snprintf(name, sizeof name, "look.map%d", level);
    const uint64_t key = random_key(name, DETECTION_SEED);
    for (size_t i = 0; i < (size_t)shunt_tensor_count(&map.desc); i++)
        ((float *)map.data)[i] = (float)(2 * random_at(key, i) - 1);
    return map;
}

/* With a last row that is no box. */
static shunt_tensor make_boxes(const json_t *test)
{
    const json_t *boxes = json_object_get(test, "boxes");
    const size_t count = json_array_size(boxes) / 4;
    shunt_tensor rois = {.desc = shunt_tensor_make(SHUNT_F32, 2, (const int64_t[]){(int64_t)count + 1, 5})};
    float *at = rois.data = room(&rois.desc);
    for (size_t i = 0; i < 5 * (count + 1); i++)
        at[i] = i % 5 == 0 ? (i / 5 < count ? 0 : -1)
                           : (float)json_number_value(json_array_get(boxes, i / 5 * 4 + i % 5 - 1));
    return rois;
}

/* The rows of boxes are torchvision's. */
static void expect_rows(const json_t *wanted, const shunt_tensor *got, const char *what)
{
    double scale = 0;
    cr_assert_gt(json_array_size(wanted), 0, "%s", what);
    for (size_t i = 0; i < json_array_size(wanted); i++)
        scale = fmax(scale, fabs(json_number_value(json_array_get(wanted, i))));
    for (size_t i = 0; i < json_array_size(wanted); i++) {
        const double is = (double)((const float *)got->data)[i],
                     expected = json_number_value(json_array_get(wanted, i));
        cr_assert(fabs(is - expected) <= 1e-5 * scale, "%s, number %zu: %.9g, not %.9g", what, i, is, expected);
    }
}

static void run_look(shunt_device *device, const json_t *test)
{
    shunt_model *model = make_model(test);
    shunt_tensor inputs[LOOK_INPUTS], outputs[2] = {{.data = NULL}};
    shunt_tensor_desc descs[LOOK_INPUTS];
    shunt_executor *executor;
    for (int i = 0; i < MAPS; i++) inputs[i] = make_map(test, i);
    inputs[MAPS] = make_boxes(test);
    for (size_t i = 0; i < LOOK_INPUTS; i++) descs[i] = inputs[i].desc;
    DETECTION_OK(model_executor_of(model, device, 1, &executor));
    for (size_t i = 0; i < 2; i++) {
        DETECTION_OK(shunt_executor_output(executor, descs, LOOK_INPUTS, i, &outputs[i].desc));
        outputs[i].data = room(&outputs[i].desc);
    }
    DETECTION_OK(shunt_executor_run(executor, inputs, LOOK_INPUTS, outputs, 2));
    expect_rows(json_object_get(test, "scores"), &outputs[0], "scores");
    expect_rows(json_object_get(test, "codes"), &outputs[1], "codes");
    for (size_t i = 0; i < LOOK_INPUTS; i++) free(inputs[i].data);
    for (size_t i = 0; i < 2; i++) free(outputs[i].data);
    shunt_model_destroy(model);
}

Test(rcnn, classes_of_given_boxes)
{
    shunt_device *device = detection_device();
    json_t *golden = detection_golden(TEST_GOLDEN "/rcnn.json"), *test;
    size_t i;
    json_array_foreach(json_object_get(golden, "looks"), i, test) run_look(device, test);
    cr_assert_gt(i, 0);
    json_decref(golden);
    shunt_device_close(device);
}
