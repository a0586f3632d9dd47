/* shunt study without training: what its reports say of results that are written by hand here, and what is wrong in its input. */
#include "tests/support/command_support.h"

TestSuite(study_command, .init = enter_folder, .fini = leave_folder);

static const char run_head[] = "model,seed,data,device,recipe,batch,epochs,steps,parameters,bytes,epoch";

/* One run of two epochs: its errors in per cent after the second one; after the first they are 10 points higher. */
typedef struct errors {
    const char *model;
    int seed, training, test;
} errors;

/* DIR/results.csv with lines that end as spreadsheets end them. */
static void put_results(const char *dir, const errors *runs, size_t count)
{
    char path[64];
    snprintf(path, sizeof path, "%s/results.csv", dir);
    cr_assert(!mkdir(dir, 0777));
    FILE *file = fopen(path, "wb");
    cr_assert(file);
    fprintf(file, "%s,step,training_loss,training_error,test_loss,test_error,seconds\r\n", run_head);
    for (size_t i = 0; i < count; i++)
        for (int epoch = 1; epoch <= 2; epoch++)
            fprintf(
                file,
                "%s,%d,cifar10,\"a \"\"CPU\"\", 2 threads\",paper,128,2,640,1000,2097152,%d,%d,1,%.2f,1,%.2f,%d\r\n",
                runs[i].model, runs[i].seed, epoch, 320 * epoch, runs[i].training / 100.0 + 0.1 * (2 - epoch),
                runs[i].test / 100.0 + 0.1 * (2 - epoch), 30 + 10 * runs[i].seed);
    cr_assert(!fclose(file));
}

static void expect_said(const char *text)
{
    cr_assert(strstr(said.out, text), "no \"%s\" in: %s", text, said.out);
}

/* Pictures are drawn where there is something to draw with; then they are what their names say. */
static void expect_picture(const char *dir, const char *name)
{
    char bytes[8] = "";
    run("test -s %s/%s.svg && test -s %s/%s.png && head -c 4 %s/%s.png | tail -c 3", dir, name, dir, name, dir, name);
    memcpy(bytes, said.out, 3);
    run("ls %s/*.svg", dir);
    if (said.status == 0) cr_assert_str_eq(bytes, "PNG");
}

static const errors shown[] = {{"plain20", 1, 30, 40},  {"plain56", 1, 50, 60}, {"resnet20", 1, 28, 38},
                               {"resnet56", 1, 26, 37}, {"plain20", 2, 32, 42}, {"plain56", 2, 56, 66},
                               {"resnet20", 2, 29, 39}, {"resnet56", 2, 29, 36}};

/* 50 - 30 = 20 and 56 - 32 = 24: +22 points; 26 - 28 and 29 - 29: -1. */
Test(study_command, degradation_is_seen)
{
    put_results("d", shown, 8);
    run("shunt study degradation --out d --redraw");
    expect_success();
    expect_said("**Verdict.** Yes: the deeper plain network has the higher training error with every seed");
    expect_said(
        "After epoch 2, the training error changes by +22.00 points (+20.00 to +24.00, 2 seeds) from plain20 to "
        "plain56");
    expect_said("and by -1.00 points (-2.00 to +0.00, 2 seeds) from resnet20 to resnet56.");
    expect_said("| plain56 | 2 | 53.00 (50.00 to 56.00) | 63.00 (60.00 to 66.00) | - | 1000 |");
    expect_said("| resnet56 | 2 | 27.50 (26.00 to 29.00) | 36.50 (36.00 to 37.00) | 6.97 | 1000 |");
    expect_said("a \"CPU\", 2 threads"); /* a field in quotes */
    expect_said("640 steps of 128 pictures");
    expect_said("This budget is 1 % of that"); /* of 64,000 */
    expect_said("8 of the 8 started runs are finished");
    expect_picture("d", "plain");
    expect_picture("d", "residual");
    run("tail -c +1 d/report.md | grep -c Verdict");
    cr_assert_eq(atoi(said.out), 1);
}

/* Half of the epochs of one run, and half of the seeds after one epoch. It took half an hour where each epoch was looked for
 * in all rows, and each seed in all others. */
Test(study_command, long_results_take_no_longer_than_their_rows, .timeout = 120)
{
    enum { EPOCHS = 50000, SEEDS = 50000 };
    static const char *const models[] = {"plain20", "plain56"};
    cr_assert(!mkdir("long", 0777));
    FILE *file = fopen("long/results.csv", "wb");
    cr_assert(file);
    fprintf(file, "%s,step,training_loss,training_error,test_loss,test_error,seconds\n", run_head);
    for (int m = 0; m < 2; m++) {
        for (int seed = 1; seed <= SEEDS; seed++)
            fprintf(file, "%s,%d,d,c,paper,128,1,1,1000,1,1,1,1,%s,1,0.5,1\n", models[m], seed, m ? "0.75" : "0.5");
        for (int epoch = 2; m == 0 && epoch <= EPOCHS; epoch++)
            fprintf(file, "%s,1,d,c,paper,128,1,1,1000,1,%d,1,1,0.5,1,0.5,1\n", models[m], epoch);
    }
    fprintf(file, "resnet20,1,d,c,paper,128,1,1,1000,1,1,1,1,0.5,1,0.5,1\nresnet56,1,d,c,paper,128,1,1,1000,1,1,1,1,0."
                  "5,1,0.5,1\n");
    cr_assert(!fclose(file));
    run("shunt study degradation --out long --redraw");
    cr_assert_eq(said.status, 0, "%s", said.err);
    expect_said("the training error changes by +25.00 points (+25.00 to +25.00, 50000 seeds)");
}

static void expect_verdict(const char *dir, const errors *runs, size_t count, const char *text)
{
    put_results(dir, runs, count);
    run("shunt study degradation --out %s --redraw --json", dir);
    expect_success();
    json_t *report = json_said();
    cr_assert(strstr(text_at(report, "verdict"), text), "%s", text_at(report, "verdict"));
    json_t *row = json_array_get(json_object_get(report, "results"), 0);
    cr_assert_eq(number_at(row, "epoch"), 1);
    cr_assert_float_eq(number_at(row, "training_error"), runs[0].training / 100.0 + 0.1, 1e-9);
    json_decref(report);
}

/* Whatever the numbers are, the verdict follows from them. */
Test(study_command, degradation_is_not_seen)
{
    const errors half[] = {
        {"plain20", 1, 30, 40}, {"plain56", 1, 50, 60}, {"resnet20", 1, 28, 38}, {"resnet56", 1, 33, 37}};
    expect_verdict("half", half, 4, "Partly: the deeper plain network has the higher training error with every seed");
    expect_said("the training error changes by +20.00 points (1 seed) from plain20 to plain56, and by");
    expect_said("One seed does not show how much this varies from seed to seed.");
    const errors some[] = {{"plain20", 1, 30, 40},  {"plain56", 1, 50, 60},  {"plain20", 2, 30, 40},
                           {"plain56", 2, 50, 60},  {"resnet20", 1, 28, 38}, {"resnet56", 1, 20, 37},
                           {"resnet20", 2, 28, 38}, {"resnet56", 2, 29, 37}};
    expect_verdict("some", some, 8, "The deeper residual network does not on average, but it does with some seeds.");
    run("grep -v '^resnet56,2,.*,2097152,2,' some/results.csv > cut && mv cut some/results.csv && "
        "shunt study degradation --out some --redraw");
    expect_said("7 of the 8 started runs are finished");
    expect_said("**Verdict.** So far (some runs are not finished): ");
    const errors none[] = {
        {"plain20", 1, 30, 40}, {"plain56", 1, 29, 60}, {"resnet20", 1, 28, 38}, {"resnet56", 1, 33, 37}};
    expect_verdict("none", none, 4, "No: the deeper plain network does not have the higher training error");
    const errors mixed[] = {{"plain20", 1, 30, 40}, {"plain56", 1, 29, 60},  {"plain20", 2, 30, 40},
                            {"plain56", 2, 40, 60}, {"resnet20", 1, 28, 38}, {"resnet56", 1, 20, 37}};
    expect_verdict("mixed", mixed, 6, "has the higher training error on average, but not with every seed");
    const errors worse[] = {
        {"plain20", 1, 30, 40}, {"plain56", 1, 35, 60}, {"resnet20", 1, 28, 38}, {"resnet56", 1, 40, 37}};
    expect_verdict("worse", worse, 4, "No: depth raises the training error of the residual network at least as much");
    expect_verdict("lone", half, 1, "None yet");
}

/* Accuracy 62 and 61: 61.5. All come to 60 % of test error: plain20 after the second epoch, where it has just that. */
Test(study_command, ablation)
{
    const errors runs[] = {{"plain20", 1, 30, 60},  {"plain20", 2, 32, 60}, {"resnet20", 1, 28, 38},
                           {"resnet20", 2, 29, 39}, {"net-A", 1, 9, 20},    {"net-A", 2, 9, 20},
                           {"net-B", 1, 9, 17},     {"net-B", 2, 9, 18}};
    put_results("a", runs, 8);
    run("shunt study ablation --out a --redraw");
    expect_success();
    expect_said("After epoch 2, net-B has the lowest test error: 17.50 %.");
    expect_said("From plain20 to resnet20, the test error changes by -21.50 points (-22.00 to -21.00, 2 seeds).");
    expect_said("From net-A to net-B, the test error changes by -2.50 points (-3.00 to -2.00, 2 seeds).");
    expect_said("epochs to 60 % test error");
    expect_said("| plain20 | 2 | 40.00 (40.00 to 40.00) | 2 | 1000 | 45 | 2.0 MiB |");
    expect_said("| resnet20 | 2 | 61.50 (61.00 to 62.00) | 1 | 1000 | 45 | 2.0 MiB |");
    expect_picture("a", "curves");
}

/* 2 x (40 + 40) seconds; rows for networks that have not begun. */
Test(study_command, table6)
{
    put_results("t", (const errors[]){{"resnet110", 1, 5, 9}}, 1);
    run("shunt study table6 --out t --redraw");
    expect_success();
    expect_said(
        "1 of the paper's networks is finished. resnet110 has a test error of 9.00 %, in the paper 6.43 % (+2.57).");
    expect_said("| resnet110 | 2 of 2 | 1 | 9.00 | 6.43 (mean of 5: 6.61) | 1000 | 2.0 MiB | 0.02 |");
    expect_said("| resnet1202 | - | - | - | 7.93 | - | - | - |");
}

static void put_norms(FILE *file, const char *model, int epoch, double first, double last)
{
    fprintf(file, "%s,1,cifar10,CPU,fast,128,1,391,1000,2000,%d,1,conv1,%g\n", model, epoch, first);
    fprintf(file, "%s,1,cifar10,CPU,fast,128,1,391,1000,2000,%d,2,layer1.0.conv1,0.5\n", model, epoch);
    fprintf(file, "%s,1,cifar10,CPU,fast,128,1,391,1000,2000,%d,3,fc,%g\n", model, epoch, last);
}

Test(study_command, gradients)
{
    cr_assert(!mkdir("g", 0777));
    FILE *file = fopen("g/results.csv", "wb");
    cr_assert(file);
    fprintf(file, "%s,number,layer,norm\n", run_head);
    put_norms(file, "plain8", 0, 0.25, 1);
    put_norms(file, "plain8", 1, 0.125, 2);
    put_norms(file, "resnet8", 0, 0.75, 3);
    put_norms(file, "resnet8", 1, 1, 2);
    cr_assert(!fclose(file));
    run("shunt study gradients --out g --redraw");
    expect_success();
    expect_said(
        "At the start, the first layer's gradient is 0.25 times the last layer's in plain8, and 0.25 times in resnet8: "
        "shortcuts change this by less than a factor of 2. After epoch 1, it is 0.0625 times and 0.5 times: without "
        "shortcuts, less of it reaches the first layer.");
    expect_said("| plain8 | 3 | 1 | 0.25 | 0.0625 | 0.25 | 0.0625 |");
    expect_said("| resnet8 | 3 | 1 | 0.25 | 0.5 | 0.167 | 0.25 |");
    expect_said("2 of the 2 started runs are finished");
    expect_picture("g", "profile");
    expect_picture("g", "map-plain8");
    expect_picture("g", "map-resnet8");
}

/* A verdict of as many sentences as there are networks: none is left out. */
Test(study_command, long_verdicts)
{
    char text[64];
    cr_assert(!mkdir("g", 0777));
    FILE *file = fopen("g/results.csv", "wb");
    cr_assert(file);
    fprintf(file, "%s,number,layer,norm\n", run_head);
    for (int pair = 1; pair <= 30; pair++)
        for (int residual = 0; residual < 2; residual++) {
            snprintf(text, sizeof text, "%s%d", residual ? "resnet" : "plain", 6 * pair + 2);
            put_norms(file, text, 0, 0.25, 1);
            put_norms(file, text, 1, 0.125, 2);
        }
    cr_assert(!fclose(file));
    run("shunt study gradients --out g --redraw");
    expect_success();
    for (int pair = 1; pair <= 30; pair++) {
        snprintf(text, sizeof text, "times the last layer's in plain%d, and ", 6 * pair + 2);
        expect_said(text);
    }
}

Test(study_command, contradictions)
{
    run("shunt study");
    expect_failure(2, "no study", "degradation");
    run("shunt study degradaton --out d");
    expect_failure(2, "degradaton", "did you mean degradation?");
    run("shunt study degradation");
    expect_failure(2, "--out", NULL);
    run("shunt study degradation --out d --data cifar10:set --epochs 2 --budget 60");
    expect_failure(2, "--budget and --epochs", "give one");
    run("shunt study degradation --out d --models resnet20");
    expect_failure(2, "does not use --models", NULL);
    run("shunt study gradients --out d --depths 20");
    expect_failure(2, "does not use --depths", NULL);
    run("shunt study degradation --out d weights.safetensors");
    expect_failure(2, "does not use a file", NULL);
    run("shunt study degradation --out d --redraw --epochs 2");
    expect_failure(2, "--redraw", "--epochs");
    run("shunt study degradation --out d");
    expect_failure(2, "no data", "--data");
    run("shunt study degradation --out d --data cifar10:none");
    expect_failure(1, "none", NULL);
    run("shunt study degradation --out out.txt/d");
    expect_failure(1, "out.txt/d", "cannot be made");
}

Test(study_command, networks_that_are_none)
{
    put_cifar("set", 10);
    for (int i = 1; i <= 5; i++) run("cp set/test_batch.bin set/data_batch_%d.bin", i);
#define STUDY "shunt study gradients --device scalar --data cifar10:set --out d "
    run(STUDY "--models resnet8,vgg16");
    expect_failure(1, "no model 'vgg16'", "there are resnet18");
    run(STUDY "--models resnet8,resnet8");
    expect_failure(2, "resnet8 occurs twice", NULL);
    run(STUDY "--models resnet8,");
    expect_failure(2, "no network has such a name", NULL);
    run(STUDY "--models plain8-B");
    expect_failure(1, "plain net has no shortcuts", NULL);
    run(STUDY "--models resnet8 --recipe slow --epochs 1");
    expect_failure(1, "slow", "paper, fast");
    run("shunt study degradation --device scalar --data cifar10:set --out e --depths 20,x");
    expect_failure(2, "--depths 20,x", "numbers of layers");
    run("shunt study degradation --device scalar --data cifar10:set --out e --depths 20,20");
    expect_failure(2, "20 occurs twice", NULL);
    run("shunt study degradation --device scalar --data cifar10:set --out e --depths 19");
    expect_failure(1, "plain19", "no model 'plain19'; there are");
}

/* Results that are cut off, or of something else, are named with what is wrong. */
Test(study_command, results_that_are_none)
{
    cr_assert(!mkdir("d", 0777));
    run("shunt study degradation --out d --redraw");
    expect_failure(1, "d/results.csv", "No such file");
    run("shunt study degradation --out none --redraw");
    expect_failure(1, "none/results.csv", NULL);
    put_bytes("d/results.csv", "", 0);
    run("shunt study degradation --out d --redraw");
    expect_failure(1, "d/results.csv", "empty");
    put_bytes("d/results.csv", "model,seed\nplain20,1\n", 21);
    run("shunt study degradation --out d --redraw");
    expect_failure(1, "d/results.csv", "no column 'data'");
    put_results("c", shown, 2);
    run("head -c 300 c/results.csv > d/results.csv; exec >out.txt; shunt study degradation --out d --redraw");
    expect_failure(1, "d/results.csv: line 3", "17 fields");
    run("printf '%%s\\n' '\"never ends' > d/results.csv; exec >out.txt; shunt study degradation --out d --redraw");
    expect_failure(1, "d/results.csv", "no column");
    cr_assert(access("d/report.md", F_OK)); /* and nothing is drawn of it */
    put_bytes("d/study.json", "{}", 2);
    run("shunt study degradation --out d --data cifar10:set");
    expect_failure(1, "d/study.json", "name another --out");
}
