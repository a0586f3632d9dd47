/* detect_command.c - shunt detect, as it was built: the library's objects as text, as COCO's results, which shunt score reads, and drawn; and
 * what is said of wrong calls. */
#include "tests/support/command_support.h"
#include "tests/support/detection_model.h"

#include <shunt/detect.h>

TestSuite(detect_command, .init = enter_folder, .fini = leave_folder);

#define DETECT "shunt detect --device scalar --weights w.safetensors --resize 64 "

/* "w.safetensors", which says itself what it is, and what the library finds in a picture that is "7.ppm", too. */
static shunt_detections *put_files(void)
{
    static const char *const labels[] = {"none", "one", "two", "three", "four"};
    const shunt_model_options options = {.size = sizeof options, .classes = 5, .epsilon = SHUNT_EPSILON_1E_5};
    shunt_model *model = detection_model("retinanet_resnet18_fpn", &options, 1, 0.015625, -6.4, 0.001953125);
    shunt_preprocess preprocess = *shunt_model_preprocess(model);
    shunt_detections *found;
    shunt_device *device;
    shunt_image image;
    DETECTION_OK(shunt_model_set_labels(model, labels));
    DETECTION_OK(shunt_model_save(model, "w.safetensors"));
    put_picture("7.ppm", 61, 40);
    DETECTION_OK(shunt_image_read("7.ppm", &image));
    preprocess.resize = preprocess.crop = 64;
    shunt_model_set_preprocess(model, &preprocess);
    DETECTION_OK(shunt_device_open("scalar", NULL, &device));
    DETECTION_OK(shunt_detect(model, device, &image, NULL, &found));
    cr_assert_gt(shunt_detections_count(found), 10);
    shunt_image_free(&image);
    shunt_model_destroy(model);
    shunt_device_close(device);
    return found;
}

/* COCO's results of one picture: corner and size. */
static void expect_results(const json_t *results, size_t first, const shunt_detections *found, json_int_t id)
{
    const shunt_detection *one;
    for (size_t i = 0; (one = shunt_detections_at(found, i)); i++) {
        const json_t *result = json_array_get(results, first + i), *box = json_object_get(result, "bbox");
        cr_assert_eq(json_integer_value(json_object_get(result, "image_id")), id);
        cr_assert_eq(json_integer_value(json_object_get(result, "category_id")), one->label);
        cr_assert_float_eq(number_at(result, "score"), (double)one->score, 1e-6);
        for (size_t k = 0; k < 4; k++) {
            const double wanted = (double)one->box[k] - (k < 2 ? 0 : (double)one->box[k - 2]);
            cr_assert_float_eq(json_number_value(json_array_get(box, k)), wanted, 1e-4);
        }
    }
}

/* Ground truth that says what was found: shunt score then has to find everything right. */
static void put_truth(const json_t *results)
{
    json_t *objects = json_array(), *result;
    size_t i;
    json_array_foreach(results, i, result)
    {
        const json_t *box = json_object_get(result, "bbox");
        const double area = json_number_value(json_array_get(box, 2)) * json_number_value(json_array_get(box, 3));
        json_array_append_new(objects, json_pack("{s:I, s:O, s:O, s:O, s:f, s:i}", "id", (json_int_t)i + 1, "image_id",
                                                 json_object_get(result, "image_id"), "category_id",
                                                 json_object_get(result, "category_id"), "bbox", box, "area", area,
                                                 "iscrowd", 0));
    }
    json_t *categories = json_array();
    for (int c = 0; c < 5; c++) json_array_append_new(categories, json_pack("{s:i, s:s}", "id", c, "name", "x"));
    json_t *truth = json_pack("{s:[{s:i, s:i, s:i}], s:o, s:o}", "images", "id", 7, "height", 40, "width", 61,
                              "categories", categories, "annotations", objects);
    cr_assert(truth && !json_dump_file(truth, "truth.json", 0));
    json_decref(truth);
}

Test(detect_command, objects_as_results_and_as_text)
{
    shunt_detections *found = put_files();
    const shunt_detection *best = shunt_detections_at(found, 0);
    char line[128];
    run(DETECT "--json 7.ppm");
    expect_success();
    json_t *results = json_said();
    cr_assert_eq(json_array_size(results), shunt_detections_count(found));
    expect_results(results, 0, found, 7);
    put_truth(results);
    json_decref(results);
    run(DETECT "--json 7.ppm >r.json && shunt score --truth truth.json --json r.json");
    expect_success();
    json_t *score = json_said();
    cr_assert_float_eq(number_at(score, "AP"), 1, 1e-9);
    json_decref(score);
    run(DETECT "7.ppm");
    expect_success();
    snprintf(line, sizeof line, "7.ppm\n  %5.1f %%  ", 100 * (double)best->score);
    cr_assert(strstr(said.out, line), "%s", said.out);
    run("cp 7.ppm b.ppm && echo no picture >c.ppm && " DETECT "--json 7.ppm c.ppm b.ppm");
    expect_failure(1, "c.ppm: ", NULL);
    results = json_said();
    cr_assert_eq(json_array_size(results), 2 * shunt_detections_count(found));
    expect_results(results, 0, found, 1);
    expect_results(results, shunt_detections_count(found), found, 3);
    json_decref(results);
    shunt_detections_free(found);
}

/* The colour of the best object's class at the middle of its box's left side. */
Test(detect_command, boxes_are_drawn)
{
    static const uint8_t colors[5][3] = {
        {0xe6, 0x9f, 0x00}, {0x56, 0xb4, 0xe9}, {0x00, 0x9e, 0x73}, {0xf0, 0xe4, 0x42}, {0x00, 0x72, 0xb2}};
    shunt_detections *found = put_files();
    const shunt_detection *best = shunt_detections_at(found, 0);
    shunt_image drawn;
    run(DETECT "--most 1 --out drawn.png 7.ppm");
    if (said.status && strstr(said.err, "without cairo")) cr_skip_test("no cairo");
    expect_success();
    DETECTION_OK(shunt_image_read("drawn.png", &drawn));
    cr_assert(drawn.height == 40 && drawn.width == 61);
    size_t same = 0;
    for (int64_t y = (int64_t)best->box[1] + 1; y < (int64_t)best->box[3]; y++)
        for (int64_t x = (int64_t)best->box[0] - 1; x <= (int64_t)best->box[0] + 1; x++)
            if (x >= 0 && x < 61) same += !memcmp(drawn.rgb + 3 * (y * 61 + x), colors[best->label], 3);
    cr_assert_gt(same, 0);
    shunt_image_free(&drawn);
    shunt_detections_free(found);
}

/* Two runs, whose steps are counted together. */
Test(detect_command, faster_rcnn)
{
    put_picture("7.ppm", 61, 40);
    run("SHUNT_LOG=info shunt detect --device scalar --random-weights --model fasterrcnn_resnet18_fpn --classes 3 "
        "--resize 64 "
        "--proposals 20 7.ppm 2>&1");
    expect_success();
    cr_assert(strstr(said.out, "1 picture on scalar") && strstr(said.out, "steps on it"), "%s", said.out);
    run("shunt inspect --device scalar --model fasterrcnn_resnet18_fpn --classes 3 --size 64x64");
    expect_success();
    cr_assert(strstr(said.out, "rpn.head.cls_logits") && strstr(said.out, "roi_heads.box_predictor.cls_score"));
    put_weights("f.safetensors", "fasterrcnn_resnet18_fpn", 3);
    run("mkdir pictures && cp 7.ppm pictures && shunt embed --device scalar --weights f.safetensors --resize 64 --crop "
        "64 "
        "--value backbone.fpn.layer_blocks.3.0 --out maps.npy pictures");
    expect_success();
}

/* shunt score reads the masks. */
Test(detect_command, masks)
{
    json_t *result;
    size_t i;
    put_picture("7.ppm", 61, 40);
    put_weights("m.safetensors", "maskrcnn_resnet18_fpn", 3);
    run("shunt detect --device scalar --weights m.safetensors --resize 64 --proposals 10 --most 3 --score 1e-300 "
        "--json 7.ppm");
    expect_success();
    json_t *results = json_said(), *objects = json_array(), *categories = json_array();
    cr_assert_gt(json_array_size(results), 0);
    json_array_foreach(results, i, result)
    {
        const json_t *shape = json_object_get(result, "segmentation"), *size = json_object_get(shape, "size");
        cr_assert_eq(json_integer_value(json_array_get(size, 0)), 40);
        cr_assert_eq(json_integer_value(json_array_get(size, 1)), 61);
        cr_assert(json_is_string(json_object_get(shape, "counts")));
        json_array_append_new(objects, json_pack("{s:I, s:i, s:O, s:O, s:i, s:i, s:O}", "id", (json_int_t)i + 1,
                                                 "image_id", 7, "category_id", json_object_get(result, "category_id"),
                                                 "bbox", json_object_get(result, "bbox"), "area", 100, "iscrowd", 0,
                                                 "segmentation", shape));
    }
    for (int c = 0; c < 3; c++) json_array_append_new(categories, json_pack("{s:i, s:s}", "id", c, "name", "x"));
    json_t *truth = json_pack("{s:[{s:i, s:i, s:i}], s:o, s:o}", "images", "id", 7, "height", 40, "width", 61,
                              "categories", categories, "annotations", objects);
    cr_assert(truth && !json_dump_file(truth, "truth.json", 0) && !json_dump_file(results, "r.json", 0));
    json_decref(truth);
    json_decref(results);
    run("shunt score --truth truth.json --task masks --json r.json");
    expect_success();
}

Test(detect_command, wrong_calls)
{
    shunt_detections_free(put_files());
    run(DETECT);
    expect_failure(2, "no picture", NULL);
    run(DETECT "--score 2 7.ppm");
    expect_failure(2, "--score 2: must be a number between 0 and 1", NULL);
    run(DETECT "--epsilon 1 7.ppm");
    expect_failure(2, "--epsilon 1: must be 0 or 1e-5", NULL);
    run(DETECT "--proposals 20 7.ppm");
    expect_failure(1, "retinanet_resnet18_fpn proposes no boxes that could be limited", NULL);
    run(DETECT "--classes 91 7.ppm");
    expect_failure(1, "the file has 5 classes, the model 91", NULL);
    put_weights("whole.safetensors", "resnet8", 5);
    run("shunt detect --weights whole.safetensors 7.ppm");
    expect_failure(2, "resnet8 finds no objects; use shunt classify", NULL);
    run("shunt classify --weights w.safetensors 7.ppm");
    expect_failure(2, "retinanet_resnet18_fpn does not tell the class of a picture; use shunt detect", NULL);
    run("shunt segment --weights w.safetensors 7.ppm");
    expect_failure(2, "retinanet_resnet18_fpn tells no classes of pixels; use shunt detect", NULL);
}
