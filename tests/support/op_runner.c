/* op_runner.c - see op_runner.h. */
#include "tests/support/op_runner.h"

#include <criterion/criterion.h>
#include <stdlib.h>

shunt_device *op_runner_open(void)
{
    const char *selector = getenv("SHUNT_TEST_DEVICE");
    shunt_device *device = NULL;
    shunt_status status = shunt_device_open(selector ? selector : "scalar", NULL, &device);
    cr_assert_eq(status, SHUNT_OK, "%s", shunt_last_error());
    return device;
}
