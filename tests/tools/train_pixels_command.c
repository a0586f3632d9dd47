/* train_pixels_command.c - shunt train of a network that labels pixels, as it was built: its error is what shunt eval counts, a run that
 * is interrupted ends in the same weights, a backbone is taken over, and wrong calls. */
#include "tests/support/parts_run.h"

TestSuite(train_pixels, .init = enter_folder, .fini = leave_folder);

#define TRAIN "shunt train --device scalar --model fcn_resnet8 --data coco:set --batch 2 --holdout 2 "
#define WHOLE "--resize 64 --crop 64 --out "
#define SMALL "--resize 32 --crop 32 --out "

Test(train_pixels, the_error_is_that_of_eval)
{
    put_pasted_set();
    run(TRAIN WHOLE "run --epochs 3 --json");
    expect_success();
    json_t *trained = json_said();
    run("shunt eval --device scalar --weights run/best.safetensors --data coco:set --json");
    expect_success();
    json_t *report = json_said();
    cr_assert_float_eq(number_at(trained, "test_error"), 100 - number_at(report, "pixel_accuracy"), 0.02, "%g, %g",
                       number_at(trained, "test_error"), number_at(report, "pixel_accuracy"));
    cr_assert_eq(number_at(report, "images"), 3);
    json_decref(report);
    json_decref(trained);
    run("shunt inspect run/best.safetensors | grep -c aux_classifier; sed -n '2p;4p' run/log.csv | cut -d, -f4 | "
        "tr '\\n' ' '");
    double count, first, last;
    cr_assert_eq(sscanf(said.out, "%lf %lf %lf", &count, &first, &last), 3, "%s", said.out);
    cr_assert(count > 0 && last < first, "%s", said.out);
}

Test(train_pixels, interrupted_and_resumed)
{
    put_pasted_set();
    run(TRAIN SMALL "whole --epochs 2");
    cr_assert_eq(said.status, 0, "%s", said.err);
    /* The first checkpoint is that of step 0. */
    run(TRAIN SMALL "cut --epochs 2 & train=$!; until test -e cut/last.ckpt; do sleep 0.01; done; kill -INT $train; "
                    "wait $train");
    cr_assert(said.status == 1 && strstr(said.err, "everything is saved"), "%d: %s", said.status, said.err);
    run("shunt train --device scalar --resume --out cut");
    cr_assert_eq(said.status, 0, "%s", said.err);
    expect_same_tensors("whole/best.safetensors", "cut/best.safetensors");
    expect_same_tensors("whole/last.ckpt", "cut/last.ckpt");
    run("cut -d, -f1-7 whole/log.csv >1; cut -d, -f1-7 cut/log.csv | cmp - 1");
    expect_success();
}

Test(train_pixels, a_backbone_is_taken_over)
{
    const shunt_model_options options = {.size = sizeof options, .classes = 4, .auxiliary = 1};
    shunt_model *backbone, *fresh, *model;
    put_weights("resnet8.safetensors", "resnet8", 7);
    cr_assert(!shunt_model_create("resnet8", &(shunt_model_options){.classes = 7}, &backbone) &&
              !shunt_model_load(backbone, "resnet8.safetensors"));
    cr_assert(!shunt_model_create("fcn_resnet8", &options, &fresh) && !shunt_model_initialize(fresh, 3));
    cr_assert(!shunt_model_create("fcn_resnet8", &options, &model));
    cr_assert_eq(shunt_model_adopt(model, "resnet8.safetensors", 3), SHUNT_OK, "%s", shunt_last_error());
    cr_assert(!memcmp(tensor_of(model, "backbone.layer2.0.conv1.weight"), tensor_of(backbone, "layer2.0.conv1.weight"),
                      sizeof(float) * 32 * 16 * 9));
    cr_assert(!memcmp(tensor_of(model, "backbone.bn1.running_var"), tensor_of(backbone, "bn1.running_var"),
                      sizeof(float) * 16));
    cr_assert(!memcmp(tensor_of(model, "aux_classifier.0.weight"), tensor_of(fresh, "aux_classifier.0.weight"),
                      sizeof(float) * 8 * 32 * 9));
    for (int i = 0; i < 2; i++) shunt_model_destroy(i ? model : fresh);
    shunt_model_destroy(backbone);
    put_weights("resnet14.safetensors", "resnet14", 7);
    cr_assert(!shunt_model_create("fcn_resnet8", &options, &model));
    cr_assert_neq(shunt_model_adopt(model, "resnet14.safetensors", 3), SHUNT_OK);
    shunt_model_destroy(model);
}

Test(train_pixels, wrong_calls)
{
    put_pasted_set();
    run("shunt train --device scalar --model resnet8 --data coco:set --holdout 2 --batch 2 --out run");
    expect_failure(1, "the network tells the class of a picture, and the data that of pixels", NULL);
    run("shunt train --device scalar --model fcn_resnet8 --data cifar10:cifar --out other");
    expect_failure(1, "the network tells the class of each pixel, and the data that of pictures", NULL);
    run(TRAIN SMALL "run --scales 2");
    expect_failure(2, "--scales", "two numbers");
    run("sed -i 's/\"category_id\": [0-9]*/\"category_id\": 11/' set/annotations/instances_train.json; " TRAIN SMALL
        "run");
    expect_failure(1, "no category has its category_id", NULL);
}
