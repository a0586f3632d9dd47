/* op_runner.c - see op_runner.h. The hostility is the trial's (runtime/trial). */
#include "tests/support/op_runner.h"

#include "runtime/trial/trial.h"
#include "tests/support/layout.h"

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

const char *op_run_stored(shunt_device *device, const shunt_op_desc *desc, const op_variant *variant,
                          const void *const *inputs, void *output, shunt_op_info *info)
{
    trial_options options = {.algorithm = variant->algorithm, .params = variant->params, .inplace = variant->inplace};
    shunt_trial *trial = NULL;
    shunt_status status = shunt_trial_begin(device, desc, &options, inputs, &trial);
    if (status == SHUNT_OK && info) *info = *shunt_trial_info(trial);
    if (status == SHUNT_OK) status = shunt_trial_launch(trial);
    if (status == SHUNT_OK) status = shunt_trial_finish(trial);
    if (status == SHUNT_OK) status = shunt_trial_read(trial, &output);
    shunt_trial_end(trial);
    return status == SHUNT_OK ? NULL : shunt_last_error();
}

const char *op_run(shunt_device *device, const shunt_op_desc *desc, const op_variant *variant,
                   const double *const *inputs, double *output, shunt_op_info *info)
{
    void *stored[SHUNT_MAX_INPUTS + 1] = {NULL};
    for (uint32_t i = 0; i <= desc->ninputs; i++) {
        const shunt_tensor_desc *tensor = i < desc->ninputs ? &desc->inputs[i] : &desc->outputs[0];
        stored[i] = malloc(shunt_tensor_bytes(tensor));
        cr_assert_not_null(stored[i]);
        if (i < desc->ninputs) layout_store(tensor, inputs[i], stored[i]);
    }
    const char *wrong = op_run_stored(device, desc, variant, (const void *const *)stored, stored[desc->ninputs], info);
    if (!wrong && !layout_load(&desc->outputs[0], stored[desc->ninputs], output))
        wrong = "a lane of dst past its channels is not zero";
    for (uint32_t i = 0; i <= desc->ninputs; i++) free(stored[i]);
    return wrong;
}
