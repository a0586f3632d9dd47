/* report_command.c - shunt report as a user meets it: on plain C, within a third of a minute; and the pages of reports. */
#include "tests/support/command_support.h"

#include <jansson.h>
#include <unistd.h>

TestSuite(report_command, .init = enter_folder, .fini = leave_folder, .timeout = 600);

static const char *text(const json_t *object, const char *key)
{
    const char *value = json_string_value(json_object_get(object, key));
    cr_assert(value, "no %s", key);
    return value;
}

/* What was measured has a time, and what was not a reason. */
static void check_times(const json_t *times)
{
    json_t *row;
    size_t i, measured = 0;
    cr_assert(json_array_size(times) >= 8);
    json_array_foreach(times, i, row)
    {
        const bool known = json_number_value(json_object_get(row, "ms_per_image")) > 0;
        measured += known;
        if (!known) cr_assert(strlen(text(row, "problem")) > 8, "row %zu", i);
        cr_assert_str_eq(text(row, "on"), "device", "plain C is a processor itself");
    }
    cr_assert(measured >= 1);
}

Test(report_command, measures_within_a_budget_and_names_nobody)
{
    char host[256] = "";
    run("shunt report --device scalar --quick --budget 20 --output mine");
    cr_assert_eq(said.status, 0, "%s", said.err);
    json_error_t error;
    json_t *report = json_load_file("mine.json", 0, &error);
    cr_assert(report, "%s", error.text);
    cr_assert(shape_file_fits(report, "report.json"), "%s", shape_problem);
    cr_assert_str_eq(text(json_object_get(report, "verify"), "verdict"), "passed");
    cr_assert_str_eq(text(json_object_get(report, "device"), "selector"), "scalar");
    check_times(json_object_get(report, "times"));
    char *all = json_dumps(report, 0);
    cr_assert(all && !gethostname(host, sizeof host - 1));
    cr_assert(strlen(host) < 3 || !strstr(all, host), "the host's name: %s", host);
    cr_assert(!strstr(all, "/tmp/"), "a path");
    free(all);
    char *page = strdup(said.out);
    cr_assert(page && strstr(page, "| resnet18 | 1 | inference |"), "%s", page);
    run("shunt report mine.json");
    cr_assert_eq(said.status, 0, "%s", said.err);
    cr_assert(strstr(page, said.out), "the page of the file is the one that was printed");
    free(page);
    run("shunt report --device scalar --quick --budget 1 --output mine --continue");
    cr_assert_eq(said.status, 0, "%s", said.err);
    json_t *again = json_load_file("mine.json", 0, &error);
    cr_assert(again && json_equal(json_object_get(again, "verify"), json_object_get(report, "verify")));
    check_times(json_object_get(again, "times"));
    json_decref(again);
    json_decref(report);
}

Test(report_command, refuses_what_is_no_report)
{
    run("echo '[1, 2]' > list.json; shunt report list.json");
    expect_failure(1, "list.json", "not a report");
    run("echo '{' > half.json; shunt report half.json");
    expect_failure(1, "half.json", "line");
    run("shunt report missing.json");
    expect_failure(1, "missing.json", "not a report");
    run("shunt report --device nothing --quick");
    expect_failure(1, "nothing", "");
}
