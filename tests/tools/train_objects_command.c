/* train_objects_command.c - shunt train of a network that finds objects, as it was built: the loss falls and shunt eval takes the result, a run
 * that is interrupted ends in the same weights, weights are taken over, and wrong calls and boxes. */
#include "tests/support/parts_run.h"

TestSuite(train_objects, .init = enter_folder, .fini = leave_folder);

#define TRAIN "shunt train --device scalar --model retinanet_resnet8 --data coco:set --batch 2 --holdout 2 "
#define WHOLE "--resize 64 --crop 64 --out "
#define SMALL "--resize 32 --crop 32 --out "
#define ANNOTATIONS "set/annotations/instances_train.json"

Test(train_objects, the_loss_falls_and_eval_takes_the_result)
{
    put_pasted_set();
    run(TRAIN WHOLE "run --epochs 4 --json");
    expect_success();
    json_t *trained = json_said();
    cr_assert(number_at(trained, "test_error") > 0 && number_at(trained, "test_error") <= 100);
    json_decref(trained);
    run("sed -n '2p;5p' run/log.csv | cut -d, -f4,6 | tr ',\\n' '  '");
    double first[2], last[2];
    cr_assert_eq(sscanf(said.out, "%lf %lf %lf %lf", &first[0], &first[1], &last[0], &last[1]), 4, "%s", said.out);
    cr_assert(last[0] < first[0] && last[1] < first[1], "%s", said.out);
    run("shunt eval --device scalar --weights run/best.safetensors --data coco:set --json");
    expect_success();
    json_t *report = json_said();
    cr_assert_eq(number_at(report, "images"), 3);
    cr_assert_geq(number_at(json_object_get(report, "boxes"), "AP50"), 0);
    json_decref(report);
}

Test(train_objects, interrupted_and_resumed)
{
    put_pasted_set();
    run(TRAIN SMALL "whole --epochs 2 --scales 0.75,1");
    cr_assert_eq(said.status, 0, "%s", said.err);
    /* The first checkpoint is that of step 0. */
    run(TRAIN SMALL "cut --epochs 2 --scales 0.75,1 & train=$!; until test -e cut/last.ckpt; do sleep 0.01; done; "
                    "kill -INT $train; wait $train");
    cr_assert(said.status == 1 && strstr(said.err, "everything is saved"), "%d: %s", said.status, said.err);
    run("shunt train --device scalar --resume --out cut");
    cr_assert_eq(said.status, 0, "%s", said.err);
    expect_same_tensors("whole/best.safetensors", "cut/best.safetensors");
    expect_same_tensors("whole/last.ckpt", "cut/last.ckpt");
    run("cut -d, -f1-7 whole/log.csv >1; cut -d, -f1-7 cut/log.csv | cmp - 1");
    expect_success();
}

static shunt_model *make(int64_t classes, const char *const *labels)
{
    const shunt_model_options options = {.size = sizeof options, .classes = classes};
    shunt_model *model;
    cr_assert(!shunt_model_create("retinanet_resnet8", &options, &model), "%s", shunt_last_error());
    cr_assert(!labels || !shunt_model_set_labels(model, labels));
    return model;
}

Test(train_objects, a_backbone_is_taken_over)
{
    shunt_model *backbone, *model = make(4, NULL);
    put_weights("resnet8.safetensors", "resnet8", 7);
    cr_assert(!shunt_model_create("resnet8", &(shunt_model_options){.classes = 7}, &backbone) &&
              !shunt_model_load(backbone, "resnet8.safetensors"));
    cr_assert_eq(shunt_model_adopt(model, "resnet8.safetensors", 3), SHUNT_OK, "%s", shunt_last_error());
    cr_assert(!memcmp(tensor_of(model, "backbone.body.layer3.0.conv1.weight"),
                      tensor_of(backbone, "layer3.0.conv1.weight"), sizeof(float) * 64 * 32 * 9));
    const float *bias = tensor_of(model, "head.classification_head.cls_logits.bias");
    for (int i = 0; i < 9 * 4; i++) cr_assert_float_eq((double)bias[i], log(0.01 / 0.99), 1e-6);
    const float *weight = tensor_of(model, "head.regression_head.bbox_reg.weight");
    double squares = 0;
    for (int i = 0; i < 36 * 64 * 9; i++) squares += (double)weight[i] * (double)weight[i];
    cr_assert_float_eq(sqrt(squares / (36 * 64 * 9)), 0.01, 2e-4); /* 20,736 draws: half a percent is one deviation */
    shunt_model_destroy(model);
    shunt_model_destroy(backbone);
}

/* Of each shape of an anchor the classes that both networks have, by their names. */
Test(train_objects, a_classifier_is_taken_over)
{
    enum { SHAPES = 9, KERNEL = 64 * 9 };
    shunt_model *from = make(3, (const char *const[]){"a", "b", "c"}),
                *model = make(2, (const char *const[]){"c", "a"});
    cr_assert(!shunt_model_randomize(from, 1) && !shunt_model_describe(from) &&
              !shunt_model_save(from, "from.safetensors"));
    cr_assert_eq(shunt_model_adopt(model, "from.safetensors", 3), SHUNT_OK, "%s", shunt_last_error());
    static const char *const names[] = {"head.classification_head.cls_logits.weight",
                                        "head.classification_head.cls_logits.bias"};
    for (int part = 0; part < 2; part++) {
        const int width = part ? 1 : KERNEL;
        const float *ours = tensor_of(model, names[part]), *theirs = tensor_of(from, names[part]);
        for (int shape = 0; shape < SHAPES; shape++)
            for (int i = 0; i < 2; i++)
                cr_assert(!memcmp(ours + (2 * shape + i) * width, theirs + (3 * shape + (i ? 0 : 2)) * width,
                                  sizeof(float) * (size_t)width));
    }
    shunt_model_destroy(model);
    shunt_model_destroy(from);
}

/* The first annotation with another box or category. */
static void change(const char *what)
{
    run("cp annotations.json " ANNOTATIONS "; sed -i '%s' " ANNOTATIONS, what);
    cr_assert_eq(said.status, 0, "%s", said.err);
}

Test(train_objects, wrong_boxes)
{
    static const struct {
        const char *change, *reason;
    } cases[] = {
        {"s/\"bbox\": \\[[^]]*\\]/\"bbox\": [1, 1, 0, 5]/", "(id 1): its bbox has no area"},
        {"s/\"bbox\": \\[[^]]*\\]/\"bbox\": [64, 1, 3, 5]/", "(id 1): its bbox lies outside of its picture"},
        {"s/\"bbox\": \\[[^]]*\\]/\"bbox\": [-4, 1, 3, 5]/", "(id 1): its bbox lies outside of its picture"},
        {"s/\"bbox\": \\[[^]]*\\]/\"bbox\": [1, 1, -3, 5]/", "(id 1): its bbox is not x, y, width >= 0, height >= 0"},
        {"s/\"category_id\": [0-9]*/\"category_id\": 99/", "(id 1): no category has its category_id"}};
    put_pasted_set();
    run("cp " ANNOTATIONS " annotations.json");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        change(cases[i].change);
        run(TRAIN SMALL "run%zu --epochs 1", i);
        expect_failure(1, ANNOTATIONS, cases[i].reason);
        run(TRAIN SMALL "skipped%zu --epochs 1 --skip-bad", i);
        cr_assert_eq(said.status, 0, "%s", said.err);
        cr_assert(strstr(said.err, ANNOTATIONS ": 1 annotations are left out"), "%s", said.err);
    }
    /* A picture without objects, and a box that lies partly outside, are good. */
    change("s/\"bbox\": \\[[^]]*\\]/\"bbox\": [-4, 1, 13, 5]/; s/\"image_id\": [0-9]*/\"image_id\": 1/g");
    run(TRAIN SMALL "none --epochs 1");
    expect_success();
    change("s/\"height\": 64/\"height\": 65/");
    run(TRAIN SMALL "other --epochs 1");
    expect_failure(1, "it has 64x64 pixels, and its annotations are for 64x65", NULL);
}

Test(train_objects, wrong_calls)
{
    put_pasted_set();
    run("shunt train --device scalar --model retinanet_resnet8 --data cifar10:cifar --out run");
    expect_failure(1, "the network tells where objects are, and the data that of pictures", NULL);
    run("shunt train --device scalar --model retinanet_resnet8 --data voc:set --out run");
    expect_failure(1, "coco:DIR", NULL);
    run(TRAIN SMALL "run --auxiliary 1");
    expect_failure(1, "auxiliary 1", NULL);
    run("shunt train --device scalar --model fasterrcnn_resnet18_fpn --data coco:set --out run");
    expect_failure(1, "fasterrcnn_resnet18_fpn", NULL);
}
