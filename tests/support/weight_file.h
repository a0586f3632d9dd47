/* weight_file.h - opens weight files that must be good, and ones that must be refused. */
#ifndef SHUNT_TESTS_WEIGHT_FILE_H
#define SHUNT_TESTS_WEIGHT_FILE_H

#include "runtime/weights/weights.h"
#include "tests/support/temporary.h"

static inline shunt_weights *open_good(const char *path)
{
    shunt_weights *weights;
    cr_assert_eq(shunt_weights_open(path, &weights), SHUNT_OK, "%s", shunt_last_error());
    return weights;
}

/* With this status and a message that names the file and has these words. */
static inline void expect_refused(const char *path, shunt_status status, const char *reason)
{
    shunt_weights *weights = (shunt_weights *)&path;
    shunt_status found = shunt_weights_open(path, &weights);
    if (found != status)
        cr_assert_fail("status %d, not %d; expected: %s; %s", found, status, reason, shunt_last_error());
    if (weights) cr_assert_fail("weights after a failure");
    char prefix[512];
    snprintf(prefix, sizeof prefix, "%s: ", path);
    expect_message(prefix, reason);
}

#endif
