/* run.h - one op on a device, through the plugin ABI alone, the way a hostile runtime would: every tensor at an odd multiple
 * of the alignment, guard bytes all around it, NaN in outputs, constant inputs packed where the op asks for it. It is launched
 * three times: with zeros as inputs, to detect state that stays from one launch to the next; then twice with the inputs. */
#ifndef SHUNT_VERIFY_RUN_H
#define SHUNT_VERIFY_RUN_H

#include "runtime/device/device.h"

enum { OP_NOT_IN_PLACE = -1 }; /* TRIAL_NOT_IN_PLACE */

typedef struct op_variant {
    const char *algorithm, *params; /* NULL: the device's best guess */
    int inplace;                    /* the input whose memory the first output takes, or OP_NOT_IN_PLACE */
    int ahead; /* weights that are not constant are packed before each launch, where the device can */
} op_variant;

/* Runs desc, whose tensors have the layouts that the device shall see. inputs and outputs are in that layout, too.
 * info, if not NULL, receives what op_info says. Fails when a call does, when bytes outside the outputs or of an input
 * change, and when two launches on the same inputs give different bits. */
shunt_status op_run_stored(const shunt_device *device, const shunt_op_desc *desc, const op_variant *variant,
                           const void *const *inputs, void *const *outputs, shunt_op_info *info);

/* The same with plain arrays of doubles on the host's side; fails also where an output's lanes past its channels are not zero. */
shunt_status op_run(const shunt_device *device, const shunt_op_desc *desc, const op_variant *variant,
                    const double *const *inputs, double *const *outputs, shunt_op_info *info);

/* How many times the usual error the algorithm may have, as op_info says. Fails if op_info gives an invalid number. */
shunt_status verify_error_scale(const shunt_op_info *info, double *out);

#endif
