/* op_runner.h - runs one op on a device, through the plugin ABI alone, the way a hostile runtime would: every tensor at
 * an odd multiple of the alignment, guard bytes all around it, NaN in outputs, constant inputs packed where the op asks for it. */
#ifndef SHUNT_TESTS_OP_RUNNER_H
#define SHUNT_TESTS_OP_RUNNER_H

#include "runtime/device/device.h"

enum { OP_NOT_IN_PLACE = -1 }; /* TRIAL_NOT_IN_PLACE */

typedef struct op_variant {
    const char *algorithm, *params; /* NULL: the device's best guess */
    int inplace;                    /* the input whose memory the first output takes, or OP_NOT_IN_PLACE */
} op_variant;

/* The device of the tests: SHUNT_TEST_DEVICE, or "scalar". Ends the test when it does not open. */
shunt_device *op_runner_open(void);

/* Runs desc, whose tensors have the layouts that the device shall see. inputs and outputs are in that layout, too.
 * info, if not NULL, receives what op_info says. Returns NULL, or what went wrong: a failed call, bytes outside outputs
 * or in an input that changed. The text stays until this thread's next failure. */
const char *op_run_stored(shunt_device *device, const shunt_op_desc *desc, const op_variant *variant,
                          const void *const *inputs, void *const *outputs, shunt_op_info *info);

/* The same with plain arrays of doubles on the host's side; also looks whether the outputs' lanes past their channels are zero. */
const char *op_run(shunt_device *device, const shunt_op_desc *desc, const op_variant *variant,
                   const double *const *inputs, double *const *outputs, shunt_op_info *info);

#endif
