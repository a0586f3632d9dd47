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

/* ---- Tuning that is ended by others -------------------------------------------------------------------------------- */

/* The command in a process group of its own, as a shell starts it. */
static pid_t start_tuning(const char *line)
{
    char whole[1024];
    snprintf(whole, sizeof whole, "exec >out.txt 2>err.txt </dev/null; exec %s", line);
    pid_t pid = fork();
    if (pid == 0) {
        setpgid(0, 0);
        execl("/bin/sh", "sh", "-c", whole, NULL);
        _exit(127);
    }
    setpgid(pid, pid);
    return pid;
}

static void await_launch(const char *algorithm, size_t times)
{
    for (int i = 0; i < 6000 && launches(algorithm) < times; i++) usleep(10000);
    cr_assert_eq(launches(algorithm), times, "%s was not tried", algorithm);
}

/* The status, as of run(). */
static void end_tuning(pid_t pid)
{
    int raw;
    cr_assert_eq(waitpid(pid, &raw, 0), pid);
    said.status = WIFEXITED(raw) ? WEXITSTATUS(raw) : 128 + WTERMSIG(raw);
    slurp("out.txt", said.out, sizeof said.out);
    slurp("err.txt", said.err, sizeof said.err);
}

static pid_t worker_of(pid_t pid)
{
    char path[64], text[64];
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)pid, (int)pid);
    slurp(path, text, sizeof text);
    int worker = atoi(text);
    cr_assert(worker > 0, "%s: %s", path, text);
    return worker;
}

static bool journal_has(const char *word)
{
    static char text[65536];
    slurp("cache/tuning-journal.txt", text, sizeof text);
    cr_assert(text[0]);
    return strstr(text, word);
}

Test(tune_command, who_ends_it_blames_no_algorithm)
{
    static const struct {
        int signal;
        bool group;
    } ends[] = {{SIGINT, true}, {SIGTERM, false}, {SIGKILL, false}, {SIGKILL, true}};
    size_t times = 0;
    setenv("SHUNT_TUNABLE_LIST", "slow,hangs,fast", 1);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        pid_t pid = start_tuning(TUNE);
        await_launch("hangs", ++times);
        cr_assert(!kill(ends[i].group ? -pid : pid, ends[i].signal));
        end_tuning(pid);
        cr_assert_eq(said.status, 128 + ends[i].signal);
    }
    pid_t pid = start_tuning(TUNE);
    await_launch("hangs", ++times);
    cr_assert(!kill(worker_of(pid), SIGTERM));
    end_tuning(pid);
    cr_assert_eq(said.status, 1);
    cr_assert(strstr(said.err, "no algorithm is blamed"), "%s", said.err);
    cr_assert(!journal_has("unfinished"));

    run(TUNE "--time-limit 2"); /* it is tried again, and hangs */
    cr_assert_eq(said.status, 0, "%s", said.err);
    expect_chosen(7, "fast p=1");
    expect_dropped("hangs p=1", "unfinished", "it did not end within 2 s", 1);
    cr_assert_eq(launches("hangs"), times + 1);
    cr_assert(journal_has("unfinished"));
}

/* The system kills what takes too much memory: once may be chance. */
Test(tune_command, worker_killed_twice_in_one_trial_blames_the_algorithm)
{
    setenv("SHUNT_TUNABLE_LIST", "slow,hangs,fast", 1);
    pid_t pid = start_tuning(TUNE);
    for (size_t times = 1; times <= 2; times++) {
        await_launch("hangs", times);
        cr_assert(!kill(worker_of(pid), SIGKILL));
    }
    end_tuning(pid);
    cr_assert_eq(said.status, 0, "%s", said.err);
    expect_chosen(7, "fast p=1");
    expect_dropped("hangs p=1", "unfinished", "too little memory", 1);
}

Test(tune_command, stopped_command_blames_no_algorithm)
{
    pid_t pid = start_tuning(TUNE "--time-limit 2");
    await_launch("slow", 1);
    cr_assert(!kill(-pid, SIGSTOP));
    sleep(4);
    cr_assert(!kill(-pid, SIGCONT));
    end_tuning(pid);
    expect_success();
    expect_chosen(7, "fast p=1");
}

Test(tune_command, retry_that_is_killed_loses_nothing)
{
    run(TUNE);
    expect_success();
    setenv("SHUNT_TUNABLE_LIST", "hangs,slow,fast", 1);
    run("cp cache/tuning.json before.json");
    pid_t pid = start_tuning(TUNE "--retry");
    await_launch("hangs", 1);
    cr_assert(!kill(-pid, SIGKILL));
    end_tuning(pid);
    run("cmp cache/tuning.json before.json");
    expect_success();
}

Test(tune_command, refuses_on_a_machine_too_busy_to_tell)
{
    setenv("SHUNT_TUNABLE_LOAD", "0", 1);
    run(TUNE);
    cr_assert_eq(said.status, 1);
    cr_assert(strstr(said.err, "too much to tell algorithms apart"), "%s", said.err);
    expect_chosen(0, "");
    run(TUNE "--force");
    expect_success();
    json_t *report = json_said();
    cr_assert_eq(json_array_size(json_object_get(report, "chosen")), 7);
    json_decref(report);
}

/* ---- Precisions ------------------------------------------------------------------------------------------------------ */

/* The reason why a type is not taken; the report is the command's. */
static void expect_precision(const char *precision, const char *reason, const char *taken)
{
    json_t *report = json_said(), *row;
    size_t i, found = 0;
    json_array_foreach(json_object_get(report, "precisions"), i, row)
    {
        if (strcmp(text_at(row, "precision"), precision) != 0) continue;
        found++;
        cr_expect(strstr(text_at(row, "reason"), reason), "%s", text_at(row, "reason"));
    }
    cr_expect_eq(found, 1, "%s", said.out);
    cr_expect_str_eq(text_at(json_object_get(report, "fast"), "precision"), taken, "%s", said.out);
    json_decref(report);
}

/* A driver that a whole network in 16 bits brings down costs that type alone. */
Test(tune_command, a_precision_that_hangs_or_crashes_is_not_fast)
{
    setenv("SHUNT_TUNABLE_LIST", "fast", 1);
    setenv("SHUNT_TUNABLE_WIDE", "20", 1);
    run("SHUNT_TUNABLE_16=f16:crashes " TUNE "--force");
    cr_assert_eq(said.status, 0, "%s", said.err);
    cr_expect(strstr(said.err, "the network in f16 is not tried again: it crashed: Aborted"), "%s", said.err);
    expect_precision("f16", "crashed shunt tune, or hung", "bf16");
    run("SHUNT_TUNABLE_16=bf16:hangs shunt tune --model resnet8 --size 16x16 --threads 1 --time-limit 1 --json "
        "--force");
    cr_assert_eq(said.status, 0, "%s", said.err);
    expect_precision("bf16", "crashed shunt tune, or hung", "f16");
    run("shunt inspect --model resnet8 --size 16x16 --threads 1 --precision fast --json");
    expect_success();
    json_t *report = json_said(), *precision = json_object_get(report, "precision");
    cr_expect_str_eq(text_at(precision, "asked"), "fast");
    cr_expect_str_eq(text_at(precision, "taken"), "f16");
    cr_expect(strstr(text_at(precision, "reason"), "times as fast as f32"), "%s", text_at(precision, "reason"));
    json_decref(report);
    run("shunt inspect --model resnet8 --size 16x16 --threads 1 --batch 2 --precision fast");
    expect_success();
    cr_expect(strstr(said.out, "precision   f32 (fast: no record of this network"), "%s", said.out);
}

/* ---- What it says -------------------------------------------------------------------------------------------------- */

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
