/* tune_command.c - shunt tune as a user meets it, on a device some of whose algorithms hang, crash or lie. The environment
 * has the tunable plugin (tests/plugins/tunable). */
#include "tests/support/command_support.h"

static void start(void)
{
    enter_folder();
    cr_assert(!setenv("SHUNT_CACHE_DIR", "cache", 1) && !setenv("SHUNT_TUNABLE_TRACE", "trace", 1));
    cr_assert(!setenv("SHUNT_DEVICE", "tunable", 1));
}

TestSuite(tune_command, .init = start, .fini = leave_folder, .timeout = 300);

#define TUNE "shunt tune --model resnet8 --size 16x16 --threads 1 --time-limit 5 --json "

/* resnet8 has seven distinct convolutions. */
static void expect_chosen(size_t count, const char *algorithm)
{
    json_t *report = json_said(), *row;
    size_t i;
    cr_assert_eq(json_array_size(json_object_get(report, "chosen")), count, "%s", said.out);
    json_array_foreach(json_object_get(report, "chosen"), i, row)
    {
        cr_assert_str_eq(text_at(row, "algorithm"), algorithm, "%s", said.out);
        cr_assert(number_at(row, "us") > 0 && number_at(row, "us") < number_at(row, "before_us"));
        cr_assert_str_eq(text_at(row, "before"), "slow p=1");
    }
    json_decref(report);
}

static void expect_dropped(const char *algorithm, const char *verdict, const char *reason, size_t times)
{
    json_t *report = json_said(), *row;
    size_t i, found = 0;
    json_array_foreach(json_object_get(report, "dropped"), i, row)
    {
        if (strcmp(text_at(row, "algorithm"), algorithm) != 0) continue;
        found++;
        cr_assert_str_eq(text_at(row, "verdict"), verdict);
        cr_assert(strstr(text_at(row, "reason"), reason), "%s", text_at(row, "reason"));
    }
    cr_assert_eq(found, times, "%s %zu times in: %s", algorithm, found, said.out);
    json_decref(report);
}

static size_t launches(const char *algorithm)
{
    char text[65536], line[32];
    size_t count = 0;
    slurp("trace", text, sizeof text);
    snprintf(line, sizeof line, "%s\n", algorithm);
    for (const char *at = text; (at = strstr(at, line)); at++) count++;
    return count;
}

Test(tune_command, survives_what_hangs_and_crashes)
{
    setenv("SHUNT_TUNABLE_LIST", "slow,crashes,fast,hangs,loses,refuses", 1);
    run(TUNE);
    cr_assert_eq(said.status, 0, "%s", said.err);
    expect_chosen(7, "fast p=1");
    expect_dropped("crashes p=1", "unfinished", "it crashed: Aborted", 1);
    expect_dropped("hangs p=1", "unfinished", "it did not end within 5 s", 1);
    expect_dropped("loses p=1", "unfinished", "no longer works", 1);
    expect_dropped("refuses p=1", "failed", "told to refuse", 7);
    cr_assert_eq(launches("crashes") + launches("hangs") + launches("loses"), 3);

    run(TUNE);
    expect_success();
    expect_chosen(0, "");
    run("SHUNT_TUNE=full shunt bench --model resnet8 --size 24x24 --repeats 1 --warm-up 0 --json");
    cr_assert_eq(said.status, 0, "%s", said.err);
    cr_assert_eq(launches("crashes") + launches("hangs") + launches("loses"), 3);
    run("shunt inspect --model resnet8 --size 16x16 --json | grep -c '\"algorithm\": \"fast\"'");
    cr_assert_str_eq(said.out, "7\n");
    run("SHUNT_TUNE=off shunt inspect --model resnet8 --size 16x16 --json | grep -c '\"algorithm\": \"slow\"'");
    cr_assert_str_eq(said.out, "7\n");

    run(TUNE "--retry");
    cr_assert_eq(said.status, 0, "%s", said.err);
    expect_chosen(7, "fast p=1");
    cr_assert_eq(launches("crashes") + launches("hangs") + launches("loses"), 6);
}

Test(tune_command, prints_a_table)
{
    run("shunt tune --model resnet8 --threads 1");
    expect_success();
    cr_assert(strstr(said.out, "layer2.0.conv1"));
    cr_assert(strstr(said.out, "slow p=1"));
    cr_assert(strstr(said.out, "kept in      cache/tuning.json"));
    run("shunt tune --model resnet8 --threads 1");
    expect_success();
    cr_assert(strstr(said.out, "All 7 ops are tuned already"));
    run("shunt tune --model resnet8 --device scalar");
    expect_success();
    cr_assert(strstr(said.out, "nothing to tune"));
}

Test(tune_command, says_why_it_cannot)
{
    run("shunt tune --model resnet8 --fast --full");
    expect_failure(2, "--fast and --full", NULL);
    run("shunt tune --model resnet8 --device nosuch");
    expect_failure(1, "nosuch", NULL);
    run("touch file; SHUNT_CACHE_DIR=file/cache shunt tune --model resnet8");
    expect_failure(1, "file", "cannot make the folder");
    run("SHUNT_TUNABLE_OPEN=crashes shunt tune --model resnet8");
    expect_failure(1, "driver crashes: Aborted", NULL);
    cr_assert_eq(launches("open"), 3);
}
