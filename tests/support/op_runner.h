/* op_runner.h - the device that a test of ops is about. */
#ifndef SHUNT_TESTS_OP_RUNNER_H
#define SHUNT_TESTS_OP_RUNNER_H

#include "runtime/device/device.h"

/* SHUNT_TEST_DEVICE, or "scalar". Ends the test when it does not open. */
shunt_device *op_runner_open(void);

#endif
