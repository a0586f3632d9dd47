/* ops_random.c - shunt_device_verify on the device under test: each kind of op, and each other check, a test of its own.
 * SHUNT_TEST_DEVICE: selector (scalar); SHUNT_TEST_CASES: how many ops of a kind (200); SHUNT_TEST_SEED (1);
 * SHUNT_TEST_QUICK: 1: each case in the device's layout and one other (shunt verify --quick), not in all;
 * SHUNT_TEST_OP: only this kind or check; SHUNT_TEST_CASE: only this case. */
#include "runtime/graph/graph.h"
#include "tests/support/op_runner.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_CHARS = 32 };

static uint64_t number(const char *variable, uint64_t otherwise)
{
    const char *text = getenv(variable);
    return text ? strtoull(text, NULL, 10) : otherwise;
}

static void hear(void *context, const shunt_verify_check *check)
{
    const shunt_device *device = context;
    fprintf(stderr, "%s on %s: %llu runs, %llu refusals%s%s\n", check->name, device->entry.selector,
            (unsigned long long)check->runs, (unsigned long long)check->refusals, check->refusals ? ", the last: " : "",
            check->refusal);
    cr_assert_eq(check->problem[0], 0, "%s: %s\nagain: shunt verify --device %s %s", check->name, check->problem,
                 device->entry.selector, check->again);
    cr_assert_gt(check->runs + check->refusals, 0);
    if (!strcmp(device->backend->name, "scalar"))
        cr_assert_geq(check->runs, check->cases, "%s: scalar refuses some: %s", check->name, check->refusal);
}

ParameterizedTestParameters(ops_random, all)
{
    static char names[SHUNT_OP_KINDS + 1][NAME_CHARS];
    size_t count = 0;
    for (uint32_t kind = 1; kind < SHUNT_OP_KINDS; kind++)
        snprintf(names[count++], NAME_CHARS, "%s", op_kind_name(kind));
    snprintf(names[count++], NAME_CHARS, "queue");
    snprintf(names[count++], NAME_CHARS, "errors");
    return cr_make_param_array(char[NAME_CHARS], names, count);
}

ParameterizedTest(char name[NAME_CHARS], ops_random, all)
{
    const char *only = getenv("SHUNT_TEST_OP");
    if (only && strcmp(only, name)) return;
    shunt_device *device = op_runner_open();
    shunt_verify_options options = {
        .op = name,
        .seed = number("SHUNT_TEST_SEED", 1),
        .count = number("SHUNT_TEST_CASES", 200),
        .only = (int64_t)number("SHUNT_TEST_CASE", UINT64_MAX),
        .quick = (int)number("SHUNT_TEST_QUICK", 0),
        .handler = hear,
        .context = device,
    };
    cr_assert_eq(shunt_device_verify(device, &options), SHUNT_OK, "%s", shunt_last_error());
    shunt_device_close(device);
}
