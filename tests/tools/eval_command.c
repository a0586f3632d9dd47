/* eval_command.c - shunt eval: folders of pictures give what the same pictures give elsewhere, its counts are those of its
 * predictions, several weight files are averaged, and what is wrong in a data set is named. */
#include "tests/support/command_support.h"

TestSuite(eval, .init = enter_folder, .fini = leave_folder);

enum { COUNT = 12, CLASSES = 10 };

/* The pictures of put_cifar, in DIR/cN/NNN.ppm, or in DIR with a file of labels. */
static void put_folders(const char *dir, bool flat)
{
    uint8_t record[3073];
    char path[64];
    FILE *from = fopen("data/test_batch.bin", "rb"), *labels = fopen("labels.txt", "w");
    cr_assert(from && labels && !mkdir(dir, 0777));
    for (int i = 0; fread(record, sizeof record, 1, from) == 1; i++) {
        snprintf(path, sizeof path, "%s/c%d", dir, record[0]);
        if (!flat && i < CLASSES) cr_assert(!mkdir(path, 0777));
        if (flat)
            snprintf(path, sizeof path, "%s/%03d.ppm", dir, i);
        else
            snprintf(path, sizeof path, "%s/c%d/%03d.ppm", dir, record[0], i);
        fprintf(labels, "%03d.ppm %d\n", i, record[0]);
        FILE *to = fopen(path, "wb");
        cr_assert(to);
        fprintf(to, "P6 32 32 255\n");
        for (int p = 0; p < 1024; p++)
            for (int c = 0; c < 3; c++) putc(record[1 + c * 1024 + p], to);
        cr_assert(!fclose(to));
    }
    fclose(from);
    cr_assert(!fclose(labels));
}

typedef struct guess {
    int label, predicted;
    double probability;
} guess;

/* Of p.csv, by the number in the picture's name, or by its index where it has none. */
static int read_predictions(guess guesses[COUNT])
{
    char line[256], name[200] = "";
    int rows = 0, index;
    guess read;
    FILE *file = fopen("p.csv", "r");
    cr_assert(file && fgets(line, sizeof line, file));
    cr_assert(!strncmp(line, "index,label,predicted,probability", 33), "%s", line);
    for (; fgets(line, sizeof line, file); rows++) {
        int fields = sscanf(line, "%d,%d,%d,%lf,%199s", &index, &read.label, &read.predicted, &read.probability, name);
        cr_assert(fields >= 4 && index == rows, "%s", line);
        char *dot = fields == 5 ? strstr(name, ".ppm") : NULL;
        int number = dot ? atoi(dot - 3) : index;
        cr_assert(number >= 0 && number < COUNT);
        guesses[number] = read;
    }
    fclose(file);
    return rows;
}

static void expect_same(const guess *a, const guess *b)
{
    for (int i = 0; i < COUNT; i++)
        if (a[i].label != b[i].label || a[i].predicted != b[i].predicted || a[i].probability != b[i].probability)
            cr_assert_fail("picture %d: %d %d %f, not %d %d %f", i, a[i].label, a[i].predicted, a[i].probability,
                           b[i].label, b[i].predicted, b[i].probability);
}

static const char evaluate[] = "shunt eval --device scalar --threads 1 --predictions p.csv";

/* A picture is a picture, whichever way it is stored. */
Test(eval, folders_and_cifar_agree)
{
    guess cifar[COUNT], other[COUNT];
    put_cifar("data", COUNT);
    put_folders("set", false);
    put_folders("flat", true);
    put_weights("w.st", "resnet8", 0);
    run("%s --weights w.st --data cifar10:data", evaluate);
    expect_success();
    cr_assert_eq(read_predictions(cifar), COUNT);
    run("%s --weights w.st --data imagefolder:set --batch 5 --readers 3", evaluate);
    expect_success();
    cr_assert_eq(read_predictions(other), COUNT);
    expect_same(other, cifar);
    run("%s --weights w.st --data imagefolder:flat --picture-labels labels.txt", evaluate);
    expect_success();
    cr_assert_eq(read_predictions(other), COUNT);
    expect_same(other, cifar);
    run("tail -1 p.csv");
    cr_assert(strstr(said.out, ",011.ppm\n"), "%s", said.out);
}

/* Errors, classes and confusions counted again from the predictions. */
Test(eval, counts_are_those_of_the_predictions)
{
    guess guesses[COUNT];
    int wrong = 0, count[CLASSES] = {0}, missed[CLASSES] = {0}, taken[CLASSES][CLASSES] = {{0}};
    put_cifar("data", COUNT);
    put_folders("set", false);
    put_weights("w.st", "resnet8", 0);
    run("%s --weights w.st --data imagefolder:set --per-class --confusions 1000 --json", evaluate);
    expect_success();
    json_t *report = json_said(), *row;
    read_predictions(guesses);
    for (int i = 0; i < COUNT; i++) {
        bool miss = guesses[i].label != guesses[i].predicted;
        wrong += miss, count[guesses[i].label]++, missed[guesses[i].label] += miss;
        taken[guesses[i].label][guesses[i].predicted] += miss;
    }
    cr_assert(wrong > 0 && number_at(report, "wrong") == wrong && number_at(report, "images") == COUNT);
    cr_assert_float_eq(number_at(report, "top1_error"), 100.0 * wrong / COUNT, 1e-6);
    size_t i;
    cr_assert_eq(json_array_size(json_object_get(report, "classes")), CLASSES);
    json_array_foreach(json_object_get(report, "classes"), i, row)
    {
        cr_assert_eq(number_at(row, "images"), count[i]);
        cr_assert_float_eq(number_at(row, "top1_error"), 100.0 * missed[i] / count[i], 1e-6);
    }
    double before = COUNT, all = 0;
    json_array_foreach(json_object_get(report, "confusions"), i, row)
    {
        double times = number_at(row, "images");
        cr_assert(times <= before);
        cr_assert_eq(taken[(int)number_at(row, "class")][(int)number_at(row, "predicted")], times);
        all += before = times;
    }
    cr_assert_eq(all, wrong);
    json_decref(report);
    run("%s --weights w.st --data imagefolder:set --per-class --confusions 2", evaluate);
    expect_success();
    cr_assert(strstr(said.out, "top-5 error %") && strstr(said.out, "taken for"), "%s", said.out);
}

Test(eval, several_weight_files)
{
    guess once[COUNT], twice[COUNT];
    put_cifar("data", COUNT);
    put_weights("w.st", "resnet8", 0);
    put_weights("v.st", "resnet14", 0);
    run("%s --weights w.st --data cifar10:data", evaluate);
    expect_success();
    read_predictions(once);
    run("%s --data cifar10:data w.st resnet8=w.st --json", evaluate);
    expect_success();
    read_predictions(twice);
    expect_same(twice, once);
    run("%s --data cifar10:data w.st v.st", evaluate);
    expect_success();
    cr_assert(strstr(said.out, "resnet8 + resnet14 on scalar"), "%s", said.out);
    run("%s --data cifar10:data w.st resnet8=v.st", evaluate);
    expect_failure(1, "v.st", "resnet14");
    put_weights("seven.st", "resnet8", 7);
    run("%s --data cifar10:data w.st seven.st", evaluate);
    expect_failure(1, "10 classes", "7");
}

/* Folders that are some of the model's classes, by the names of its labels. */
Test(eval, classes_by_name)
{
    guess all[COUNT], some[COUNT];
    put_cifar("data", COUNT);
    put_folders("set", false);
    put_weights("w.st", "resnet8", 0);
    run("%s --weights w.st --data imagefolder:set", evaluate);
    read_predictions(all);
    run("mkdir part; cp -r set/c3 part/Owl; cp -r set/c8 part/n42; seq 0 9 | sed 's/^3$/barn owl, owl/; s/^8$/n42 "
        "newt/' >names");
    run("%s --weights w.st --data imagefolder:part --labels names --per-class", evaluate);
    expect_success();
    cr_assert(strstr(said.out, "3 barn owl, owl") && strstr(said.out, "8 n42 newt"), "%s", said.out);
    cr_assert_eq(read_predictions(some), 2);
    for (int i = 3; i < COUNT; i += 5)
        cr_assert(some[i].label == all[i].label && some[i].predicted == all[i].predicted, "picture %d", i);
    run("%s --weights w.st --data imagefolder:part", evaluate);
    expect_failure(1, "2 classes", "10");
}

/* Views that leave nothing to average are the usual one: 32 x 32 pictures at their own size. */
Test(eval, views)
{
    guess usual[COUNT], other[COUNT];
    put_cifar("data", COUNT);
    put_weights("w.st", "resnet8", 0);
    run("%s --weights w.st --data cifar10:data", evaluate);
    read_predictions(usual);
    run("%s --weights w.st --data cifar10:data --crops whole --scales 32", evaluate);
    expect_success();
    read_predictions(other);
    expect_same(other, usual);
    run("%s --weights w.st --data cifar10:data --crops ten --scales 36,40 --limit 2 --json", evaluate);
    expect_success();
    json_t *report = json_said();
    cr_assert_str_eq(text_at(report, "crops"), "ten");
    cr_assert_eq(json_array_size(json_object_get(report, "scales")), 2);
    json_decref(report);
    run("%s --weights w.st --data cifar10:data --crops ten --scales 20", evaluate);
    expect_failure(1, "ten crops", "20");
    static const char *const scales[] = {"0", "", "32,", ",32", "x", "32;33", "99999999999"};
    for (size_t i = 0; i < sizeof scales / sizeof *scales; i++) {
        run("%s --weights w.st --data cifar10:data --scales '%s'", evaluate, scales[i]);
        expect_failure(2, "--scales", NULL);
    }
    run("%s --weights w.st --data cifar10:data --crops nine", evaluate);
    expect_failure(2, "--crops nine", NULL);
}

/* What was used is said; and a file that convert wrote carries it. */
Test(eval, normalisation)
{
    guess usual[COUNT], typed[COUNT], carried[COUNT];
    int differ = 0;
    put_cifar("data", COUNT);
    put_weights("w.st", "resnet8", 0);
    run("%s --weights w.st --data cifar10:data", evaluate);
    expect_success();
    cr_assert(strstr(said.out, "\npictures     cifar10: short side 32 (bilinear), crop 32; RGB from 0 to 1; mean "
                               "0.485,0.456,0.406; std 0.229,0.224,0.225\n"),
              "%s", said.out);
    read_predictions(usual);
    run("%s --weights w.st --data cifar10:data --json --mean 125.3,123,113.9 --std 51.6 --range 255 --channels bgr",
        evaluate);
    expect_success();
    read_predictions(typed);
    json_t *report = json_said(), *used = json_array_get(json_object_get(report, "preprocess"), 0);
    cr_assert(json_is_null(json_object_get(used, "preset")));
    cr_assert_str_eq(text_at(used, "channels"), "bgr");
    cr_assert(number_at(used, "range") == 255 && number_at(used, "crop") == 32);
    cr_assert_float_eq(json_number_value(json_array_get(json_object_get(used, "mean"), 2)), 113.9, 1e-5);
    json_decref(report);
    for (int i = 0; i < COUNT; i++) differ += usual[i].probability != typed[i].probability;
    cr_assert_eq(differ, COUNT);
    run("shunt convert w.st v.st --mean 125.3,123,113.9 --std 51.6 --range 255 --channels bgr");
    expect_success();
    run("%s --weights v.st --data cifar10:data", evaluate);
    expect_success();
    read_predictions(carried);
    expect_same(carried, typed);
    run("%s --data cifar10:data --json v.st w.st", evaluate);
    expect_success();
    report = json_said();
    used = json_object_get(report, "preprocess");
    cr_assert(json_array_size(used) == 2 && number_at(json_array_get(used, 0), "range") == 255);
    cr_assert_str_eq(text_at(json_array_get(used, 1), "preset"), "cifar10");
    json_decref(report);
    static const char *const bad[][2] = {{"--mean 125,123,114", "--range 255"},
                                         {"--range 255", "--mean and --std"},
                                         {"--mean 1,2", "one number or three"},
                                         {"--std 0", "above 0"},
                                         {"--crop 40", "--resize"},
                                         {"--preset mnist", "cifar10-exact"},
                                         {"--channels gbr", "rgb nor bgr"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        run("%s --weights w.st --data cifar10:data %s", evaluate, bad[i][0]);
        expect_failure(2, bad[i][1], NULL);
    }
}

/* What an ONNX network asks for is found, used and said; options come first. */
Test(eval, onnx_input)
{
    put_cifar("data", COUNT);
    run("cp $SHUNT_SOURCE/tests/golden/pictures/*.onnx $SHUNT_SOURCE/tests/golden/pictures/picture.png .");
    run("%s --model ./uint8_bn.onnx --data cifar10:data", evaluate);
    expect_success();
    cr_assert(
        strstr(said.out, "pictures     raw: short side 18") &&
            strstr(said.out, "\n             the input 'x' takes whole numbers (UINT8): it is given pixels from 0"),
        "%s", said.out);
    run("shunt classify --device scalar --model ./caffe_sub.onnx --json picture.png");
    expect_success();
    json_t *report = json_said(), *used = json_object_get(report, "preprocess");
    cr_assert_str_eq(text_at(used, "input"), "the graph itself subtracts 103.9,116.8,123.7 and divides by 1,1,1: it is "
                                             "given pixels from 0 to 255, blue first");
    cr_assert_str_eq(text_at(used, "channels"), "bgr");
    json_decref(report);
    run("SHUNT_LOG=info shunt classify --device scalar --model ./raw_bn.onnx picture.png");
    cr_assert(said.status == 0 && strstr(said.err, "info: the graph itself subtracts 124.1"), "%s", said.err);
    run("shunt classify --device scalar --model ./raw_bn.onnx --preset unit picture.png");
    expect_success();
    run("shunt classify --device scalar --model ./uint8_bn.onnx --preset unit picture.png");
    expect_failure(1, "picture.png: uint8_bn: its input takes whole numbers", "preset raw");
}

/* One score decides between two classes at the threshold; several are labels for themselves. Counted again from the CSV. */
Test(eval, heads)
{
    guess guesses[COUNT];
    int wrong[2] = {0};
    put_cifar("data", COUNT);
    put_folders("set", false);
    run("mkdir two && cp -r set/c0 two/no && cp -r set/c1 two/yes && cp $SHUNT_SOURCE/tests/golden/pictures/*.onnx .");
    static const char *const thresholds[] = {"0.001", "0.999"};
    for (int t = 0; t < 2; t++) {
        run("%s --model ./one_score.onnx --data imagefolder:two --threshold %s --json", evaluate, thresholds[t]);
        expect_success();
        json_t *report = json_said();
        cr_assert_eq(read_predictions(guesses), 4);
        static const int pictures[] = {0, 10, 1, 11}; /* their labels are the last digits */
        for (int i = 0; i < 4; i++) {
            cr_assert_eq(guesses[pictures[i]].label, pictures[i] % 10);
            cr_assert_eq(guesses[pictures[i]].predicted, t == 0);
            wrong[t] += guesses[pictures[i]].label != guesses[pictures[i]].predicted;
        }
        cr_assert_eq(number_at(report, "wrong"), wrong[t]);
        cr_assert_str_eq(text_at(report, "head"), "sigmoid");
        json_decref(report);
        cr_assert_eq(wrong[t], 2);
    }
    run("shunt classify --device scalar --model ./one_score.onnx --threshold 0.001 --top 1 set/c0/000.ppm 2>&1");
    cr_assert(strstr(said.out, "%  class 1"), "%s", said.out);
    run("shunt classify --device scalar --model ./one_score.onnx --threshold 0.999 --top 1 set/c0/000.ppm 2>&1");
    cr_assert(strstr(said.out, "%  class 0"), "%s", said.out);
    run("shunt classify --device scalar --model ./five_sigmoids.onnx --json "
        "$SHUNT_SOURCE/tests/golden/pictures/picture.png");
    expect_success();
    json_t *report = json_said(), *guess_json;
    json_t *list = json_object_get(json_array_get(json_object_get(report, "images"), 0), "guesses");
    size_t i, chosen = 0;
    cr_assert_str_eq(text_at(report, "head"), "multi-label");
    json_array_foreach(list, i, guess_json)
    {
        bool is = json_is_true(json_object_get(guess_json, "chosen"));
        cr_assert_eq(is, number_at(guess_json, "probability") >= 0.5);
        chosen += is;
    }
    cr_assert(json_array_size(list) == 5 && chosen == 2, "%s", said.out); /* golden/pictures/heads.txt: 0.557, 0.821 */
    json_decref(report);
    run("shunt classify --device scalar --model ./five_sigmoids.onnx --threshold 0.9 "
        "$SHUNT_SOURCE/tests/golden/pictures/picture.png 2>&1");
    cr_assert(strstr(said.out, "\n  no class with 90 % or more\n"), "%s", said.out);
    run("mkdir five && for i in 0 1 2 3 4; do cp -r set/c$i five; done; %s --model ./five_sigmoids.onnx --data "
        "imagefolder:five",
        evaluate);
    expect_success();
    cr_assert(strstr(said.out, "head         multi-label, threshold 50 %\nmissed ") &&
                  strstr(said.out, "classes a picture"),
              "%s", said.out);
    run("%s --model ./five_scores.onnx --data imagefolder:five --head sigmoid", evaluate);
    expect_failure(2, "gives 5 scores", NULL);
    run("%s --model ./five_scores.onnx --data imagefolder:five --head both", evaluate);
    expect_failure(2, "--head both", "multi-label");
    run("%s --model ./one_score.onnx --data imagefolder:two --threshold 1.5", evaluate);
    expect_failure(2, "--threshold 1.5", NULL);
    run("%s --data imagefolder:five ./five_scores.onnx ./five_sigmoids.onnx", evaluate);
    expect_failure(1, "softmax head", "multi-label");
}

Test(eval, bad_pictures)
{
    put_cifar("data", COUNT);
    put_folders("set", false);
    put_weights("w.st", "resnet8", 0);
    put_bytes("set/c4/bad,\"1\".jpg", "no picture", 10);
    run("%s --weights w.st --data imagefolder:set", evaluate);
    expect_failure(1, "set/c4/bad,\"1\".jpg: ", "not a picture");
    cr_assert(access("p.csv", F_OK), "half a file of predictions");
    run("%s --weights w.st --data imagefolder:set --skip-bad --json", evaluate);
    cr_assert(said.status == 0 && strstr(said.err, "left out: set/c4/bad,\"1\".jpg: "), "%d: %s", said.status,
              said.err);
    json_t *report = json_said();
    cr_assert(number_at(report, "images") == COUNT && number_at(report, "bad") == 1);
    json_decref(report);
    put_picture("set/c4/a,\"b\".ppm", 32, 32); /* a name that CSV must quote */
    run("%s --weights w.st --data imagefolder:set --skip-bad; grep -c '\"c4/a,\"\"b\"\".ppm\"$' p.csv", evaluate);
    cr_assert(strstr(said.out, "left out     1 that cannot be read") && strstr(said.out, "\n1\n"), "%s", said.out);
    run("rm -r set; mkdir set set/a; echo x >set/a/1.jpg; seq 1 10 | sed 1d | while read n; do cp -r set/a set/$n; "
        "done");
    run("%s --weights w.st --data imagefolder:set --skip-bad 2>/dev/null", evaluate);
    cr_assert(said.status == 1 && !said.out[0]);
}

Test(eval, bad_sets)
{
    put_cifar("data", COUNT);
    put_folders("flat", true);
    put_weights("w.st", "resnet8", 0);
    run("%s --weights w.st --data imagefolder:flat", evaluate);
    expect_failure(1, "flat: ", "one folder per class");
    run("%s --weights w.st --data imagefolder:flat --picture-labels nosuch", evaluate);
    expect_failure(1, "nosuch: ", "No such file");
    run("head -5 labels.txt >short; %s --weights w.st --data imagefolder:flat --picture-labels short", evaluate);
    expect_failure(1, "short: ", "no label for 005.ppm");
    run("yes 10 | head -%d >high; %s --weights w.st --data imagefolder:flat --picture-labels high", COUNT, evaluate);
    expect_failure(1, "11 classes", "10");
    run("mkdir empty empty/a; %s --weights w.st --data imagefolder:empty", evaluate);
    expect_failure(1, "empty/a: ", "no picture");
    run("%s --weights w.st --data cifar10:data --labels labels.txt", evaluate);
    expect_failure(1, "labels.txt", "12 labels for 10 classes");
    run("%s --weights w.st --data cifar10:data --preset nosuch", evaluate);
    expect_failure(2, "nosuch", "timm-288");
}
