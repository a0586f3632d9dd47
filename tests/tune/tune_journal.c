/* tune_journal.c - who is blamed for a trial without an end, what a retry forgets and when, and journals of any length. */
#include "tests/support/tune_setup.h"

#include <fcntl.h>

TestSuite(tune_journal, .init = start, .fini = leave_folder, .timeout = 60);

static void put_text(const char *path, const char *text)
{
    put_bytes(path, text, strlen(text));
}

/* ---- Blame --------------------------------------------------------------------------------------------------------- */

/* Begins a trial of a candidate in a process that is then killed; trial gets its text. */
static void begin_and_be_killed(const net *n, const char *algorithm, bool watched, char trial[TUNE_TRIAL_CHARS])
{
    shunt_op_desc desc = numbered_op(0);
    shunt_candidate one = candidate(algorithm);
    tune_trial_text(n->device, &one, &desc, trial);
    pid_t pid = fork();
    if (pid == 0) {
        if (tune_journal_begin(trial, watched)) _exit(1);
        raise(SIGKILL);
    }
    int status;
    cr_assert(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status), "%x", (unsigned)status);
}

static tune_verdict verdict_of(const net *n, const char *algorithm)
{
    shunt_candidate one = candidate(algorithm);
    tune_free(); /* as another process, which reads all of the journal */
    return tune_verdict_of(n->device, &one);
}

Test(tune_journal, kill_of_a_watched_process_blames_nobody)
{
    char trial[TUNE_TRIAL_CHARS];
    net n = open_net();
    begin_and_be_killed(&n, "unwatched", false, trial);
    cr_assert_eq(verdict_of(&n, "unwatched"), VERDICT_UNFINISHED);
    begin_and_be_killed(&n, "watched", true, trial);
    cr_assert_eq(verdict_of(&n, "watched"), VERDICT_UNTRIED);
    cr_assert_eq(shunt_tune_blame(trial), SHUNT_OK, "%s", shunt_last_error());
    cr_assert_eq(verdict_of(&n, "watched"), VERDICT_UNFINISHED);
    close_net(&n);
}

Test(tune_journal, trial_before_the_machine_was_restarted_is_unfinished)
{
    char trial[TUNE_TRIAL_CHARS], line[2 * TUNE_TRIAL_CHARS];
    net n = open_net();
    begin_and_be_killed(&n, "watched", true, trial);
    snprintf(line, sizeof line, "watched-00000000\t77\t%s\n", trial); /* boot_id's first letters are random */
    put_text("cache/tuning-journal.txt", line);
    cr_assert_eq(verdict_of(&n, "watched"), VERDICT_UNFINISHED);
    close_net(&n);
}

Test(tune_journal, killed_application_blames_nobody)
{
    set("tunable_list", "hangs,slow");
    pid_t pid = fork();
    if (pid == 0) {
        set("tune", "full");
        set("tunable_list", "slow,medium");
        net m = open_net(); /* so that there are two candidates that are safe */
        tune(&m, 1, (shunt_tune_options){0});
        set("tunable_list", "hangs,slow,medium");
        planned(2); /* hangs in the best guess, which an application would use anyway */
        _exit(1);
    }
    for (int i = 0; i < 3000 && (access("trace", F_OK) || !strstr(file_text("trace"), "hangs\n")); i++) usleep(10000);
    cr_assert(!kill(pid, SIGINT) && waitpid(pid, NULL, 0) == pid);
    net n = open_net();
    cr_assert_eq(verdict_of(&n, "hangs"), VERDICT_UNTRIED);
    close_net(&n);
}

Test(tune_journal, blame_wants_the_text_of_a_trial)
{
    static const char *const bad[] = {"", "one", "a\tb\tc", "a\tb\tc\td\te", "a\tb\tc\td\n", NULL};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        cr_assert_eq(shunt_tune_blame(bad[i]), SHUNT_E_INVALID);
        expect_message("shunt_tune_blame", "not that of a trial");
    }
    cr_assert(access("cache", F_OK) != 0);
}

/* ---- Retry --------------------------------------------------------------------------------------------------------- */

/* What hung counts as bad until another trial of it has come to an end. */
Test(tune_journal, retry_forgets_nothing_before_the_trial)
{
    char trial[TUNE_TRIAL_CHARS];
    shunt_candidate bad = candidate("bad");
    net n = open_net();
    begin_and_be_killed(&n, "bad", true, trial);
    cr_assert_eq(shunt_tune_blame(trial), SHUNT_OK);
    begin_and_be_killed(&n, "worse", false, trial);
    cr_assert_eq(tune_journal_retry(n.device), SHUNT_OK);
    cr_assert_eq(verdict_of(&n, "bad"), VERDICT_RETRY);
    cr_assert_eq(verdict_of(&n, "worse"), VERDICT_RETRY);
    set("tunable_list", "bad,slow");
    assert_text(planned(1), "slow slow slow ");

    cr_assert_eq(begin_trial(n.device, &bad), SHUNT_OK);
    cr_assert_eq(end_trial(n.device, &bad, VERDICT_SAFE), SHUNT_OK);
    cr_assert_eq(verdict_of(&n, "bad"), VERDICT_SAFE);
    begin_and_be_killed(&n, "worse", false, trial); /* once more */
    cr_assert_eq(verdict_of(&n, "worse"), VERDICT_UNFINISHED);
    close_net(&n);
}

Test(tune_journal, retry_keeps_what_is_tuned_until_there_is_something_better)
{
    set("tunable_list", "slow,medium");
    net n = open_net();
    cr_assert_eq(tune(&n, 1, (shunt_tune_options){0}), SHUNT_OK, "%s", shunt_last_error());
    assert_text(planned(1), "medium medium medium ");
    char *kept = strdup(file_text("cache/tuning.json"));
    set("tunable_list", "loses,medium");
    cr_assert_eq(tune(&n, 1, (shunt_tune_options){.retry = 1}), SHUNT_E_DEVICE); /* at the first trial */
    assert_text(file_text("cache/tuning.json"), kept);
    free(kept);
    close_net(&n);
}

Test(tune_journal, retry_goes_on_without_what_is_done)
{
    set("tunable_list", "slow,medium");
    const char *const done[] = {"conv+bias 1x5x9x9 5x5x3x3= 5= > 1x5x9x9 1,1,1,1,1,1,1,1,1"};
    net n = open_net();
    cr_assert_eq(tune(&n, 1, (shunt_tune_options){0}), SHUNT_OK, "%s", shunt_last_error());
    cr_assert_eq(tune(&n, 1, (shunt_tune_options){.retry = 2, .done = done, .ndone = 1}), SHUNT_OK);
    cr_assert_eq(known, 1);
    cr_assert_eq(chosen, 1);
    close_net(&n);
}

/* ---- Length -------------------------------------------------------------------------------------------------------- */

enum { LINES = 300000 };

/* Writes LINES lines, each a number between two texts; then one for "good". */
static void write_journal(const net *n, const char *before, const char *after)
{
    char key[TUNE_KEY_CHARS];
    tune_device_key(n->device, key);
    cr_assert(!system("mkdir -p cache"));
    FILE *file = fopen("cache/tuning-journal.txt", "w");
    cr_assert(file);
    for (int i = 0; i < LINES; i++) fprintf(file, "%s%d%s\n", before, i, after);
    fprintf(file, "safe\t1\t%s\tgood\tp=1\t\n", key);
    cr_assert(!fclose(file));
}

/* Each of these took many minutes where every line was looked for among all that came before it. */
Test(tune_journal, long_journals_take_no_longer_than_their_lines)
{
    net n = open_net();
    static const char *const lines[][2] = {
        {"safe\t1\tD\ta", "\tp\t"},  /* candidates that differ */
        {"begin\t", "\tD\ta\tp\t"},  /* one candidate's begins, of as many processes */
        {"retry\t", "\tD\t\t\t"},    /* retries */
        {"begin\t1\tD\ta", "\tp\t"}, /* candidates that hung */
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        write_journal(&n, lines[i][0], lines[i][1]);
        cr_assert_eq(verdict_of(&n, "good"), VERDICT_SAFE, "%s", lines[i][0]);
    }
    close_net(&n);
}

enum { SOME_LINES = 40000 }; /* of each kind: together less than what is read of a journal, 16 MiB */

/* As above, of this device: begins of dead processes, then retries among ends. */
Test(tune_journal, long_history_of_one_candidate)
{
    char key[TUNE_KEY_CHARS];
    net n = open_net();
    tune_device_key(n.device, key);
    cr_assert(!system("mkdir -p cache"));
    FILE *file = fopen("cache/tuning-journal.txt", "w");
    cr_assert(file);
    for (int i = 1; i <= SOME_LINES; i++) fprintf(file, "begin\t%d\t%s\tbad\tp=1\t\n", i, key);
    for (int i = 1; i <= SOME_LINES; i++)
        fprintf(file, "retry\t1\t%s\t\t\t\nsafe\t%d\t%s\tother%d\tp=1\t\n", key, i, key, i);
    cr_assert(!fclose(file));
    cr_assert_eq(verdict_of(&n, "bad"), VERDICT_RETRY);
    shunt_candidate bad = candidate("bad");
    for (int i = 0; i < 1000; i++) cr_assert_eq(tune_verdict_of(n.device, &bad), VERDICT_RETRY);
    close_net(&n);
}

/* ---- Reading and writing ------------------------------------------------------------------------------------------- */

Test(tune_journal, trial_of_a_living_process_is_not_unfinished)
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
Test(tune_journal, damaged_journal_lines_are_ignored)
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

Test(tune_journal, journal_that_was_removed_is_begun_anew)
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
