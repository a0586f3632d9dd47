/* eval_coco_command.c - shunt eval --data coco:DIR, as it was built: the same as shunt detect and shunt score one after the other; the mean
 * IoU of pixels against plain loops; the set that examples/pasted_set.py makes; and folders that are wrong. */
#include "tests/support/command_support.h"
#include "tests/support/detection_model.h"
#include "tests/support/pixel_model.h"

TestSuite(eval_coco, .init = enter_folder, .fini = leave_folder);

enum { OBJECT_CLASSES = 5, PICTURES = 2, NO_CLASS = 255 };
static const int sizes[PICTURES][2] = {{61, 40}, {48, 48}};

static void put_annotations(const char *name, json_t *objects)
{
    char path[64];
    json_t *categories = json_array(), *images = json_array();
    for (int c = 1; c < OBJECT_CLASSES; c++)
        json_array_append_new(categories, json_pack("{s:i, s:s}", "id", c, "name", "x"));
    for (int i = 0; i < PICTURES; i++) {
        snprintf(path, sizeof path, "%d.ppm", i + 7);
        json_array_append_new(images, json_pack("{s:i, s:i, s:i, s:s}", "id", i + 7, "height", sizes[i][1], "width",
                                                sizes[i][0], "file_name", path));
    }
    json_t *truth = json_pack("{s:o, s:o, s:o}", "images", images, "categories", categories, "annotations", objects);
    snprintf(path, sizeof path, "set/annotations/instances_%s.json", name);
    cr_assert(truth && !json_dump_file(truth, path, 0));
    json_decref(truth);
}

static void put_pictures(void)
{
    cr_assert(!mkdir("set", 0700) && !mkdir("set/annotations", 0700) && !mkdir("set/val", 0700));
    put_picture("set/val/7.ppm", sizes[0][0], sizes[0][1]);
    put_picture("set/val/8.ppm", sizes[1][0], sizes[1][1]);
}

/* ---- Objects ---- */

/* Some of what was found, each a little moved, so that no figure is 0 or 1. */
static void put_truth(const json_t *results)
{
    json_t *objects = json_array(), *result;
    size_t i;
    json_array_foreach(results, i, result)
    {
        if (i % 3 == 2) continue;
        double box[4];
        for (size_t k = 0; k < 4; k++)
            box[k] = json_number_value(json_array_get(json_object_get(result, "bbox"), k)) +
                     (k < 2 ? 0.7 * (int)(i % 4) : 0);
        json_array_append_new(objects, json_pack("{s:I, s:O, s:O, s:[f,f,f,f], s:f, s:i}", "id", (json_int_t)i + 1,
                                                 "image_id", json_object_get(result, "image_id"), "category_id",
                                                 json_object_get(result, "category_id"), "bbox", box[0], box[1], box[2],
                                                 box[3], "area", box[2] * box[3], "iscrowd", 0));
    }
    put_annotations("val", objects);
}

static void put_detector(void)
{
    const shunt_model_options options = {
        .size = sizeof options, .classes = OBJECT_CLASSES, .epsilon = SHUNT_EPSILON_1E_5};
    shunt_model *model = detection_model("retinanet_resnet18_fpn", &options, 1, 0.015625, -6.4, 0.001953125);
    DETECTION_OK(shunt_model_save(model, "w.safetensors"));
    shunt_model_destroy(model);
}

/* Where pycocotools is installed. */
static void expect_pycocotools(const json_t *figures)
{
    run("python3 $SHUNT_SOURCE/tests/tools/coco_figures.py set/annotations/instances_val.json results.json");
    if (said.status == 77) return;
    expect_success();
    json_t *wanted = json_said();
    for (uint32_t i = 0; shunt_coco_figure(SHUNT_COCO_BOXES, i); i++) {
        const json_t *one = json_object_get(figures, shunt_coco_figure(SHUNT_COCO_BOXES, i));
        const double value = json_is_null(one) ? -1 : json_number_value(one);
        cr_assert_float_eq(value, json_number_value(json_array_get(wanted, i)), 1e-6, "%s: %.9g, not %.9g",
                           shunt_coco_figure(SHUNT_COCO_BOXES, i), value, json_number_value(json_array_get(wanted, i)));
    }
    json_decref(wanted);
}

#define OPTIONS " --device scalar --weights w.safetensors --resize 64 "

Test(eval_coco, objects_as_by_hand)
{
    put_pictures();
    put_detector();
    run("shunt detect" OPTIONS "--no-exif --json set/val >results.json");
    cr_assert_eq(said.status, 0, "%s", said.err);
    json_t *results = json_load_file("results.json", 0, NULL);
    cr_assert_gt(json_array_size(results), 20);
    put_truth(results);
    json_decref(results);
    run("shunt score --truth set/annotations/instances_val.json --json results.json");
    expect_success();
    json_t *wanted = json_said();
    run("shunt eval" OPTIONS "--data coco:set --json");
    expect_success();
    json_t *report = json_said(), *figures = json_object_get(report, "boxes");
    for (uint32_t i = 0; shunt_coco_figure(SHUNT_COCO_BOXES, i); i++) {
        const char *name = shunt_coco_figure(SHUNT_COCO_BOXES, i);
        cr_assert(json_equal(json_object_get(figures, name), json_object_get(wanted, name)), "%s", name);
    }
    expect_pycocotools(figures);
    cr_assert(number_at(figures, "AP") > 0.05 && number_at(figures, "AP") < 0.95, "%g", number_at(figures, "AP"));
    cr_assert_eq(number_at(report, "detections"), number_at(wanted, "detections"));
    cr_assert_eq(number_at(report, "images"), PICTURES);
    cr_assert_null(json_object_get(report, "masks"));
    json_decref(report);
    json_decref(wanted);
    run("shunt eval" OPTIONS "--data coco:set --limit 1");
    expect_success();
    cr_assert(strstr(said.out, "1 pictures") && strstr(said.out, "AP50"), "%s", said.out);
    run("rm set/val/8.ppm; shunt eval" OPTIONS "--data coco:set");
    expect_failure(1, "set/val/8.ppm", NULL);
    run("shunt eval" OPTIONS "--data coco:set --skip-bad --json");
    cr_assert_eq(said.status, 0, "%s", said.err);
    report = json_said();
    cr_assert(number_at(report, "bad") == 1 && number_at(report, "images") == 1);
    json_decref(report);
}

Test(eval_coco, wrong_folders)
{
    put_pictures();
    put_detector();
    run("shunt eval" OPTIONS "--data coco:set");
    expect_failure(1, "set/annotations/instances_val2017.json: there is no such file, nor one of", NULL);
    put_annotations("val", json_array());
    run("cp set/annotations/instances_val.json set/annotations/instances_test.json; shunt eval" OPTIONS
        "--data coco:set");
    expect_failure(1, "instances_val.json and set/annotations/instances_test.json", "only one of them");
    run("rm set/annotations/instances_test.json; sed -i 's,7.ppm,../7.ppm,' set/annotations/instances_val.json; "
        "shunt eval" OPTIONS "--data coco:set");
    expect_failure(1, "instances_val.json: image 7: its file_name is no name of a file in set/val", NULL);
    run("shunt eval" OPTIONS "--data voc:set");
    expect_failure(2, "retinanet_resnet18_fpn finds objects, and is evaluated on coco:DIR", NULL);
    run("shunt eval" OPTIONS "--data coco:set --per-class");
    expect_failure(2, "--per-class", NULL);
}

/* ---- Pixels ---- */

/* In picture 7 a polygon from 4,5 to 30,25 of class 1 that a later one from 20,10 to 50,35 of class 3 covers partly, and in picture 8 a crowd: its
 * first column. */
static void put_masks(void)
{
    json_t *objects =
        json_pack("[{s:i,s:i,s:i,s:i,s:i,s:[[i,i,i,i,i,i,i,i]]},{s:i,s:i,s:i,s:i,s:i,s:[[i,i,i,i,i,i,i,i]]},"
                  "{s:i,s:i,s:i,s:i,s:i,s:{s:[i,i],s:[i,i,i]}}]",
                  "id", 1, "image_id", 7, "category_id", 1, "area", 520, "iscrowd", 0, "segmentation", 4, 5, 4, 25, 30,
                  25, 30, 5, "id", 2, "image_id", 7, "category_id", 3, "area", 750, "iscrowd", 0, "segmentation", 20,
                  10, 20, 35, 50, 35, 50, 10, "id", 3, "image_id", 8, "category_id", 2, "area", 48, "iscrowd", 1,
                  "segmentation", "size", 48, 48, "counts", 0, 48, 48 * 47);
    cr_assert(objects);
    put_annotations("val", objects);
}

static uint8_t label_at(int picture, int x, int y)
{
    if (picture == 1) return x == 0 ? NO_CLASS : 0;
    const bool first = x >= 4 && x < 30 && y >= 5 && y < 25, second = x >= 20 && x < 50 && y >= 10 && y < 35;
    return first && second ? NO_CLASS : first ? 1 : second ? 3 : 0;
}

Test(eval_coco, pixels)
{
    shunt_device *device;
    shunt_model *model = NULL;
    double both[PIXEL_CLASSES] = {0}, any[PIXEL_CLASSES] = {0}, mean = 0, seen = 0;
    char path[64];
    put_pictures();
    put_masks();
    PIXEL_OK(shunt_device_open("scalar", NULL, &device));
    for (int p = 0; p < PICTURES; p++) {
        shunt_image image;
        snprintf(path, sizeof path, "set/val/%d.ppm", p + 7);
        PIXEL_OK(shunt_image_read(path, &image));
        if (!model) model = put_pixel_model("w.safetensors", device, &image);
        uint8_t *taken = pixel_classes(model, device, &image);
        for (int i = 0; i < sizes[p][0] * sizes[p][1]; i++) {
            const uint8_t label = label_at(p, i % sizes[p][0], i / sizes[p][0]);
            for (int c = 0; label != NO_CLASS && c < PIXEL_CLASSES; c++) {
                both[c] += label == c && taken[i] == c;
                any[c] += label == c || taken[i] == c;
            }
        }
        free(taken);
        shunt_image_free(&image);
    }
    for (int c = 0; c < PIXEL_CLASSES; c++)
        if (any[c] > 0) seen++, mean += both[c] / any[c];
    run("shunt eval --device scalar --weights w.safetensors --resize 33 --data coco:set --json");
    expect_success();
    json_t *report = json_said();
    cr_assert_float_eq(number_at(report, "mean_iou"), 100 * mean / seen, 0.05, "%g, not %g",
                       number_at(report, "mean_iou"), 100 * mean / seen);
    cr_assert_eq(number_at(report, "classes_seen"), seen);
    json_decref(report);
    shunt_model_destroy(model);
    shunt_device_close(device);
}

/* ---- The set of the script ---- */

#define MAKE "python3 $SHUNT_SOURCE/examples/pasted_set.py --train 2 --test 3 --side 64 --processes 1 cifar "

/* An object's pixels are where its runs say, column by column, and nowhere else; its box is the smallest around them. */
static void expect_object(const json_t *one, const shunt_labelled_image *picture, int side, size_t *pixels)
{
    const json_t *counts = json_object_get(json_object_get(one, "segmentation"), "counts"), *run_of;
    int at = 0, box[4] = {side, side, 0, 0};
    size_t r;
    json_array_foreach(counts, r, run_of) for (json_int_t k = 0; k < json_integer_value(run_of); k++, at++)
    {
        const int x = at / side, y = at % side;
        if (r % 2 == 0) continue;
        cr_assert_eq(picture->classes[y * side + x], json_integer_value(json_object_get(one, "category_id")));
        ++*pixels;
        if (x < box[0]) box[0] = x;
        if (y < box[1]) box[1] = y;
        if (x >= box[2]) box[2] = x + 1;
        if (y >= box[3]) box[3] = y + 1;
    }
    cr_assert_eq(at, side * side);
    for (size_t k = 0; k < 4; k++)
        cr_assert_eq(json_integer_value(json_array_get(json_object_get(one, "bbox"), k)),
                     box[k] - (k < 2 ? 0 : box[k - 2]));
}

Test(eval_coco, the_pasted_set)
{
    enum { SIDE = 64 };
    put_cifar("cifar", 20);
    run("cp cifar/test_batch.bin cifar/data_batch_1.bin; " MAKE "a && " MAKE "b && diff -r a b && ls a/train a/val");
    cr_assert_eq(said.status, 0, "%s%s", said.out, said.err);
    json_t *truth = json_load_file("a/annotations/instances_val.json", 0, NULL), *one;
    const json_t *objects = json_object_get(truth, "annotations");
    shunt_pixelset *set;
    cr_assert_eq(shunt_pixelset_open("coco:a", "test", &set), SHUNT_OK, "%s", shunt_last_error());
    cr_assert(shunt_pixelset_count(set) == 3 && shunt_pixelset_classes(set) == 11);
    cr_assert_str_eq(shunt_pixelset_label(set, 4), "cat");
    for (size_t p = 0; p < 3; p++) {
        shunt_labelled_image picture;
        size_t i, found = 0, pixels = 0, labelled = 0;
        cr_assert_eq(shunt_pixelset_get(set, p, &picture), SHUNT_OK, "%s", shunt_last_error());
        cr_assert(picture.image.width == SIDE && picture.image.height == SIDE);
        json_array_foreach(objects, i, one)
        {
            if (json_integer_value(json_object_get(one, "image_id")) != (json_int_t)p + 1) continue;
            expect_object(one, &picture, SIDE, &pixels);
            found++;
        }
        for (int k = 0; k < SIDE * SIDE; k++) labelled += picture.classes[k] != 0;
        cr_assert(found >= 1 && found <= 5 && pixels == labelled, "%zu objects, %zu and %zu pixels", found, pixels,
                  labelled);
        shunt_labelled_image_free(&picture);
    }
    shunt_pixelset_close(set);
    json_decref(truth);
}
