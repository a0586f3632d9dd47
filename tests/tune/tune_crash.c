/* tune_crash.c - candidates that hang, crash, or take the device with them. */
#include "tests/support/tune_setup.h"

TestSuite(tune_crash, .init = start, .fini = leave_folder, .timeout = 120);

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

Test(tune_crash, crashing_candidate_is_tried_once)
{
    survive("crashes", false);
}

Test(tune_crash, hanging_candidate_is_tried_once)
{
    survive("hangs", true);
}

Test(tune_crash, best_guess_that_crashed_is_avoided)
{
    cr_assert(WIFSIGNALED(tune_in_child("crashes,medium,fast", (shunt_tune_options){0}, "", 0)));
    set("tunable_list", "crashes,medium,fast");
    assert_text(planned(1), "medium medium medium ");
    set("tune", "off");
    assert_text(planned(1), "crashes crashes crashes ");
}

Test(tune_crash, candidate_that_takes_the_device_with_it_counts_as_crashed)
{
    int status = tune_in_child("slow,loses,fast", (shunt_tune_options){0}, "", 0);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 1);
    assert_lacks(file_text("cache/tuning-journal.txt"), "failed");
    expect_whole(tune_in_child("slow,loses,fast", (shunt_tune_options){0}, "", 0));
    cr_assert_eq(count_lines("trace", "loses\n"), 1);
    set("tunable_list", "slow,loses,fast");
    assert_text(planned(1), "fast fast fast ");
}
