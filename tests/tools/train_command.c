/* shunt train as a user meets it: fine-tuning on a folder of pictures and classifying with what came of it, going on, and
 * what is wrong in its input. */
#include "tests/support/command_support.h"
#include <signal.h>

TestSuite(train_command, .init = enter_folder, .fini = leave_folder);

/* 8 x 8 pictures of one colour and some noise in a new folder: 0 red, 1 green, 2 blue. */
static void put_pictures(const char *where, int colour, int each)
{
    char path[64];
    unsigned noise = 1 + (unsigned)colour;
    run("mkdir -p %s", where);
    for (int i = 0; i < each; i++) {
        uint8_t bytes[12 + 192] = "P6 8 8 255\n";
        for (int p = 0; p < 192; p++) {
            noise = noise * 1103515245u + 12345u;
            bytes[11 + p] = (uint8_t)((noise >> 16) % 60 + (p % 3 == colour ? 190 : 0));
        }
        snprintf(path, sizeof path, "%s/%d.ppm", where, i);
        put_bytes(path, bytes, 11 + 192);
    }
}

/* pets/cat is red, pets/dog green. */
static void put_pets(int each)
{
    put_pictures("pets/cat", 0, each);
    put_pictures("pets/dog", 1, each);
}

#define TRAIN "shunt train --device scalar --data imagefolder:pets --batch 4 --holdout 4 "

/* From a network of ten classes to one of two, with their names, that needs no other file; and it has learned. */
Test(train_command, fine_tuning)
{
    put_pets(16);
    put_weights("old.safetensors", "resnet8", 10);
    run(TRAIN "--init old.safetensors --epochs 3 --lr 0.05 --seed 2 --out run --json");
    expect_success();
    json_t *report = json_said();
    cr_assert_str_eq(text_at(report, "model"), "resnet8");
    cr_assert_eq(number_at(report, "epochs"), 3);
    cr_assert_eq(number_at(report, "validation_error"), 0);
    cr_assert(json_is_null(json_object_get(report, "test_error")));
    json_decref(report);
    run("shunt classify --device scalar --weights run/best.safetensors --json pets/cat/0.ppm pets/dog/1.ppm");
    expect_success();
    const char *cat = strstr(said.out, "\"cat\""), *dog = strstr(said.out, "\"dog\"");
    cr_assert(cat && dog && cat < dog, "%s", said.out); /* cat first of the first picture */
    run("wc -l < run/log.csv");
    cr_assert_eq(atoi(said.out), 4);
    run("shunt inspect run/best.safetensors");
    cr_assert(strstr(said.out, "finetune"), "%s", said.out);
}

/* Trained, kept in the file, and gone on with. */
Test(train_command, normalisation)
{
    put_pets(6);
    run(TRAIN "--model resnet8 --recipe fast --epochs 1 --out run --preset half --channels bgr --crop 16 --resize 20");
    expect_success();
    run("shunt classify --device scalar --weights run/best.safetensors --json pets/cat/0.ppm");
    expect_success();
    json_t *report = json_said(), *used = json_object_get(report, "preprocess");
    cr_assert_str_eq(text_at(used, "channels"), "bgr");
    cr_assert(number_at(used, "resize") == 20 && number_at(used, "crop") == 16);
    json_decref(report);
    run("shunt train --device scalar --resume --out run --json");
    expect_success();
    report = json_said();
    used = json_object_get(report, "preprocess");
    cr_assert_str_eq(text_at(used, "channels"), "bgr");
    cr_assert(number_at(used, "resize") == 20 && number_at(used, "crop") == 16);
    json_decref(report);
    run("shunt train --device scalar --resume --out run --preset half");
    expect_failure(2, "--preset", "--resume");
}

static double multiply_adds_at(const char *threshold)
{
    run("shunt eval --device scalar --weights run/best.safetensors --data imagefolder:pets --json %s", threshold);
    expect_success();
    json_t *report = json_said(), *ghost = json_object_get(report, "ghost");
    const double mean = number_at(report, "multiply_adds"), least = number_at(ghost, "least_multiply_adds"),
                 most = number_at(ghost, "most_multiply_adds");
    cr_assert_eq(json_array_size(json_object_get(report, "multiply_adds_deciles")), 11);
    cr_assert(least <= mean && mean <= most, "%f", mean);
    if (!strcmp(threshold, "--ghost 0")) cr_assert_eq(mean, most);
    if (!strcmp(threshold, "--ghost 1")) cr_assert_eq(mean, least);
    json_decref(report);
    return mean;
}

/* A network with a policy, which chooses how many multiply-adds pictures take; a static one can become one. */
Test(train_command, a_policy)
{
    put_pets(12);
    run(TRAIN "--model resnet8 --recipe fast --epochs 1 --out fixed");
    expect_success();
    run(TRAIN "--init fixed/best.safetensors --epochs 2 --ghost 0.5 --out run");
    expect_success();
    cr_assert(strstr(said.out, " % of blocks run"), "%s", said.out);
    cr_assert(multiply_adds_at("--ghost 0") > multiply_adds_at("--ghost 1"));
    multiply_adds_at("");
    run("shunt eval --device scalar --weights run/best.safetensors --data imagefolder:pets");
    expect_success();
    cr_assert(strstr(said.out, "ghost-resnet8 on scalar") && strstr(said.out, "multiply-adds "), "%s", said.out);
    run("shunt classify --device scalar --weights run/best.safetensors --ghost 1 --json pets/cat/0.ppm");
    expect_success();
    run(TRAIN "--init run/best.safetensors --epochs 1 --ghost 0.25 --out more");
    expect_success();
    run("shunt eval --device scalar --weights run/best.safetensors --data imagefolder:pets --ghost 2");
    expect_failure(2, "--ghost 2", "from 0 to 1");
    run("shunt eval --device scalar --weights fixed/best.safetensors --data imagefolder:pets --ghost 0.5");
    expect_failure(1, "resnet8 has no policy", NULL);
    run(TRAIN "--model resnet8 --ghost 0 --out bad");
    expect_failure(2, "--ghost 0", "above 0");
    run(TRAIN "--model resnet8 --ghost 1.01 --out bad");
    expect_failure(2, "--ghost", "from 0 to 1");
    run(TRAIN "--model plain8 --ghost 0.5 --out bad");
    expect_failure(1, "plain8 has no block whose shortcut is the identity", NULL);
    run("shunt convert fixed/best.safetensors wrong.st && shunt eval --device scalar --model ghost-resnet8 --weights "
        "wrong.st --data imagefolder:pets");
    expect_failure(1, "the file is of a resnet8, not of a ghost-resnet8", NULL);
}

/* ---- Classes by name --------------------------------------------------------------------------------------------- */

#define TRAIN_SPLITS                                                                                                   \
    "shunt train --device scalar --data imagefolder:set --batch 4 --holdout 4 --init old.safetensors --epochs 3 "      \
    "--lr 0.05 --seed 2 --resize 16 --crop 16 --json --out "

/* A network that learns cat and dog from `train`: red and green. */
static void put_split(const char *train)
{
    char path[64];
    put_weights("old.safetensors", "resnet8", 10);
    snprintf(path, sizeof path, "set/%s/cat", train);
    put_pictures(path, 0, 16);
    snprintf(path, sizeof path, "set/%s/dog", train);
    put_pictures(path, 1, 16);
}

/* What the colours are is known, so the errors are, too: a network that tells red from green makes none. By number, Dog would be
 * class 0, and all of its pictures wrong. */
Test(train_command, test_classes_by_name)
{
    put_split("Training");
    put_pictures("set/Testing/Dog", 1, 3);
    put_pictures("set/Testing/cat", 0, 3);
    run(TRAIN_SPLITS "run");
    expect_success();
    json_t *report = json_said();
    cr_assert_eq(number_at(report, "validation_error"), 0);
    cr_assert_eq(number_at(report, "test_error"), 0);
    json_decref(report);
    run("shunt eval --device scalar --weights run/best.safetensors --data imagefolder:set --json");
    expect_success();
    report = json_said();
    cr_assert_eq(number_at(report, "top1_error"), 0);
    json_decref(report);
}

Test(train_command, fewer_test_classes)
{
    put_split("train");
    put_pictures("set/val/dog", 1, 3);
    put_pictures("set/val/.thumbs", 2, 1);
    run(TRAIN_SPLITS "run");
    expect_success();
    json_t *report = json_said();
    cr_assert_eq(number_at(report, "test_error"), 0);
    json_decref(report);
}

/* All of it is refused before the first step. */
Test(train_command, test_classes_that_do_not_match)
{
    put_split("train");
    put_pictures("set/val/dog", 1, 3);
    put_pictures("set/val/zebra", 0, 1);
    run(TRAIN_SPLITS "run");
    expect_failure(1, "class 'zebra' of the test pictures", "of the test pictures are dog, zebra");
    cr_assert(strstr(said.err, "the training classes (cat, dog)"), "%s", said.err);
    cr_assert(access("run/last.ckpt", F_OK));
    run("mv set/val/zebra set/val/cat && mv set/val/cat/0.ppm set/val/cat/9.ppm && echo broken > set/val/cat/0.ppm");
    run(TRAIN_SPLITS "run");
    expect_failure(1, "1 of 5 pictures",
                   "cat/0.ppm"); /* a test picture, which used to end the run after its last epoch */
    cr_assert(access("run/last.ckpt", F_OK));
    run(TRAIN_SPLITS "run --skip-bad");
    cr_assert_eq(said.status, 0, "%s", said.err);
    run("shunt inspect run/best.safetensors --json");
    cr_assert(strstr(said.out, "\\\"test_pictures\\\":4,\\\"test_wrong\\\":0"), "%s", said.out);
}

/* A terminal that is closed sends SIGHUP, perhaps twice: the step is finished and saved. nohup's ignoring it stays. */
Test(train_command, hang_up)
{
    signal(SIGHUP, SIG_DFL); /* whoever started the tests may ignore it */
    put_pets(6);
    run("{ " TRAIN "--model resnet8 --recipe fast --epochs 500 --resize 8 --crop 8 --out run & } ; p=$!; "
        "until test -e run/last.ckpt; do sleep 0.05; done; sleep 0.3; kill -HUP $p; kill -HUP $p; wait $p");
    expect_failure(1, "stopped after this step, everything is saved", "--resume --out run");
    run("shunt inspect run/last.ckpt --json");
    expect_success();
    cr_assert(!strstr(said.out, "\\\"step\\\":0,"), "%s", said.out);
    run("trap '' HUP; { " TRAIN "--model resnet8 --recipe fast --epochs 3 --resize 8 --crop 8 --out run2 & } ; p=$!; "
        "until test -e run2/last.ckpt; do sleep 0.05; done; kill -HUP $p; wait $p");
    expect_success();
}

/* Two at once: one is refused, and the other ends as it does alone. */
Test(train_command, two_runs_in_one_folder)
{
    put_split("train");
    put_pictures("set/val/dog", 1, 3);
    put_pictures("set/val/cat", 0, 3);
    run(TRAIN_SPLITS "alone");
    expect_success();
    run("for i in 1 2; do { " TRAIN_SPLITS
        "two >$i.out 2>$i.err; echo $? >>codes; } & done; wait; sort codes; cat ?.err");
    cr_assert(!strncmp(said.out, "0\n1\n", 4), "%s", said.out);
    cr_assert(strstr(said.out, "two: another run is writing") ||
                  strstr(said.out, "two/last.ckpt: this folder holds an earlier run"),
              "%s", said.out);
    run("cmp alone/best.safetensors two/best.safetensors");
    expect_success();
}

/* The checkpoint says model, data and recipe; a run that is over is not trained again; what differs is refused. */
Test(train_command, going_on)
{
    put_pets(6);
    run(TRAIN "--model resnet8 --recipe fast --epochs 1 --out run");
    expect_success();
    cr_assert(strstr(said.out, "epoch 1/1  rate"), "%s", said.out);
    cr_assert(strstr(said.out, "validation") && strstr(said.out, "weights       run/best.safetensors"), "%s", said.out);
    run("shunt train --device scalar --resume --out run");
    expect_success();
    cr_assert(!strstr(said.out, "epoch 1/1"), "%s", said.out);
    run(TRAIN "--model resnet8 --recipe fast --epochs 1 --out run");
    expect_failure(1, "run/last.ckpt", "--resume");
    run("shunt train --device scalar --resume --lr 0.3 --out run");
    expect_failure(1, "run/last.ckpt", "rate '0.2', not '0.3'");
    run("shunt train --device scalar --resume --model plain8 --out run");
    expect_failure(2, "run/last.ckpt", "resnet8, not of a plain8");
    run("shunt train --device scalar --resume --out none");
    expect_failure(1, "none/last.ckpt", "No such file");
    /* Repeated from its own output: the same weights. */
    run(TRAIN "--model resnet8 --recipe run/best.safetensors --out again");
    expect_success();
    run("cmp run/best.safetensors again/best.safetensors");
    expect_success();
}

Test(train_command, bad_input)
{
    put_pets(6);
    run("shunt train --model resnet8 --out run");
    expect_failure(2, "no data", "--data");
    run("shunt train --model resnet8 --data imagefolder:pets");
    expect_failure(2, "--out", NULL);
    run(TRAIN "--out run");
    expect_failure(2, "no model", "--model");
    run(TRAIN "--model resnet8 --out run --recipe slow");
    expect_failure(1, "slow", "paper, fast and finetune");
    run(TRAIN "--model resnet8 --out run --lr fast");
    expect_failure(2, "--lr", "a number");
    run(TRAIN "--model resnet8 --out run --shortcut D");
    expect_failure(2, "--shortcut D", NULL);
    run(TRAIN "--model resnet8 --out run --freeze layer7");
    expect_failure(1, "layer7", "no parameter");
    run(TRAIN "--model resnet8 --out run --init pets/cat/0.ppm");
    expect_failure(1, "pets/cat/0.ppm", NULL);
    put_bytes("pets/dog/3.ppm", "P6 8 8 255\n...", 14);
    run(TRAIN "--model resnet8 --out run");
    expect_failure(1, "1 of 12 pictures", "pets/dog/3.ppm");
    cr_assert(access("run/last.ckpt", F_OK));
    run(TRAIN "--model resnet8 --out run --recipe fast --epochs 1 --skip-bad");
    cr_assert_eq(said.status, 0, "%s", said.err);
    cr_assert(strstr(said.err, "left out: ") && strstr(said.err, "pets/dog/3.ppm"), "%s", said.err);
    cr_assert(!mkdir("pets/owl", 0777));
    run(TRAIN "--model resnet8 --out run2");
    expect_failure(1, "pets/owl", "no picture");
}
