/* trial.h - one op on a device outside any plan, to see whether it is right and how fast it is: for the tuner, for tests.
 *
 * Runs it as a hostile plan would: every tensor at an odd multiple of the device's alignment, guard bytes around it, NaN in the
 * outputs, constant inputs packed if the op asks for it. */
#ifndef SHUNT_RUNTIME_TRIAL_H
#define SHUNT_RUNTIME_TRIAL_H

#include "runtime/device/device.h"

enum { TRIAL_NOT_IN_PLACE = -1 };

typedef struct trial_options {
    const char *algorithm, *params; /* NULL: the device's best guess */
    uint64_t memory_limit;          /* of the workspace, in bytes; 0: none */
    /* The input whose memory the first output takes, or TRIAL_NOT_IN_PLACE. Kinds that work in place do so anyway. */
    int inplace;
    int ahead; /* as in a plan that trains: weights that are not constant may be packed before each launch, by packs_prepare, and
                  results may be added up behind it, by sums_prepare */
} trial_options;

typedef struct tune_trial tune_trial;

/* Prepares the op and puts its inputs on the device. inputs[i] has the layout that desc says, and outlives the trial. */
shunt_status trial_begin(const shunt_device *device, const shunt_op_desc *desc, const trial_options *options,
                         const void *const *inputs, tune_trial **out);
void trial_end(tune_trial *trial);
const shunt_op_info *trial_info(const tune_trial *trial);

/* Puts other contents into the inputs that are not constant, and NaN into the outputs, for another launch. */
shunt_status trial_refill(tune_trial *trial, const void *const *inputs);
/* Starts the op, without waiting. */
shunt_status trial_launch(tune_trial *trial);
shunt_status trial_finish(tune_trial *trial);
/* Reads the results, after finish. SHUNT_E_ABI when the op wrote to a byte that is not its own. */
shunt_status trial_read(tune_trial *trial, void *const *outputs);

/* All of it, once, on the device's best guess. */
shunt_status trial_once(const shunt_device *device, const shunt_op_desc *desc, const void *const *inputs,
                        void *const *outputs);

#endif
