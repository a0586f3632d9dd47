/* shunt study with training, of tiny networks on a made-up set: it trains as shunt train does, it is tested on the test pictures,
 * and a study that is killed and resumed ends in the same results. */
#include "tests/support/command_support.h"
#include "tests/support/train_data.h"
#include <math.h>

TestSuite(study_runs, .init = enter_folder, .fini = leave_folder);

enum { PICTURES = 4 }; /* a file: 20 for training, 4 to test */

#define DEGRADATION "shunt study degradation --device scalar --data cifar10:set --depths 8 --epochs 2 --batch 10 "

/* A field of a line of a CSV file without quotes, both from 0. */
static double field(const char *path, int line, int column)
{
    run("sed -n %dp %s | sed 's/\"[^\"]*\"/device/' | cut -d, -f%d", line + 1, path, column + 1);
    return atof(said.out);
}

/* The very numbers of shunt train with the same recipe; and shunt eval's error. */
Test(study_runs, trains_as_train_does)
{
    put_training_set("set", PICTURES);
    run(DEGRADATION "--out out --json");
    expect_success();
    json_t *report = json_said(), *rows = json_object_get(report, "results");
    cr_assert_eq(json_array_size(rows), 4);
    const json_t *row = json_array_get(rows, 3);
    cr_assert_str_eq(text_at(row, "model"), "resnet8");
    cr_assert_str_eq(text_at(row, "data"), "cifar10");
    cr_assert_eq(number_at(row, "epoch"), 2);
    cr_assert_eq(number_at(row, "epochs"), 2);
    cr_assert_eq(number_at(row, "step"), 4); /* 20 / 10 an epoch */
    cr_assert_eq(number_at(row, "steps"), 4);
    /* 3x3 layers 3-16-16-16-32-32-64-64, batch norms, 64 x 10 + 10. */
    double convs = 9 * (3 * 16 + 2 * 16 * 16 + 16 * 32 + 32 * 32 + 32 * 64 + 64 * 64),
           norms = 2 * (3 * 16 + 2 * 32 + 2 * 64);
    cr_assert_eq(number_at(row, "parameters"), convs + norms + 650);
    cr_assert_gt(number_at(row, "bytes"), 3 * 4 * (convs + norms)); /* weights, gradients, velocities */
    run("shunt train --device scalar --data cifar10:set --model resnet8 --epochs 2 --batch 10 --seed 1 --holdout 0 "
        "--out train");
    expect_success();
    for (int line = 1; line <= 2; line++)
        for (int column = 0; column <= 4; column++)
            cr_assert_eq(field("train/log.csv", line, column), field("out/runs/resnet8-s1/log.csv", line, column));
    cr_assert_eq(number_at(row, "training_error"), field("train/log.csv", 2, 4));
    run("shunt eval --device scalar --weights train/best.safetensors --data cifar10:set --json");
    expect_success();
    json_t *eval = json_said();
    cr_assert_float_eq(number_at(row, "test_error"), number_at(eval, "wrong") / PICTURES, 1e-6);
    json_decref(eval);
    json_decref(report);
}

/* Killed in the middle, stopped by hand, and repeated: the same results, times apart. */
Test(study_runs, goes_on)
{
    put_training_set("set", PICTURES);
    run(DEGRADATION "--out whole");
    expect_success();
    run("(" DEGRADATION "--out cut & p=$!; while kill -0 $p && ! test -f cut/runs/resnet8-s1/last.ckpt; do sleep 0.01; "
        "done; kill -9 $p; "
        "wait) 2>&1");
    run("shunt study degradation --device scalar --out cut"); /* study.json has the rest */
    expect_success();
    run("sed 's/[^,]*$//' whole/results.csv > a; sed 's/[^,]*$//' cut/results.csv | cmp - a && wc -l < a");
    expect_success();
    cr_assert_eq(atoi(said.out), 5);
    run("cmp whole/report.md cut/report.md && { ! test -f whole/plain.png || cmp whole/plain.png cut/plain.png; }");
    expect_success();
    run("stat -c %%Y-%%i cut/runs/*/last.ckpt > before; " DEGRADATION
        "--out cut; stat -c %%Y-%%i cut/runs/*/last.ckpt | cmp - before");
    expect_success(); /* nothing was trained again */
    run(DEGRADATION "--out cut --seeds 1 --recipe fast");
    expect_failure(2, "cut/study.json: the study began without --recipe", NULL);
    run("shunt study degradation --device scalar --epochs 3 --out cut");
    expect_failure(2, "cut/study.json: the study began with --epochs 2", "another --out");
    run("shunt study ablation --device scalar --out cut");
    expect_failure(2, "this file is from the study degradation", NULL);
}

/* At the start, and as a mean over the epoch's only step, from the same weights: other pictures, so near but not the same. */
Test(study_runs, gradients)
{
    put_training_set("set", PICTURES);
    run("shunt study gradients --device scalar --data cifar10:set --models cnn --epochs 1 --batch 20 --out out");
    expect_success();
    run("cut -d, -f1-2,12- out/results.csv | sed 's/, [^,]*\"//' | wc -l");
    cr_assert_eq(atoi(said.out), 9); /* a line of names; conv1, conv2, conv3, fc, twice */
    for (int layer = 1; layer <= 4; layer++) {
        double start = field("out/results.csv", layer, 13), end = field("out/results.csv", layer + 4, 13);
        cr_assert(start > 0 && end > start / 3 && end < 3 * start, "%g, %g", start, end);
        cr_assert_eq(field("out/results.csv", layer, 10), 0);
        cr_assert_eq(field("out/results.csv", layer + 4, 10), 1);
    }
    run("sed -n 's/^1,conv2.weight,//p' out/runs/cnn-s1/gradients.csv");
    cr_assert_eq(atof(said.out), field("out/results.csv", 6, 13));
}

static const json_t *find_row(const json_t *rows, const char *model, int epoch)
{
    size_t i;
    json_t *row;
    json_array_foreach(rows, i,
                       row) if (!strcmp(text_at(row, "model"), model) && number_at(row, "epoch") == epoch) return row;
    cr_assert_fail("no %s, epoch %d", model, epoch);
    return NULL;
}

/* Four runs of one name. What the penalty leaves is what two of them are of; it is the very file that shunt convert makes, and its
 * error before it is trained on is that of the penalised run. Runs are not repeated. */
Test(study_runs, prune)
{
    put_training_set("set", PICTURES);
    run("shunt study prune --device scalar --data cifar10:set --models resnet8-p1 --recipe fast --epochs 4 --batch 10 "
        "--out out --json");
    expect_success();
    json_t *report = json_said(), *rows = json_object_get(report, "results");
    cr_assert_eq(json_array_size(rows), 4 + 3 + 1 + 4);
    const json_t *whole = find_row(rows, "resnet8", 4), *penalised = find_row(rows, "resnet8-p1", 3),
                 *tuned = find_row(rows, "resnet8-p1-tuned", 1), *scratch = find_row(rows, "resnet8-p1-scratch", 4);
    const char *left = text_at(penalised, "network");
    cr_assert_str_eq(left, "resnet8-0-1-1");
    cr_assert_str_eq(text_at(tuned, "network"), left);
    cr_assert_str_eq(text_at(scratch, "network"), left);
    cr_assert_eq(number_at(whole, "blocks"), 3);
    cr_assert_eq(number_at(penalised, "blocks"), 2);
    /* A block of two 3x3 convolutions has the same multiply-adds in each stage: 2 x 9 x 16 x 16 x 32 x 32. */
    cr_assert_eq(number_at(whole, "macs") - number_at(tuned, "macs"), 2 * 9 * 16 * 16 * 32 * 32);
    cr_assert(strstr(text_at(report, "verdict"), "resnet8-p1 has "), "%s", text_at(report, "verdict"));
    run("shunt convert out/runs/resnet8-p1-s1/best.safetensors again.safetensors --drop-zero-blocks && cmp "
        "again.safetensors out/runs/resnet8-p1-s1/smaller.safetensors");
    expect_success();
    run("shunt eval --device scalar --weights again.safetensors --data cifar10:set --json");
    expect_success();
    json_t *eval = json_said();
    cr_assert_float_eq(number_at(penalised, "test_error"), number_at(eval, "wrong") / PICTURES, 1e-6);
    json_decref(eval);
    json_decref(report);
    run("stat -c %%Y-%%i out/runs/*/last.ckpt > before; shunt study prune --device scalar --out out; stat -c %%Y-%%i "
        "out/runs/*/last.ckpt | cmp - before");
    expect_success();
    run("shunt study prune --device scalar --data cifar10:set --models plain8-p0.1 --epochs 4 --batch 10 --out plain");
    expect_failure(1, "no block whose shortcut is the identity", NULL);
    run("shunt study prune --device scalar --data cifar10:set --models resnet8-p5000 --epochs 4 --batch 10 --out "
        "strong");
    expect_failure(1, "prune '5000': expected a number from 0 to 1000", NULL);
    run("shunt study prune --data cifar10:set --models resnet8-p0.1-tuned --out x");
    expect_failure(2, "the study makes this run by itself", NULL);
    run("shunt study prune --data cifar10:set --budget 5 --out x");
    expect_failure(2, "prune does not use --budget", NULL);
}

static double test_error(const json_t *rows, const char *model, int seed)
{
    size_t i;
    json_t *row;
    json_array_foreach(rows, i, row) if (!strcmp(text_at(row, "model"), model) &&
                                         number_at(row, "seed") == seed) return number_at(row, "test_error");
    cr_assert_fail("no %s, seed %d", model, seed);
    return 0;
}

/* Each network in three precisions; the mean difference of two seeds and its interval, worked out here: t is 12.706 then, and the
 * deviation of the mean half of how far the two are apart. A run of it is shunt train's with --precision. */
Test(study_runs, precision)
{
    put_training_set("set", PICTURES);
    run("shunt study precision --device scalar --data cifar10:set --models resnet8 --recipe fast --epochs 1 --batch 10 "
        "--seeds 2 --out out --json");
    expect_success();
    json_t *report = json_said(), *rows = json_object_get(report, "results");
    cr_assert_eq(json_array_size(rows), 6);
    static const char *const models[] = {"resnet8-f16", "resnet8-bf16"};
    for (int m = 0; m < 2; m++) {
        double points[2];
        char line[256];
        for (int seed = 1; seed <= 2; seed++)
            points[seed - 1] = 100 * (test_error(rows, models[m], seed) - test_error(rows, "resnet8-f32", seed));
        const double mean = (points[0] + points[1]) / 2, margin = 12.706 * fabs(points[1] - points[0]) / 2;
        snprintf(line, sizeof line,
                 "%s: %+.2f points, between %+.2f and %+.2f with 95 %% confidence, 2 seeds, which is %s", models[m],
                 mean, mean - margin, mean + margin, mean <= 0.4 ? "within the goal" : "above the goal");
        cr_expect(strstr(text_at(report, "verdict"), line), "no %s in %s", line, text_at(report, "verdict"));
    }
    json_decref(report);
    run("shunt train --device scalar --data cifar10:set --model resnet8 --recipe fast --epochs 1 --batch 10 --seed 2 "
        "--holdout 0 --precision bf16 --out train");
    expect_success();
    for (int column = 0; column <= 4; column++)
        cr_assert_eq(field("train/log.csv", 1, column), field("out/runs/resnet8-bf16-s2/log.csv", 1, column));
    run("shunt inspect --json out/runs/resnet8-f16-s1/last.ckpt | grep -c 'precision.....f16'"); /* in the text of its recipe */
    expect_success();
}

/* Runs of a larger batch are those of shunt train with the options that the documents name. */
Test(study_runs, batch)
{
    put_training_set("set", 14); /* 70 for training */
    run("shunt study batch --device scalar --data cifar10:set --models resnet8 --recipe fast --epochs 2 --batch 2 "
        "--out out --json");
    expect_success();
    json_t *report = json_said(), *rows = json_object_get(report, "results");
    cr_assert_eq(json_array_size(rows), 6);
    const double points =
        100 * (number_at(json_array_get(rows, 3), "test_error") - number_at(json_array_get(rows, 1), "test_error"));
    char line[64];
    snprintf(line, sizeof line, "resnet8-x8: %+.2f points (1 seed)", points);
    cr_expect(strstr(text_at(report, "verdict"), line), "no %s in %s", line, text_at(report, "verdict"));
    json_decref(report);
    static const char *const more[] = {"", "--batch 16 --accumulate 8 --lr-batch 2 --warm-up-epochs 1",
                                       "--batch 64 --accumulate 32 --lr-batch 2 --warm-up-epochs 1 --lars 0.001"};
    for (int i = 0; i < 3; i++) {
        char command[512], train[32], study[64];
        snprintf(command, sizeof command,
                 "shunt train --device scalar --data cifar10:set --model resnet8 --recipe fast --epochs 2 --seed 1 "
                 "--holdout 0 "
                 "--out train%d --batch 2 %s",
                 i, more[i]);
        run("%s", command);
        expect_success();
        snprintf(train, sizeof train, "train%d/log.csv", i);
        snprintf(study, sizeof study, "out/runs/resnet8-x%d-s1/log.csv", (int[]){1, 8, 32}[i]);
        for (int column = 0; column <= 4; column++)
            cr_assert_eq(field(train, 2, column), field(study, 2, column), "%s, column %d", study, column);
    }
}

/* Rows are by network, two epochs each. */
static double cell(const json_t *rows, int network, int epoch, const char *column)
{
    return number_at(json_array_get(rows, (size_t)(2 * network + epoch - 1)), column);
}

/* The table's line of a network, worked out here from what was measured; target: in per cent. */
static void expect_line(const json_t *rows, int network, const char *name, int parameters, int target)
{
    char line[256], seconds[32];
    double first = cell(rows, network, 1, "test_error"), last = cell(rows, network, 2, "test_error");
    snprintf(seconds, sizeof seconds, "%.3g", cell(rows, network, 2, "seconds"));
    snprintf(line, sizeof line, "| %s | 1 | %.2f | %d | %d | %s | %.1f MiB |", name, 100 * (1 - last),
             100 * first <= target ? 1 : 2, parameters, seconds, cell(rows, network, 2, "bytes") / 1048576);
    run("cat out/report.md");
    cr_assert(strstr(said.out, line), "no \"%s\" in: %s", line, said.out);
}

/* Sizes by hand: 3x3 convolutions, two numbers of each batch norm's channel, the classifier, option B's 1x1 shortcuts. */
Test(study_runs, ablation)
{
    static const char *const names[] = {"cnn", "mini-resnet", "resnet8-A", "resnet8-B"};
    const int plain8 = 9 * (3 * 16 + 2 * 16 * 16 + 16 * 32 + 32 * 32 + 32 * 64 + 64 * 64) +
                       2 * (3 * 16 + 2 * 32 + 2 * 64) + 64 * 10 + 10;
    const int parameters[] = {9 * (3 * 64 + 64 * 128 + 128 * 256) + 2 * (64 + 128 + 256) + 256 * 10 + 10,
                              9 * (3 * 32 + 2 * 32 * 32 + 32 * 64 + 64 * 64 + 64 * 128 + 128 * 128) +
                                  (32 * 64 + 64 * 128) + 2 * (3 * 32 + 3 * 64 + 3 * 128) + 128 * 10 + 10,
                              plain8, plain8 + (16 * 32 + 32 * 64) + 2 * (32 + 64)};
    double worst = 0, least = 1;
    put_training_set("set", 2);
    run("shunt study ablation --device scalar --data cifar10:set --models cnn,mini-resnet,resnet8-A,resnet8-B "
        "--epochs 2 --batch 10 --out out --json");
    expect_success();
    json_t *report = json_said(), *rows = json_object_get(report, "results");
    cr_assert_eq(json_array_size(rows), 8);
    for (int n = 0; n < 4; n++) {
        char log[64];
        double errors[] = {cell(rows, n, 1, "test_error"), cell(rows, n, 2, "test_error")};
        worst = fmax(worst, fmin(errors[0], errors[1]));
        least = fmin(least, errors[1]);
        snprintf(log, sizeof log, "out/runs/%s-s1/log.csv", names[n]);
        for (int epoch = 1; epoch <= 2; epoch++) {
            cr_assert_eq(cell(rows, n, epoch, "parameters"), parameters[n], "%s", names[n]);
            cr_assert_eq(errors[epoch - 1], field(log, epoch, 6));
            cr_assert_eq(cell(rows, n, epoch, "seconds"), field(log, epoch, 7));
        }
        cr_assert_gt(cell(rows, n, 2, "bytes"), 3 * 4 * parameters[n]); /* weights, gradients, velocities */
    }
    int target = (int)ceil(100 * worst - 1e-9);
    for (int n = 0; n < 4; n++) expect_line(rows, n, names[n], parameters[n], target);
    char verdict[160];
    snprintf(
        verdict, sizeof verdict,
        "has the lowest test error: %.2f %%. From cnn to mini-resnet, the test error changes by %+.2f points (1 seed).",
        100 * least, 100 * (cell(rows, 1, 2, "test_error") - cell(rows, 0, 2, "test_error")));
    cr_assert(strstr(text_at(report, "verdict"), verdict), "no %s in %s", verdict, text_at(report, "verdict"));
    cr_assert(strstr(text_at(report, "verdict"), "From resnet8-A to resnet8-B"));
    json_decref(report);
}

/* The first fields of results.csv, up to `last`, are those that the same command writes of the weight files. */
static void expect_the_same(const char *study, const char *models, const char *files, int last)
{
    run("shunt study %s --device scalar --data cifar10:set --models %s --epochs 1 --batch 10 --limit 3 --out out",
        study, models);
    expect_success();
    run("shunt study %s --device scalar --data cifar10:set --limit 3 %s --out files", study, files);
    expect_success();
    run("cut -d, -f1-%d out/results.csv > a; cut -d, -f1-%d files/results.csv | cmp - a && cat a", last, last);
    expect_success();
}

static void expect_text(const char *text)
{
    cr_assert(strstr(said.out, text), "no \"%s\" in: %s", text, said.out);
}

/* Networks that are trained on the spot are looked at as files are, by their last weights: after one epoch those are the best,
 * too. What is measured stays, and what is not is made up for without training. */
Test(study_runs, responses)
{
    put_training_set("set", PICTURES);
    expect_the_same("responses", "plain8,resnet8",
                    "out/runs/plain8-s1/best.safetensors out/runs/resnet8-s1/best.safetensors", 6);
    expect_text("plain8,7,layer3.0.conv2,3,");
    expect_text("resnet8,7,layer3.0.conv2,3,");
    run("grep -h Verdict out/report.md files/report.md | grep -c 'of 1 pair trained alike: resnet8 .*`paper`, 1 epoch, "
        "batch 10'");
    cr_assert_eq(atoi(said.out), 2);
    run("grep -c 'This budget is .* %% of that' out/report.md");
    cr_assert_eq(atoi(said.out), 1);
    run("cp out/results.csv before; stat -c %%Y-%%i out/runs/*/last.ckpt > times; rm out/runs/plain8-s1/look.csv; "
        "shunt study responses --device scalar --out out > /dev/null && cmp out/results.csv before && "
        "stat -c %%Y-%%i out/runs/*/last.ckpt | cmp - times");
    expect_success();
    run("shunt study responses --device scalar --out out --limit 2");
    expect_failure(2, "the study began with --limit 3", NULL);
    run("shunt study responses out/runs/plain8-s1/best.safetensors --device scalar --out out");
    expect_failure(2, "out: a study that trains its networks has begun there", NULL);
    run("shunt study responses --device scalar --data cifar10:set --epochs 1 --out none");
    expect_failure(2, "no networks", "--models");
}

Test(study_runs, lesion)
{
    put_training_set("set", PICTURES);
    expect_the_same("lesion --remove 2 --repeats 1", "resnet8", "out/runs/resnet8-s1/best.safetensors", 11);
    expect_text(
        "resnet8,1,0,layer3.0,1,3,3,3,"); /* one taken out; it changes the shape, is the third of 3; 3 pictures */
    run("sed 1d out/results.csv | wc -l");
    cr_assert_eq(atoi(said.out), 1 + 3 + 1);
}

/* Each network has its share; what is too little is said before anything is written, with what it would take. */
Test(study_runs, budgets)
{
    put_training_set("set", PICTURES);
    run("shunt study table6 --device scalar --data cifar10:set --depths 32 --batch 10 --seeds 1000 --budget 1 --out "
        "little");
    expect_failure(2, "--budget 1: one epoch of each network (1 of them, 1000 times) takes some", "minutes on scalar");
    cr_assert(access("little/runs", F_OK) && access("little/study.json", F_OK));
}

/* The number of epochs from --budget stays as the study began, however fast the device is when it continues. */
Test(study_runs, budgets_are_kept)
{
    static const char plan[] =
        "{\"study\": \"table6\", \"budget_epochs\": 1, \"data\": \"cifar10:set\", \"depths\": \"8\", "
        "\"seeds\": 1, \"batch\": 20, \"budget\": 60}";
    put_training_set("set", PICTURES);
    cr_assert(!mkdir("out", 0777));
    put_bytes("out/study.json", plan, sizeof plan - 1);
    run("shunt study table6 --device scalar --budget 90 --out out");
    expect_failure(2, "out/study.json: the study began with --budget 60", NULL);
    run("shunt study table6 --device scalar --out out --json");
    expect_success();
    json_t *report = json_said(), *rows = json_object_get(report, "results");
    cr_assert_eq(json_array_size(rows), 1);
    cr_assert_str_eq(text_at(json_array_get(rows, 0), "model"), "resnet8");
    cr_assert_eq(number_at(json_array_get(rows, 0), "epochs"), 1);
    json_decref(report);
}

/* A recipe of its own on few pictures, whatever the networks; the report says so first, as does the verdict. A plan that began with it is
 * continued so, and no other one is. */
Test(study_runs, quick)
{
    put_training_set("set", 40); /* 200 pictures */
#define QUICK "shunt study degradation --device scalar --data cifar10:set --depths 8 "
    run(QUICK "--quick --out out --json");
    expect_success();
    json_t *report = json_said(), *row = json_array_get(json_object_get(report, "results"), 0);
    cr_assert_str_eq(text_at(row, "recipe"), "quick");
    const double epochs = number_at(row, "epochs"), batch = number_at(row, "batch");
    cr_assert(epochs >= 1 && epochs <= 20 && number_at(row, "steps") == epochs * floor(200 / batch));
    cr_assert(!strncmp(text_at(report, "verdict"), "Quick, not the finding itself. None yet", 39), "%s",
              text_at(report, "verdict"));
    run("sed -n 3p out/report.md");
    expect_text("Quick: smaller networks, fewer pictures; not the finding itself.");
    run("shunt inspect --json out/runs/resnet8-s1/last.ckpt");
    expect_text("\\\"name\\\":\\\"quick\\\"");
    expect_text("\\\"limit\\\":\\\"2000\\\"");
    run("stat -c %%Y-%%i out/runs/*/last.ckpt > before; shunt study degradation --device scalar --out out && "
        "shunt study degradation --device scalar --out out --quick && stat -c %%Y-%%i out/runs/*/last.ckpt | cmp - "
        "before");
    expect_success();
    run(QUICK "--epochs 1 --batch 100 --out plain");
    expect_success();
    run("shunt study degradation --device scalar --out plain --quick");
    expect_failure(2, "plain/study.json: the study began without --quick", NULL);
    run(QUICK "--quick --epochs 3 --out x");
    expect_failure(2, "--quick says how to train and how long", NULL);
    run("shunt study lesion --quick --data cifar10:set --out x weights.safetensors");
    expect_failure(2, "does not go with --quick", NULL);
    run("shunt study degradation --redraw --quick --out out");
    expect_failure(2, "does not use --quick", NULL);
    json_decref(report);
}
