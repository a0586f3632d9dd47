/* verify_command.c - shunt verify as a user meets it, on a backend with one fault at a time (tests/plugins/broken). */
#include "tests/support/command_support.h"

TestSuite(verify_command, .init = enter_folder, .fini = leave_folder, .timeout = 300);

/* The check finds the fault; the command that it prints shows it again. */
static void expect_found(const char *fault, const char *check, const char *problem)
{
    char again[256];
    cr_assert(!setenv("SHUNT_BROKEN", fault, 1));
    run("shunt verify --device broken --op %s --count 40", check);
    cr_assert_eq(said.status, 1, "status %d, %s", said.status, said.err);
    cr_assert(strstr(said.out, problem), "no \"%s\" in: %s", problem, said.out);
    const char *line = strstr(said.out, "again: ");
    cr_assert(line, "%s", said.out);
    snprintf(again, sizeof again, "%.*s", (int)strcspn(line + 7, "\n"), line + 7);
    run("%s", again);
    cr_assert_eq(said.status, 1, "%s: status %d", again, said.status);
    cr_assert(strstr(said.out, problem), "no \"%s\" after %s: %s", problem, again, said.out);
    cr_assert(!setenv("SHUNT_BROKEN", "", 1));
    run("%s", again);
    cr_assert_eq(said.status, 0, "without the fault, %s: %s", again, said.out);
}

Test(verify_command, finds_wrong_padding)
{
    expect_found("padding", "conv", "element");
}

Test(verify_command, finds_a_stale_buffer)
{
    expect_found("stale", "linear", "element");
}

Test(verify_command, finds_a_write_out_of_bounds)
{
    expect_found("bounds", "relu", "changed byte");
}

Test(verify_command, finds_what_is_not_repeatable)
{
    expect_found("random", "softmax", "different bits");
}

Test(verify_command, finds_what_is_rounded_wrongly_in_16_bits)
{
    expect_found("narrow", "add --precision f16", "then rounded");
    expect_found("narrow", "conv --precision bf16", "then rounded");
    expect_found("narrow", "mul", "then rounded");
}

Test(verify_command, refuses_a_precision_that_the_device_lacks)
{
    cr_assert(!setenv("SHUNT_BROKEN", "single", 1));
    run("shunt verify --device broken --op conv --precision f16");
    expect_failure(1, "do not take data in f16", "precisions it has: f32");
}

Test(verify_command, finds_an_excuse_for_any_error)
{
    expect_found("excuse", "conv", "an error_scale of 1e+09, not 0 or 1 to 64");
}

Test(verify_command, finds_commands_out_of_order)
{
    expect_found("order", "queue", "overtook");
}

Test(verify_command, finds_an_allocation_that_should_fail)
{
    expect_found("greedy", "errors", "it should have failed");
}

Test(verify_command, reports_each_check)
{
    run("shunt verify --device broken --count 3 --threads 1 --op add --json");
    expect_success();
    json_t *report = json_said(), *checks = json_object_get(report, "checks");
    cr_assert_eq(json_array_size(checks), 1);
    cr_assert_str_eq(text_at(json_array_get(checks, 0), "check"), "add");
    cr_assert_str_eq(text_at(json_array_get(checks, 0), "verdict"), "passed");
    cr_assert_eq(number_at(json_array_get(checks, 0), "cases"), 3);
    cr_assert_eq(number_at(report, "failed"), 0);
    json_decref(report);
}

Test(verify_command, a_quick_check_finds_faults_in_fewer_cases)
{
    expect_found("padding", "conv --quick", "element");
    expect_found("narrow", "mul --quick", "then rounded");
    run("shunt verify --device broken --op conv --quick --json");
    expect_success();
    json_t *report = json_said();
    cr_assert_eq(number_at(json_array_get(json_object_get(report, "checks"), 0), "cases"), 24);
    json_decref(report);
}

Test(verify_command, runs_one_algorithm_where_asked)
{
    run("shunt verify --device broken --op add --count 3 --algorithm none-such --json");
    expect_success();
    json_t *report = json_said(), *check = json_array_get(json_object_get(report, "checks"), 0);
    cr_assert_eq(number_at(check, "cases"), 3);
    cr_assert_eq(number_at(check, "runs"), 0);
    json_decref(report);
}

Test(verify_command, refuses_what_it_does_not_know)
{
    run("shunt verify --device broken --op convolve");
    expect_failure(1, "convolve", "conv, linear");
    run("shunt verify --device broken --op conv --precision f8");
    expect_failure(1, "f8", "f32, f16, bf16");
    run("shunt verify --device broken --case 3");
    expect_failure(2, "--case 3", "--op");
}

/* A plugin that crashes is named with what it did, and the others are there. */
Test(verify_command, a_crash_of_a_plugin_is_contained)
{
    cr_assert(!setenv("SHUNT_BROKEN", "crash", 1));
    run("shunt plugins --json");
    expect_success();
    cr_assert(strstr(said.out, "crashes: Aborted"), "%s", said.out);
    cr_assert(strstr(said.out, "\"scalar\""), "%s", said.out);
    run("shunt devices");
    cr_assert_eq(said.status, 0);
    cr_assert(strstr(said.out, "scalar"), "%s", said.out);
}
