/* detection_files.c - weight files of networks that find objects: the names of old and new ones, the epsilon of their batch norms, and those
 * that are refused. */
#include "runtime/graph/graph.h"
#include "runtime/shared/sha256.h"
#include "runtime/weights/weights.h"
#include "tests/support/detection_model.h"
#include "tests/support/model_setup.h"

#include <shunt/detect.h>
#include <shunt/segment.h>

static const char net[] = "retinanet_resnet18_fpn";
enum { CLASSES = 3 };
static const shunt_model_options three = {.size = sizeof three, .classes = CLASSES};

TestSuite(detection_files, .init = enter_folder, .fini = leave_folder);

/* ---- Names ----------------------------------------------------------------------------------------------------------- */

/* What torchvision called it before 0.13: "backbone.fpn.inner_blocks.0.weight", "head.regression_head.conv.4.bias". */
static void old_name(const char *name, char out[256])
{
    char part[64];
    int number, used = 0;
    snprintf(out, 256, "%s", name);
    if (sscanf(name, "backbone.fpn.%12[a-z]_blocks.%d.0.%n", part, &number, &used) == 2 && used)
        snprintf(out, 256, "backbone.fpn.%s_blocks.%d.%s", part, number, name + used);
    used = 0;
    if (sscanf(name, "head.%24[a-z]_head.conv.%d.0.%n", part, &number, &used) == 2 && used)
        snprintf(out, 256, "head.%s_head.conv.%d.%s", part, 2 * number, name + used);
    if (!strncmp(name, "rpn.head.conv.0.0.", 18)) snprintf(out, 256, "rpn.head.conv.%s", name + 18);
    used = 0;
    if (sscanf(name, "roi_heads.mask_head.%d.0.%n", &number, &used) == 1 && used)
        snprintf(out, 256, "roi_heads.mask_head.mask_fcn%d.%s", number + 1, name + used);
}

static void load_old_names(const char *network, size_t other)
{
    shunt_model *from = make_random_model(network, &three), *model = make_model(network, &three);
    shunt_weights *old;
    char name[256];
    size_t renamed = 0;
    cr_assert_eq(shunt_weights_create(&old), SHUNT_OK);
    for (size_t i = 0; i < shunt_weights_count(from->weights); i++) {
        const shunt_tensor_view *view = shunt_weights_at(from->weights, i);
        old_name(view->name, name);
        renamed += strcmp(name, view->name) != 0;
        cr_assert_eq(shunt_weights_set(old, name, &view->desc, view->data), SHUNT_OK);
    }
    cr_assert_eq(renamed, other);
    cr_assert_eq(shunt_weights_save(old, "old.safetensors"), SHUNT_OK);
    cr_assert_eq(shunt_model_load(model, "old.safetensors"), SHUNT_OK, "%s", shunt_last_error());
    expect_same_weights(model, from);
    shunt_weights_destroy(old);
    shunt_model_destroy(from);
    shunt_model_destroy(model);
}

Test(detection_files, names_of_torchvisions_first_files)
{
    load_old_names(net, 2 * (3 + 3 + 4 + 4));
    load_old_names("maskrcnn_resnet18_fpn", 2 * (4 + 4 + 1 + 4));
}

static void refuse_other_classes(const char *network)
{
    shunt_model *other = make_random_model(network, &three), *usual = make_model(network, NULL);
    cr_assert_eq(shunt_weights_save(other->weights, "three.safetensors"), SHUNT_OK);
    cr_assert_eq(shunt_model_load(usual, "three.safetensors"), SHUNT_E_INVALID);
    expect_message("three.safetensors: ", "the file has 3 classes, the model 91: pass --classes 3");
    shunt_model_destroy(other);
    shunt_model_destroy(usual);
}

Test(detection_files, other_classes_and_networkworks_are_refused)
{
    refuse_other_classes("maskrcnn_resnet18_fpn");
    refuse_other_classes(net);
    shunt_model *whole = make_model("resnet18", NULL);
    cr_assert_eq(shunt_model_load(whole, "three.safetensors"), SHUNT_E_INVALID);
    expect_message("fc.weight is missing", "head.regression_head.bbox_reg.weight is not the model's");
    shunt_weights *weights = take_weights("resnet18");
    EXPECT_REFUSED(weights, net, "does not fit retinanet_resnet18_fpn: backbone.body.conv1.weight is missing");
    shunt_model_destroy(whole);
}

/* ---- Epsilon --------------------------------------------------------------------------------------------------------- */

static float epsilon_of(const shunt_model *model)
{
    for (uint32_t i = 0; i < model->graph->nops; i++)
        if (model->graph->ops[i].kind == SHUNT_OP_BATCH_NORM) return model->graph->ops[i].attr.batch_norm.epsilon;
    cr_assert_fail("no batch norm");
    return -1;
}

/* Whatever the model was, then loads the file. */
static void expect_epsilon(const char *path, shunt_epsilon asked, float wanted, const char *note)
{
    const shunt_model_options options = {.size = sizeof options, .classes = CLASSES, .epsilon = asked};
    shunt_model *model = make_model(net, &options);
    cr_assert_eq(shunt_model_load(model, path), SHUNT_OK, "%s", shunt_last_error());
    cr_assert(epsilon_of(model) == wanted, "%g", (double)epsilon_of(model));
    const char *said = shunt_model_assumption(model);
    cr_assert(note ? said && strstr(said, note) : !said, "%s", said ? said : "nothing");
    shunt_model_destroy(model);
}

Test(detection_files, epsilon_is_chosen_known_or_said)
{
    const shunt_model_options bare = {.size = sizeof bare, .classes = CLASSES, .epsilon = SHUNT_EPSILON_0};
    shunt_model *model = make_random_model(net, &bare);
    cr_assert_eq(shunt_weights_save(model->weights, "plain.safetensors"), SHUNT_OK);
    expect_epsilon("plain.safetensors", SHUNT_EPSILON_KNOWN, 1e-5f, "taken as 1e-5");
    expect_epsilon("plain.safetensors", SHUNT_EPSILON_1E_5, 1e-5f, NULL);
    expect_epsilon("plain.safetensors", SHUNT_EPSILON_0, 0, NULL);
    cr_assert_eq(shunt_model_save(model, "saved.safetensors"), SHUNT_OK);
    expect_epsilon("saved.safetensors", SHUNT_EPSILON_KNOWN, 0, NULL);
    shunt_model_destroy(model);
    const shunt_model_options wrong = {.size = sizeof wrong, .epsilon = SHUNT_EPSILON_0};
    cr_assert_eq(shunt_model_create("resnet18", &wrong, &model), SHUNT_E_INVALID);
    expect_message("resnet18", "only networks that find objects have a choice");
}

/* A family whose published file is this one. */
Test(detection_files, published_files_are_known_by_their_digest)
{
    shunt_model *model = make_random_model(net, &three);
    shunt_weights *file;
    norms_choice choice;
    sha256 sum;
    char digits[65];
    cr_assert_eq(shunt_weights_save(model->weights, "w.safetensors"), SHUNT_OK);
    cr_assert_eq(shunt_weights_open("w.safetensors", &file), SHUNT_OK);
    sha256_begin(&sum);
    sha256_add(&sum, file->file.data, file->file.size);
    sha256_end(&sum, digits);
    digits[8] = '\0';
    net_family family = *model->net.family;
    net_spec spec = model->net;
    spec.family = &family;
    family.bare_files = (const char *const[]){"00000000", digits, NULL};
    norms_choose(&spec, file, &choice);
    cr_assert(choice.bare);
    cr_assert(strstr(choice.note, "taken as 0"), "%s", choice.note);
    family.bare_files = (const char *const[]){"00000000", NULL};
    norms_choose(&spec, file, &choice);
    cr_assert(!choice.bare);
    shunt_weights_destroy(file);
    shunt_model_destroy(model);
}

/* ---- Calls ----------------------------------------------------------------------------------------------------------- */

Test(detection_files, what_is_no_number_is_refused)
{
    uint8_t pixels[32 * 32 * 3] = {200};
    const shunt_image image = {32, 32, pixels};
    shunt_detections *found;
    shunt_device *device;
    cr_assert_eq(shunt_device_open("scalar", NULL, &device), SHUNT_OK);
    shunt_model *model = detection_model(net, &three, 7, 1e38, 0, 1);
    shunt_preprocess preprocess = *shunt_model_preprocess(model);
    preprocess.resize = 32;
    shunt_model_set_preprocess(model, &preprocess);
    cr_assert_eq(shunt_detect(model, device, &image, NULL, &found), SHUNT_E_INVALID);
    expect_message(net, "are the weights and the preprocessing right?");
    cr_assert_null(found);
    shunt_model_destroy(model);
    shunt_device_close(device);
}

/* What a picture of this size takes, without running it. */
Test(detection_files, runs_are_described)
{
    const shunt_detect_options few = {.size = sizeof few, .proposals = 7},
                               many = {.size = sizeof many, .proposals = 1001};
    shunt_tensor_desc inputs[SHUNT_DETECT_MOST_INPUTS];
    shunt_executor *first, *second;
    shunt_device *device;
    size_t count;
    cr_assert_eq(shunt_device_open("scalar", NULL, &device), SHUNT_OK);
    shunt_model *model = make_random_model("fasterrcnn_resnet18_fpn", &three), *dense = make_random_model(net, &three);
    cr_assert_eq(shunt_detect_run(model, device, 64, 96, &few, 0, &first, inputs, &count), SHUNT_OK);
    cr_assert(count == 1 && inputs[0].dims[1] == 3 && inputs[0].dims[2] == 64 && inputs[0].dims[3] == 96);
    cr_assert_eq(shunt_detect_run(model, device, 64, 96, &few, 1, &second, inputs, &count), SHUNT_OK);
    cr_assert(second != first && count == 5 && inputs[4].dims[0] == 7 && inputs[4].dims[1] == 5);
    for (int i = 0; i < 4; i++) cr_assert(inputs[i].dims[2] == 16 >> i && inputs[i].dims[3] == 24 >> i);
    cr_assert_eq(shunt_detect_run(model, device, 32, 32, NULL, 1, &second, inputs, &count), SHUNT_OK);
    cr_assert_eq(inputs[4].dims[0], 3 * (64 + 16 + 4 + 1 + 1)); /* all anchors */
    cr_assert_eq(shunt_detect_run(model, device, 64, 96, &few, 2, &second, inputs, &count), SHUNT_E_NOT_FOUND);
    cr_assert_eq(shunt_detect_run(model, device, 64, 96, &many, 1, &second, inputs, &count), SHUNT_E_INVALID);
    expect_message("1001 proposals", "at most 1000");
    cr_assert_eq(shunt_detect_run(dense, device, 64, 96, NULL, 0, &first, inputs, &count), SHUNT_OK);
    cr_assert_eq(shunt_detect_run(dense, device, 64, 96, NULL, 1, &first, inputs, &count), SHUNT_E_NOT_FOUND);
    cr_assert_eq(shunt_detect_run(dense, device, 64, 96, &few, 0, &first, inputs, &count), SHUNT_E_INVALID);
    expect_message(net, "proposes no boxes");
    shunt_model_destroy(model);
    shunt_model_destroy(dense);
    shunt_device_close(device);
}

Test(detection_files, wrong_calls)
{
    uint8_t pixels[3] = {0};
    const shunt_image image = {1, 1, pixels};
    const shunt_detect_options all = {.size = sizeof all, .least_score = 1.5};
    shunt_detections *found;
    shunt_segmentation map;
    shunt_device *device;
    cr_assert_eq(shunt_device_open("scalar", NULL, &device), SHUNT_OK);
    shunt_model *model = make_model(net, &three), *whole = make_random_model("resnet20", NULL);
    cr_assert_eq(shunt_detect(model, device, &image, NULL, &found), SHUNT_E_INVALID);
    expect_message(net, "has no weights yet");
    cr_assert_eq(shunt_detect(model, device, &image, &all, &found), SHUNT_E_INVALID);
    expect_message("a least score of 1.5", "between 0 and 1");
    cr_assert_eq(shunt_detect(whole, device, &image, NULL, &found), SHUNT_E_INVALID);
    expect_message("resnet20", "tells the class of a picture: classify it");
    cr_assert_eq(shunt_segment(model, device, &image, &map), SHUNT_E_INVALID);
    expect_message(net, "tells which objects are where in a picture: detect them");
    cr_assert_eq(shunt_detections_count(NULL), 0);
    cr_assert_null(shunt_detections_at(NULL, 0));
    shunt_model_destroy(model);
    shunt_model_destroy(whole);
    shunt_device_close(device);
}
