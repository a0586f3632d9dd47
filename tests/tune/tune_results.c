/* tune_results.c - the files of results: which one a plan uses, damaged ones, and programs that write at the same time. */
#include "tests/support/tune_setup.h"

#include <fcntl.h>
#include <jansson.h>
#include <sys/file.h>

TestSuite(tune_results, .init = start, .fini = leave_folder, .timeout = 120);

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

Test(tune_results, own_results_win_over_shipped_ones)
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

Test(tune_results, choice_that_cannot_be_prepared_is_replaced_by_the_best_guess)
{
    set("tunable_list", "slow,refuses");
    write_own("refuses");
    assert_text(planned(1), "slow slow slow ");
    cr_assert_eq(warnings, 1, "%s", logged);
    assert_has(logged, "tuned refuses p=1: tunable:0: preparing: told to refuse; the best guess is used");
}

Test(tune_results, damaged_file_is_reported_once_ignored_and_replaced)
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

Test(tune_results, odd_entries_count_as_absent)
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

Test(tune_results, unwritable_cache_stops_tuning_but_no_plan)
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

Test(tune_results, two_processes_keep_each_others_results)
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
Test(tune_results, stopped_holder_of_the_lock_is_not_waited_for)
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
