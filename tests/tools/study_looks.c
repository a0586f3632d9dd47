/* shunt study responses and shunt study lesion as a user meets them: what they measure, against PyTorch (golden/look.py), what they
 * write, draw again and say, and what is wrong in their input. */
#include "tests/support/command_support.h"
#include "tests/support/look_data.h"

TestSuite(study_looks, .init = enter_folder, .fini = leave_folder);

#define STUDY(name) "shunt study " name " --device scalar --data cifar10:set "

static json_t *golden_of(const char *model, const char *shortcut)
{
    json_t *tests = json_load_file(TEST_GOLDEN "/look.json", 0, NULL), *test, *found = NULL;
    size_t i;
    json_array_foreach(tests, i, test) if (!strcmp(text_at(test, "model"), model) &&
                                           !strcmp(text_at(test, "shortcut"), shortcut)) found = json_incref(test);
    json_decref(tests);
    cr_assert(found);
    return found;
}

/* Weights of resnet14 with option B, and of plain14. */
static void put_networks(void)
{
    shunt_model *model;
    put_pictures();
    cr_assert(!shunt_model_create("resnet14", &(shunt_model_options){.shortcut = 'B'}, &model) &&
              !shunt_model_randomize(model, 1) && !shunt_model_save(model, "residual.safetensors"));
    shunt_model_destroy(model);
    put_weights("plain.safetensors", "plain14", 10);
}

/* ---- Responses ------------------------------------------------------------------------------------------------------ */

static size_t expect_deviations(const json_t *rows, size_t first, const char *network, const json_t *golden)
{
    size_t i = 0;
    const char *name;
    json_t *expected;
    json_object_foreach(json_object_get(golden, "deviations"), name, expected)
    {
        const json_t *row = json_array_get(rows, first + i++);
        cr_assert_str_eq(text_at(row, "network"), network);
        cr_assert_str_eq(text_at(row, "name"), name);
        cr_assert_eq(number_at(row, "layer"), i);
        cr_assert_eq(number_at(row, "pictures"), PICTURES);
        double ratio = number_at(row, "deviation") / json_number_value(expected);
        if (!(fabs(ratio - 1) <= 1e-5)) cr_assert_fail("%s: %.8g times PyTorch's", name, ratio);
    }
    return first + i;
}

Test(study_looks, responses)
{
    json_t *residual = golden_of("resnet14", "B"), *plain = golden_of("plain14", "");
    put_networks();
    run(STUDY("responses") "residual.safetensors plain14=plain.safetensors --out out --json");
    expect_success();
    json_t *report = json_said(), *rows = json_object_get(report, "results");
    size_t count = expect_deviations(rows, 0, "resnet14", residual);
    cr_assert_eq(expect_deviations(rows, count, "plain14", plain), json_array_size(rows));
    cr_assert(strstr(text_at(report, "verdict"), "of the same depth? "), "%s", text_at(report, "verdict"));
    cr_assert(strstr(text_at(report, "verdict"), "of 1 pair whose training is not known and may differ"), "%s",
              text_at(report, "verdict"));
    json_decref(report);

    /* The same report, from results.csv alone. (In an SVG cairo numbers surfaces through the whole process.) */
    run("mkdir again && cp out/results.csv again && shunt study responses --out again --redraw");
    expect_success();
    run("diff -r -x '*.svg' out again");
    expect_success();
    json_decref(residual);
    json_decref(plain);
}

/* One network is no comparison, and of two of a name the second is told apart. */
Test(study_looks, names_of_networks)
{
    put_pictures();
    put_weights("a.safetensors", "resnet8", 10);
    run(STUDY("responses") "a.safetensors --out out --limit 2 --json");
    expect_success();
    cr_assert(strstr(said.out, "A comparison as in the paper needs"), "%s", said.out);
    cr_assert(strstr(said.out, "\"pictures\": 2"), "%s", said.out);
    run(STUDY("responses") "a.safetensors a.safetensors --out out --limit 2");
    expect_success();
    cr_assert(strstr(said.out, "| resnet8 (2) |"), "%s", said.out);
}

/* ---- Lesions -------------------------------------------------------------------------------------------------------- */

static const json_t *find_row(const json_t *rows, const char *network, const char *blocks)
{
    const json_t *row;
    size_t i;
    json_array_foreach((json_t *)rows, i, row) if (!strcmp(text_at(row, "network"), network) &&
                                                   !strcmp(text_at(row, "blocks"), blocks)) return row;
    cr_assert_fail("no row of %s without '%s'", network, blocks);
    return NULL;
}

static void expect_wrong(const json_t *rows, const char *network, const json_t *golden)
{
    const char *block;
    json_t *wrong;
    cr_assert_eq(number_at(find_row(rows, network, ""), "wrong"), number_at(golden, "wrong"));
    json_object_foreach(json_object_get(golden, "singles"), block, wrong)
    {
        const json_t *row = find_row(rows, network, block);
        cr_assert_eq(number_at(row, "wrong"), json_integer_value(wrong), "%s without %s", network, block);
        cr_assert_eq(number_at(row, "removed"), 1);
        cr_assert(fabs(number_at(row, "error") * PICTURES - number_at(row, "wrong")) < 1e-5);
    }
}

/* Rows of several blocks: of so many, different ones, in the network's order; and the same ones again with the same seed. */
static void expect_draws(const json_t *rows, const char *network, int most, int repeats)
{
    int drawn = 0;
    const json_t *row;
    size_t i;
    json_array_foreach((json_t *)rows, i, row)
    {
        int removed = (int)number_at(row, "removed"), names = 1;
        const char *blocks = text_at(row, "blocks");
        if (removed < 2 || strcmp(text_at(row, "network"), network)) continue;
        for (const char *plus = blocks; (plus = strchr(plus, '+')); plus++, names++)
            if (strncmp(plus - 8, plus + 1, 8) >= 0) cr_assert_fail("out of order: %s", blocks);
        if (names != removed || removed > most) cr_assert_fail("%d blocks: %s", removed, blocks);
        drawn++;
    }
    cr_assert_eq(drawn, (most - 1) * repeats, "%s: %d draws", network, drawn);
}

Test(study_looks, lesion)
{
    json_t *residual = golden_of("resnet14", "B"), *plain = golden_of("plain14", "");
    put_networks();
    run(STUDY("lesion") "residual.safetensors plain.safetensors --remove 3 --repeats 2 --out out --json");
    expect_success();
    json_t *report = json_said(), *rows = json_object_get(report, "results");
    expect_wrong(rows, "resnet14", residual);
    expect_wrong(rows, "plain14", plain);
    expect_draws(rows, "resnet14", 3, 2);
    expect_draws(rows, "plain14", 3, 2);
    cr_assert_eq(json_array_size(rows), 1 + 6 + 4 + 1 + 4 + 4); /* two of plain14's six are needed */
    cr_assert_eq(number_at(find_row(rows, "resnet14", "layer2.0"), "reshapes"), 1);
    cr_assert_eq(number_at(find_row(rows, "plain14", "layer3.1"), "block"), 6);
    json_decref(report);

    run("shunt study lesion --out out --redraw > /dev/null && cp -r out first");
    expect_success();
    run(STUDY("lesion") "residual.safetensors plain.safetensors --remove 3 --repeats 2 --seed 1 --out out");
    expect_success();
    run("diff -r -x '*.svg' out first");
    expect_success();
    json_decref(residual);
    json_decref(plain);
}

/* ---- Bad input ------------------------------------------------------------------------------------------------------ */

Test(study_looks, bad_input)
{
    put_pictures();
    put_weights("a.safetensors", "resnet8", 10);
    put_weights("seven.safetensors", "resnet8", 7);
    run("shunt study lesion a.safetensors --out out");
    expect_failure(2, "no data", "--data");
    run(STUDY("responses") "--out out");
    expect_failure(2, "no networks", "MODEL=FILE");
    run(STUDY("responses") "a.safetensors");
    expect_failure(2, "--out", NULL);
    run(STUDY("responses") "a.safetensors --models resnet8 --out out");
    expect_failure(2, "trained already", "--models");
    run(STUDY("lesion") "a.safetensors --epochs 2 --out out");
    expect_failure(2, "trained already", "--epochs");
    run(STUDY("responses") "a.safetensors --out out --remove 2");
    expect_failure(2, "responses does not use --remove", NULL);
    run(STUDY("lesion") "a.safetensors --out out --depths 8");
    expect_failure(2, "lesion does not use --depths", NULL);
    run(STUDY("lesion") "a.safetensors --out out --redraw");
    expect_failure(2, "--redraw", "results.csv");
    run(STUDY("lesion") "plain8=a.safetensors --out out"); /* not of the family asked for */
    expect_failure(1, "a.safetensors", "of a resnet8, not of a plain8");
    run(STUDY("lesion") "seven.safetensors --out out");
    expect_failure(1, "resnet8", "7");
    run(STUDY("lesion") "gone.safetensors --out out");
    expect_failure(1, "gone.safetensors", NULL);
    run("mkdir bad; echo network,removed > bad/results.csv; shunt study lesion --out bad --redraw");
    expect_failure(1, "bad/results.csv", "no column");
}
