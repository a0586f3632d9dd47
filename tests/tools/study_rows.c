/* Finished runs as rows that are carried from folder to folder: they take the place of training if they are of the very run, and of no
 * other one. */
#include "tests/support/command_support.h"
#include "tests/support/train_data.h"

TestSuite(study_rows, .init = enter_folder, .fini = leave_folder);

enum { PICTURES = 4 }; /* a file: 20 for training, 4 to test */

#define STUDY "shunt study degradation --device scalar --data cifar10:set --depths 8,14 --batch 10 "

/* It succeeds, and says this on standard error. */
static void expect_noted(const char *text)
{
    cr_assert_eq(said.status, 0, "%s", said.err);
    cr_assert(strstr(said.err, text), "no \"%s\" in: %s", text, said.err);
}

/* Runs are not repeated where their rows are; what is not there is trained; and all reports are the same. */
Test(study_rows, continue_elsewhere)
{
    put_training_set("set", PICTURES);
    run(STUDY "--epochs 2 --out whole");
    expect_success();
    run("ls whole/rows | tr '\\n' ' '");
    cr_assert_str_eq(said.out, "plain14-s1.csv plain8-s1.csv resnet14-s1.csv resnet8-s1.csv ");
    run("mkdir rows && cp -r whole/rows rows && SHUNT_LOG=info " STUDY "--epochs 2 --out rows");
    expect_noted("4 runs were finished before, by their rows");
    cr_assert(access("rows/runs", F_OK));
    run("cmp whole/report.md rows/report.md && cmp whole/results.csv rows/results.csv && "
        "{ ! test -f whole/plain.png || cmp whole/plain.png rows/plain.png; }");
    expect_success();
    run("sed -i 's/,cifar10,\"[^\"]*\",/,cifar10,other,/' rows/rows/plain14-s1.csv && " STUDY "--epochs 2 --out rows");
    cr_assert(strstr(said.out, "with the devices ") && strstr(said.out, " and other and the recipe"), "%s", said.out);
    run("mkdir some && cp -r whole/rows some && rm some/rows/resnet14-s1.csv && " STUDY "--epochs 2 --out some");
    expect_success();
    run("ls some/runs && sed 's/[^,]*$//' whole/results.csv > a && sed 's/[^,]*$//' some/results.csv | cmp - a && "
        "for d in whole some; do sed 's/,cifar10,\"[^\"]*\"//' $d/rows/resnet14-s1.csv | cut -d, -f1-14,16- > $d.rows; "
        "done; cmp whole.rows some.rows"); /* but for the seconds */
    expect_success();
    cr_assert_str_eq(said.out, "resnet14-s1\n");
}

/* A file in another's place: `with` takes the place of `what` in it. It is named with what differs, the run is trained, and the file stays. */
static void expect_refused(const char *with, const char *what, const char *why)
{
    run("rm -rf other && mkdir -p other/rows && sed '2,$s|%s|%s|' out/rows/plain8-s1.csv > other/rows/plain8-s1.csv && "
        "cp other/rows/plain8-s1.csv kept && shunt study degradation --device scalar --data cifar10:set --depths 8 "
        "--batch 10 --epochs 1 --out other",
        what, with);
    expect_noted("other/rows/plain8-s1.csv: not taken: ");
    expect_noted(why);
    run("cmp other/rows/plain8-s1.csv kept && cmp out/runs/plain8-s1/best.safetensors "
        "other/runs/plain8-s1/best.safetensors && ls other/rows");
    expect_success();
    cr_assert_str_eq(said.out, "plain8-s1.csv\nresnet8-s1.csv\n");
}

Test(study_rows, of_other_runs)
{
    put_training_set("set", PICTURES);
    run("shunt study degradation --device scalar --data cifar10:set --depths 8 --batch 10 --epochs 1 --out out");
    expect_success();
    expect_refused("\"\"epochs\"\":\"\"7\"\"", "\"\"epochs\"\":\"\"1\"\"", "in its recipe it has epochs '7', not '1'");
    expect_refused("\"\"precision\"\":\"\"bf16\"\"", "\"\"precision\"\":\"\"f32\"\"", "precision 'bf16', not 'f32'");
    expect_refused("\"\"batch\"\":\"\"20\"\",\"\"schedule\"\":\"\"cosine\"\"",
                   "\"\"batch\"\":\"\"10\"\",\"\"schedule\"\":\"\"step\"\"",
                   "batch '20', not '10'; schedule 'cosine', not 'step'");
    expect_refused("plain8,2,cifar100,", "plain8,1,cifar10,", "seed is '2' there, '1' here; data is 'cifar100' there");
    expect_refused("plain14,1,", "plain8,1,", "model is 'plain14' there, 'plain8' here");
    expect_refused(",50000,10000,", ",20,4,",
                   "training_pictures is '50000' there, '20' here; test_pictures is '10000' there, '4' here");
    expect_refused("{\"\"epochs\"\"", "{\"\"name\"\"", "in its recipe ");
    run("head -n 1 out/rows/plain8-s1.csv > out/rows/resnet8-s1.csv; rm -r out/runs; shunt study degradation --device "
        "scalar --out out");
    expect_noted("resnet8-s1.csv: not taken: it has no row");
    run("printf 'plain\\n' > out/rows/resnet8-s1.csv; shunt study degradation --device scalar --out out > out.txt");
    expect_failure(1, "out/rows/resnet8-s1.csv", "no column 'model'");
}

/* Cut off by a whole line; and the options of a study that looks into its networks, whose rows come from files. */
Test(study_rows, of_looks)
{
    put_training_set("set", PICTURES);
#define LESION "shunt study lesion --device scalar --data cifar10:set --models resnet8 --batch 10 --epochs 1 "
    run(LESION "--remove 2 --repeats 1 --limit 3 --out out");
    expect_success();
    run("mkdir same && cp -r out/rows same && " LESION "--remove 2 --repeats 1 --limit 3 --out same");
    expect_success();
    run("cmp out/results.csv same/results.csv && cmp out/report.md same/report.md && ! test -d same/runs");
    expect_success();
    run("mkdir more && cp -r out/rows more && " LESION "--remove 3 --repeats 1 --limit 4 --out more");
    expect_noted("not taken: limit is '3' there, '4' here; removed_most is '2' there, '3' here.");
    run("mkdir -p cut/rows && sed '$d' out/rows/resnet8-s1.csv > cut/rows/resnet8-s1.csv && " LESION
        "--remove 2 --repeats 1 --limit 3 --out cut");
    expect_noted("not taken: rows is '5' there, '4' here.");
}

/* The control needs only the network that the penalty has left, which rows tell; what is trained on needs its weights, too. */
Test(study_rows, of_pruned_networks)
{
    put_training_set("set", PICTURES);
#define PRUNE                                                                                                          \
    "shunt study prune --device scalar --data cifar10:set --models resnet8-p1 --recipe fast --epochs 4 --batch 10 "
    run(PRUNE "--out out");
    expect_success();
    run("mkdir all && cp -r out/rows all && " PRUNE "--out all");
    expect_success();
    run("cmp out/results.csv all/results.csv && cmp out/report.md all/report.md && ! test -d all/runs");
    expect_success();
    run("mkdir -p some/rows && cp out/rows/resnet8-s1.csv out/rows/resnet8-p1-s1.csv some/rows && " PRUNE "--out some");
    expect_failure(1, "resnet8-p1-tuned, seed 1, needs its weights; copy it from where resnet8-p1 was trained", NULL);
    run("cmp out/runs/resnet8-p1-scratch-s1/best.safetensors some/runs/resnet8-p1-scratch-s1/best.safetensors");
    expect_success();
}
