/* tune.c - tuning: what is tried, what is chosen, what is kept, and what plans make of it. */
#include "tests/support/tune_setup.h"

#include <fcntl.h>
#include <jansson.h>
#include <sys/file.h>

TestSuite(tune, .init = start, .fini = leave_folder, .timeout = 120);

/* ---- Choosing ------------------------------------------------------------------------------------------------------ */

static const json_t *kept_entries(json_t *document)
{
    cr_assert(document);
    assert_text(json_string_value(json_object_get(document, "format")), "shunt-tuning-1");
    void *first = json_object_iter(json_object_get(document, "devices"));
    cr_assert(first);
    assert_has(json_object_iter_key(first), "tunable | ");
    return json_object_iter_value(first);
}

static void choose_fastest(const char *block)
{
    set("tunable_block", block);
    set("tunable_list", "slow,wrong,spills,refuses,fails,medium,fast,other");
    net n = open_net();
    cr_assert_eq(tune(&n, 1, (shunt_tune_options){0}), SHUNT_OK, "%s", shunt_last_error());
    close_net(&n);
    assert_text(tried, "slow:safe wrong:wrong spills:wrong refuses:failed fails:failed medium:safe fast:safe =fast "
                       "slow:safe wrong:wrong spills:wrong refuses:failed fails:failed medium:safe fast:safe =fast ");
    cr_assert_eq(ops, 2);
    cr_assert_eq(uses, 3);
    assert_has(logged, "wrong p=1 is dropped, wrong: wrong by 1 relative");
    assert_has(logged, "spills p=1 is dropped, wrong: tunable:0: the op changed byte");
    assert_has(logged, "refuses p=1 is dropped, failed: tunable:0: preparing: told to refuse");
    assert_has(logged, "fails p=1 is dropped, failed: tunable:0: running: told to fail");

    json_t *document = json_load_file("cache/tuning.json", 0, NULL);
    const json_t *entries = kept_entries(document);
    const char *op;
    json_t *entry;
    cr_assert_eq(json_object_size(entries), 2);
    json_object_foreach((json_t *)(uintptr_t)entries, op, entry)
    {
        assert_text(json_string_value(json_object_get(entry, "algorithm")), "fast");
        assert_text(json_string_value(json_object_get(entry, "effort")), "fast");
        double time = json_number_value(json_object_get(entry, "microseconds"));
        cr_assert(time > 0 && time < 2000, "%g", time);
    }
    json_decref(document);

    const char *journal = file_text("cache/tuning-journal.txt");
    assert_has(journal, "\twrong\tp=1\tconv+bias ");
    assert_has(journal, "wrong\t");
    assert_has(journal, "failed\t");
    assert_lacks(journal, "other");

    assert_text(planned(1), "fast fast fast ");
    tune_free(); /* and from the files, as another process */
    assert_text(planned(1), "fast fast fast ");
    assert_text(planned(2), "slow slow slow ");
    set("tune", "off");
    assert_text(planned(1), "slow slow slow ");
}

Test(tune, another_candidate_stands_in_for_a_best_guess_that_cannot_be_prepared)
{
    set("tune", "off");
    set("tunable_list", "refuses,fast");
    assert_text(planned(1), "fast fast fast ");
    assert_has(logged, "fast p=1 replaces the best guess: tunable:0: preparing: told to refuse");
}

Test(tune, fastest_right_candidate_is_chosen_and_kept)
{
    choose_fastest("1");
}

Test(tune, fastest_right_candidate_with_blocked_channels)
{
    choose_fastest("4"); /* 5 channels: three lanes of padding */
}

Test(tune, best_guess_stays_unless_another_is_notably_faster)
{
    set("tunable_list", "fast,medium,slow");
    net n = open_net();
    cr_assert_eq(tune(&n, 1, (shunt_tune_options){0}), SHUNT_OK);
    close_net(&n);
    assert_text(planned(1), "fast fast fast ");
}

/* Others begin to use the processor once the best guess has been timed. */
Test(tune, candidates_are_timed_in_turn)
{
    set("tunable_list", "slow,fast");
    set("tunable_tires", "6");
    net n = open_net();
    cr_assert_eq(tune(&n, 1, (shunt_tune_options){0}), SHUNT_OK);
    close_net(&n);
    set("tunable_tires", NULL);
    assert_text(planned(1), "fast fast fast ");
}

Test(tune, what_is_known_is_left_out_unless_looked_for_more_thoroughly)
{
    set("tunable_list", "slow,medium");
    net n = open_net();
    cr_assert_eq(tune(&n, 1, (shunt_tune_options){0}), SHUNT_OK);
    cr_assert_eq(tune(&n, 1, (shunt_tune_options){0}), SHUNT_OK);
    cr_assert_eq(known, 2);
    assert_text(tried, "");
    cr_assert_eq(tune(&n, 1, (shunt_tune_options){.full = 1}), SHUNT_OK);
    cr_assert_eq(chosen, 2);
    cr_assert_eq(tune(&n, 1, (shunt_tune_options){0}), SHUNT_OK);
    cr_assert_eq(chosen, 0);
    cr_assert_eq(tune(&n, 1, (shunt_tune_options){.retry = 1}), SHUNT_OK);
    cr_assert_eq(chosen, 2);
    close_net(&n);
}

Test(tune, none_right_leaves_the_best_guess)
{
    set("tunable_list", "wrong,fails");
    net n = open_net();
    cr_assert_eq(tune(&n, 1, (shunt_tune_options){0}), SHUNT_OK, "%s", shunt_last_error());
    close_net(&n);
    cr_assert_eq(chosen, 0);
    assert_has(logged, "no candidate of tunable:0 is right");
    assert_text(planned(1), "wrong wrong wrong ");
    set("tunable_list", "wrong,slow"); /* but one of which nothing bad is known is better than one that was wrong */
    assert_text(planned(1), "slow slow slow ");
}

Test(tune, keys_are_readable)
{
    char text[TUNE_KEY_CHARS];
    shunt_op_desc desc = {.kind = SHUNT_OP_CONV,
                          .flags = SHUNT_FLAG_BIAS | SHUNT_FLAG_RELU,
                          .ninputs = 3,
                          .noutputs = 1,
                          .constant_inputs = 6};
    desc.inputs[0] = (shunt_tensor_desc){.dtype = SHUNT_F32, .rank = 4, .block = 16, .dims = {8, 64, 56, 57}};
    desc.inputs[1] = (shunt_tensor_desc){.dtype = SHUNT_F32, .rank = 4, .block = 1, .dims = {128, 64, 3, 3}};
    desc.inputs[2] = (shunt_tensor_desc){.dtype = SHUNT_F32, .rank = 1, .block = 1, .dims = {128}};
    desc.outputs[0] = (shunt_tensor_desc){.dtype = SHUNT_F32, .rank = 4, .block = 0, .dims = {8, 128, 28, 29}};
    desc.attr.conv = (shunt_conv_attr){{2, 2}, {1, 1}, {1, 1}, {1, 1}, 1};
    assert_text(tune_op_key(&desc, text),
                "conv+bias+relu 8x64x56x57:16 128x64x3x3= 128= > 8x128x28x29:0 2,2,1,1,1,1,1,1,1");
    net n = open_net();
    assert_text(tune_device_class(n.device, text), "tunable cpu 1");
    close_net(&n);
}

/* ---- In an application ------------------------------------------------------------------------------------------------- */

Test(tune, application_tries_only_what_is_known_to_be_safe)
{
    set("tunable_list", "slow,medium");
    net n = open_net();
    cr_assert_eq(tune(&n, 1, (shunt_tune_options){0}), SHUNT_OK);
    close_net(&n);
    remove("trace");
    set("tunable_list", "slow,crashes,hangs,fast,medium");
    set("tune", "fast");
    assert_text(planned(2), "medium medium medium ");
    assert_lacks(file_text("trace"), "fast");
    assert_lacks(file_text("trace"), "crashes");
    assert_lacks(file_text("trace"), "hangs");
    assert_has(file_text("cache/tuning.json"), "\"effort\": \"safe\"");
    remove("trace");
    assert_text(planned(2), "medium medium medium ");
    cr_assert(access("trace", F_OK) != 0, "what is known was tried again");
    set("tune", NULL);
    assert_text(planned(3), "slow slow slow ");
    set("tune", "quick");
    assert_text(planned(3), "slow slow slow ");
    assert_has(logged, "SHUNT_TUNE=quick: it must be off, fast or full");
}

Test(tune, fast_looks_at_the_first_few_and_full_at_all)
{
    set("tunable_list", "slow,quick,quick,quick,quick,quick,quick,quick,fast");
    net n = open_net();
    cr_assert_eq(tune(&n, 1, (shunt_tune_options){0}), SHUNT_OK);
    assert_lacks(tried, "fast");
    cr_assert_eq(tune(&n, 1, (shunt_tune_options){.full = 1}), SHUNT_OK);
    assert_has(tried, "=fast");
    close_net(&n);
    set("tune", "fast");
    assert_text(planned(2), "quick quick quick ");
    set("tune", "full");
    assert_text(planned(3), "fast fast fast ");
}

Test(tune, off_gives_the_same_bits_run_to_run)
{
    enum { COUNT = K * SIDE * SIDE };
    float x[C * SIDE * SIDE], y[3][COUNT];
    set("tune", "off");
    for (int i = 0; i < C * SIDE * SIDE; i++) x[i] = (float)sin(i);
    for (int r = 0; r < 3; r++) {
        net n = open_net();
        shunt_tensor input = {picture(1), x}, output = {picture(1), y[r]};
        output.desc.dims[1] = K;
        cr_assert_eq(shunt_executor_run(n.executor, &input, 1, &output, 1), SHUNT_OK, "%s", shunt_last_error());
        close_net(&n);
        cr_assert(!memcmp(y[r], y[0], sizeof y[0]));
        net m = open_net();
        if (r == 0) cr_assert_eq(tune(&m, 1, (shunt_tune_options){0}), SHUNT_OK);
        close_net(&m);
    }
    assert_text(planned(1), "slow slow slow ");
}

/* ---- Candidates that hang or crash --------------------------------------------------------------------------------------- */

static int count_lines(const char *path, const char *line)
{
    int count = 0;
    for (const char *at = file_text(path); (at = strstr(at, line)); at++) count++;
    return count;
}

/* Tunes in a child. Once `line` has been in the trace `times` times, which a candidate that hangs writes, the child is
 * killed. Returns its wait status. All trials of such a test are in children: OpenMP does not survive a fork. */
static int tune_in_child(const char *list, shunt_tune_options options, const char *line, int times)
{
    int status;
    pid_t pid = fork(), ended;
    if (pid == 0) {
        signal(SIGABRT, SIG_DFL);
        set("tunable_list", list);
        net n = open_net();
        _exit(tune(&n, 1, options) == SHUNT_OK ? 0 : 1);
    }
    cr_assert(pid > 0);
    while ((ended = waitpid(pid, &status, times ? WNOHANG : 0)) == 0) {
        usleep(10000);
        if (access("trace", F_OK) == 0 && count_lines("trace", line) == times) kill(pid, SIGKILL);
    }
    cr_assert_eq(ended, pid);
    tune_free();
    return status;
}

/* What an application's plan for another batch uses, with SHUNT_TUNE=full. */
static void expect_in_application(const char *expected)
{
    pid_t pid = fork();
    if (pid == 0) {
        set("tune", "full");
        _exit(strcmp(planned(2), expected) ? 1 : 0);
    }
    int status;
    cr_assert(waitpid(pid, &status, 0) == pid && status == 0, "status %x", (unsigned)status);
}

static void expect_whole(int status)
{
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %x", (unsigned)status);
}

static void survive(const char *bad, bool hangs)
{
    char list[64], line[64];
    snprintf(list, sizeof list, "slow,%s,fast", bad);
    snprintf(line, sizeof line, "%s\n", bad);
    set("tunable_list", list);
    cr_assert(WIFSIGNALED(tune_in_child(list, (shunt_tune_options){0}, line, hangs)));
    net n = open_net();
    shunt_candidate guilty = candidate(bad);
    cr_assert_eq(tune_verdict_of(n.device, &guilty), VERDICT_UNFINISHED);
    close_net(&n);

    expect_whole(tune_in_child(list, (shunt_tune_options){.full = 1}, line, 0));
    assert_text(planned(1), "fast fast fast ");
    expect_in_application("fast fast fast ");
    cr_assert_eq(count_lines("trace", line), 1);

    cr_assert(WIFSIGNALED(tune_in_child(list, (shunt_tune_options){.retry = 1}, line, hangs ? 2 : 0)));
    cr_assert_eq(count_lines("trace", line), 2);
    expect_whole(tune_in_child(list, (shunt_tune_options){0}, line, 0));
    cr_assert_eq(count_lines("trace", line), 2);
}

Test(tune, crashing_candidate_is_tried_once)
{
    survive("crashes", false);
}

Test(tune, hanging_candidate_is_tried_once)
{
    survive("hangs", true);
}

Test(tune, best_guess_that_crashed_is_avoided)
{
    cr_assert(WIFSIGNALED(tune_in_child("crashes,medium,fast", (shunt_tune_options){0}, "", 0)));
    set("tunable_list", "crashes,medium,fast");
    assert_text(planned(1), "medium medium medium ");
    set("tune", "off");
    assert_text(planned(1), "crashes crashes crashes ");
}

Test(tune, candidate_that_takes_the_device_with_it_counts_as_crashed)
{
    int status = tune_in_child("slow,loses,fast", (shunt_tune_options){0}, "", 0);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 1);
    assert_lacks(file_text("cache/tuning-journal.txt"), "failed");
    expect_whole(tune_in_child("slow,loses,fast", (shunt_tune_options){0}, "", 0));
    cr_assert_eq(count_lines("trace", "loses\n"), 1);
    set("tunable_list", "slow,loses,fast");
    assert_text(planned(1), "fast fast fast ");
}

/* ---- Plans and what is kept ------------------------------------------------------------------------------------------------ */

/* A file of the data base that names `algorithm` for all of the network's convolutions, under this key of `devices`. */
static void write_entries(const char *path, const char *device, const char *algorithm)
{
    char text[4096];
    snprintf(
        text, sizeof text,
        "{\"format\": \"shunt-tuning-1\", \"devices\": {\"%s\": {"
        "\"conv+bias 1x5x9x9 5x5x3x3= 5= > 1x5x9x9 1,1,1,1,1,1,1,1,1\": {\"algorithm\": \"%s\", \"params\": \"p=1\"},"
        "\"conv+bias 1x5x9x9 7x5x1x1= 7= > 1x7x9x9 1,1,1,1,0,0,0,0,1\": {\"algorithm\": \"%s\", \"params\": "
        "\"p=1\"}}}}",
        device, algorithm, algorithm);
    put_bytes(path, text, strlen(text));
    tune_free();
}

static void write_own(const char *algorithm)
{
    char key[TUNE_KEY_CHARS];
    net n = open_net();
    tune_device_key(n.device, key);
    close_net(&n);
    cr_assert(!system("mkdir -p cache"));
    write_entries("cache/tuning.json", key, algorithm);
}

static void write_default(const char *algorithm)
{
    cr_assert(!system("mkdir -p data/tuning"));
    write_entries("data/tuning/tunable-cpu-1.json", "tunable cpu 1", algorithm);
}

Test(tune, own_results_win_over_shipped_ones)
{
    set("tunable_list", "slow,medium,fast,other");
    assert_text(planned(1), "slow slow slow ");
    write_default("medium");
    assert_text(planned(1), "medium medium medium ");
    write_own("fast");
    assert_text(planned(1), "fast fast fast ");
    set("tune", "off");
    assert_text(planned(1), "slow slow slow ");
    set("tune", NULL);
    write_own("gone"); /* not a candidate any more: as if it were not there */
    assert_text(planned(1), "medium medium medium ");
    write_own("other"); /* refused for this shape */
    assert_text(planned(1), "medium medium medium ");
    cr_assert_eq(warnings, 0, "%s", logged);
}

Test(tune, choice_that_cannot_be_prepared_is_replaced_by_the_best_guess)
{
    set("tunable_list", "slow,refuses");
    write_own("refuses");
    assert_text(planned(1), "slow slow slow ");
    cr_assert_eq(warnings, 1, "%s", logged);
    assert_has(logged, "tuned refuses p=1: tunable:0: preparing: told to refuse; the best guess is used");
}

Test(tune, damaged_file_is_reported_once_ignored_and_replaced)
{
    static const char *const texts[] = {
        "",
        "{",
        "[1, 2]",
        "\xff\xfe\x00 no text",
        "{\"format\": \"shunt-tuning-2\", \"devices\": {}}",
        "{\"format\": 7, \"devices\": {}}",
        "{\"format\": \"shunt-tuning-1\", \"devices\": []}",
        "{\"devices\": {}}",
    };
    set("tunable_list", "slow,fast");
    cr_assert(!system("mkdir cache"));
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        put_bytes("cache/tuning.json", texts[i], strlen(texts[i]));
        tune_free();
        warnings = 0;
        assert_text(planned(1), "slow slow slow ");
        assert_text(planned(1), "slow slow slow ");
        net n = open_net();
        cr_assert_eq(tune(&n, 1, (shunt_tune_options){0}), SHUNT_OK, "%s", shunt_last_error());
        close_net(&n);
        cr_assert_eq(warnings, 1, "%zu: %s", i, logged);
        assert_text(planned(1), "fast fast fast ");
        tune_free();
        assert_text(planned(1), "fast fast fast ");
        cr_assert_eq(warnings, 1);
    }
}

Test(tune, odd_entries_count_as_absent)
{
    static const char *const values[] = {
        "null",
        "7",
        "{}",
        "{\"algorithm\": \"fast\"}",
        "{\"algorithm\": 3, \"params\": \"p=1\"}",
        "{\"algorithm\": \"\", \"params\": \"p=1\"}",
        "{\"algorithm\": \"far too long a name for an algorithm\", \"params\": \"p=1\"}"};
    char text[2048], key[TUNE_KEY_CHARS];
    set("tunable_list", "slow,fast");
    cr_assert(!system("mkdir cache"));
    net n = open_net();
    tune_device_key(n.device, key);
    close_net(&n);
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        snprintf(text, sizeof text,
                 "{\"format\": \"shunt-tuning-1\", \"devices\": {\"%s\": "
                 "{\"conv+bias 1x5x9x9 5x5x3x3= 5= > 1x5x9x9 1,1,1,1,1,1,1,1,1\": %s}}}",
                 key, values[i]);
        put_bytes("cache/tuning.json", text, strlen(text));
        tune_free();
        assert_text(planned(1), "slow slow slow ");
    }
}

Test(tune, unwritable_cache_stops_tuning_but_no_plan)
{
    put_bytes("file", "x", 1);
    set("cache_dir", "file/cache");
    net n = open_net();
    cr_assert_neq(tune(&n, 1, (shunt_tune_options){0}), SHUNT_OK);
    expect_message("file", "cannot make the folder");
    close_net(&n);
    set("tune", "full");
    assert_text(planned(1), "slow slow slow ");
    assert_text(planned(2), "slow slow slow ");

    set("cache_dir", "cache"); /* a folder where the file should be */
    tune_free();
    set("tunable_list", "slow,medium");
    cr_assert(!system("mkdir -p cache/tuning.json"));
    n = open_net();
    cr_assert_eq(tune(&n, 1, (shunt_tune_options){0}), SHUNT_E_INVALID);
    expect_message("cache/tuning.json", "is a directory");
    close_net(&n);
    warnings = 0;
    assert_text(planned(1), "medium medium medium "); /* found anew, by what the journal knows to be safe */
    cr_assert_eq(warnings, 1, "%s", logged);
    set("cache_dir", "none");
    cr_assert(!system("mkdir -p none/tuning-journal.txt"));
    tune_free();
    n = open_net();
    cr_assert_eq(tune(&n, 1, (shunt_tune_options){0}), SHUNT_E_IO);
    expect_message("none/tuning-journal.txt", "cannot be written");
    close_net(&n);
}

Test(tune, two_processes_keep_each_others_results)
{
    enum { EACH = 40 };
    pid_t pids[2];
    for (int p = 0; p < 2; p++) {
        pids[p] = fork();
        if (pids[p] == 0) {
            net n = open_net();
            for (int i = 0; i < EACH; i++) {
                shunt_op_desc desc = numbered_op(2 * i + p);
                tune_choice choice = {.algorithm = "fast", .params = "p=1", .microseconds = i};
                if (tune_store(n.device, &desc, &choice)) _exit(1);
            }
            _exit(0);
        }
    }
    for (int p = 0; p < 2; p++) {
        int status;
        cr_assert(waitpid(pids[p], &status, 0) == pids[p] && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    net n = open_net();
    for (int i = 0; i < 2 * EACH; i++) {
        shunt_op_desc desc = numbered_op(i);
        tune_choice choice;
        cr_assert(tune_find_own(n.device, &desc, &choice), "entry %d is lost", i);
        cr_assert_eq(choice.microseconds, i / 2);
    }
    close_net(&n);
}

/* It is stopped with the lock in its hand (Ctrl-Z): nobody waits for ever, and nothing is lost. */
Test(tune, stopped_holder_of_the_lock_is_not_waited_for)
{
    net n = open_net();
    tune_choice choice = {.algorithm = "fast", .params = "p=1", .microseconds = 7}, found;
    shunt_op_desc desc = numbered_op(0), other = numbered_op(1);
    cr_assert(!system("mkdir -p cache"));
    pid_t pid = fork();
    if (pid == 0) {
        int fd = open("cache/tuning.lock", O_RDWR | O_CREAT, 0666);
        if (fd >= 0 && !flock(fd, LOCK_EX)) raise(SIGSTOP);
        _exit(1);
    }
    int status;
    cr_assert(waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status));
    cr_assert_eq(tune_store(n.device, &desc, &choice), SHUNT_OK, "%s", shunt_last_error());
    cr_assert_eq(tune_store(n.device, &other, &choice), SHUNT_OK, "%s", shunt_last_error());
    assert_has(logged, "cache/tuning.lock: another process has kept this lock");
    assert_has(logged, "is written all the same");
    tune_free();
    cr_assert(tune_find_own(n.device, &desc, &found) && tune_find_own(n.device, &other, &found));
    cr_assert(!kill(pid, SIGKILL) && waitpid(pid, &status, 0) == pid);
    close_net(&n);
}

/* ---- The journal ------------------------------------------------------------------------------------------------------------ */

Test(tune, trial_of_a_living_process_is_not_unfinished)
{
    int go[2], ready[2];
    char byte = 0;
    cr_assert(!pipe(go) && !pipe(ready));
    shunt_candidate good = candidate("good"), bad = candidate("bad");
    net n = open_net();
    pid_t pid = fork();
    if (pid == 0) {
        if (begin_trial(n.device, &good) || begin_trial(n.device, &bad)) _exit(1);
        if (write(ready[1], &byte, 1) != 1 || read(go[0], &byte, 1) != 1) _exit(1);
        if (end_trial(n.device, &good, VERDICT_SAFE)) _exit(1);
        _exit(0);
    }
    cr_assert_eq(read(ready[0], &byte, 1), 1);
    cr_assert_eq(tune_verdict_of(n.device, &good), VERDICT_UNTRIED);
    cr_assert_eq(tune_verdict_of(n.device, &bad), VERDICT_UNTRIED);
    int status;
    cr_assert(write(go[1], &byte, 1) == 1 && waitpid(pid, &status, 0) == pid && status == 0);
    cr_assert_eq(tune_verdict_of(n.device, &bad), VERDICT_UNFINISHED);
    cr_assert_eq(tune_verdict_of(n.device, &good), VERDICT_SAFE);
    cr_assert_eq(tune_journal_retry(n.device), SHUNT_OK);
    cr_assert_eq(tune_verdict_of(n.device, &bad), VERDICT_RETRY);
    cr_assert_eq(tune_verdict_of(n.device, &good), VERDICT_SAFE);
    close_net(&n);
}

/* Lines after a damaged line count, whether that line has random bytes or was cut off by a full disk. */
Test(tune, damaged_journal_lines_are_ignored)
{
    char junk[8192];
    net n = open_net();
    cr_assert(!system("mkdir cache"));
    for (int seed = 0; seed < 200; seed++) {
        uint64_t key = random_key("junk", (uint64_t)seed);
        size_t size = 1 + (size_t)(random_at(key, 0) * (sizeof junk - 1));
        for (size_t i = 0; i < size; i++) junk[i] = "\t\nbegin safe\0 12\xff"[(int)(random_at(key, i + 1) * 17)];
        put_bytes("cache/tuning-journal.txt", junk, size);
        tune_free();
        shunt_candidate good = candidate("good"), bad = candidate("bad");
        if (tune_verdict_of(n.device, &good) != VERDICT_UNTRIED) cr_assert_fail("junk %d", seed);
        if (begin_trial(n.device, &good) || end_trial(n.device, &good, VERDICT_SAFE) ||
            end_trial(n.device, &bad, VERDICT_WRONG))
            cr_assert_fail("junk %d: %s", seed, shunt_last_error());
        tune_free();
        if (tune_verdict_of(n.device, &good) != VERDICT_SAFE) cr_assert_fail("junk %d hides a line", seed);
        if (tune_verdict_of(n.device, &bad) != VERDICT_WRONG) cr_assert_fail("junk %d hides a line", seed);
    }
    close_net(&n);
}

Test(tune, journal_that_was_removed_is_begun_anew)
{
    net n = open_net();
    shunt_candidate one = candidate("one"), two = candidate("two");
    for (int i = 0; i < 2; i++) cr_assert_eq(end_trial(n.device, &one, VERDICT_SAFE), SHUNT_OK);
    remove("cache/tuning-journal.txt");
    cr_assert_eq(end_trial(n.device, &two, VERDICT_FAILED), SHUNT_OK);
    cr_assert_eq(tune_verdict_of(n.device, &two), VERDICT_FAILED);
    cr_assert_eq(tune_verdict_of(n.device, &one), VERDICT_UNTRIED);
    close_net(&n);
}
