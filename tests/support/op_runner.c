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
                          const void *const *inputs, void *const *outputs, shunt_op_info *info)
{
    trial_options options = {.algorithm = variant->algorithm, .params = variant->params, .inplace = variant->inplace};
    shunt_trial *trial = NULL;
    shunt_status status = shunt_trial_begin(device, desc, &options, inputs, &trial);
    if (status == SHUNT_OK && info) *info = *shunt_trial_info(trial);
    if (status == SHUNT_OK) status = shunt_trial_launch(trial);
    if (status == SHUNT_OK) status = shunt_trial_finish(trial);
    if (status == SHUNT_OK) status = shunt_trial_read(trial, outputs);
    shunt_trial_end(trial);
    return status == SHUNT_OK ? NULL : shunt_last_error();
}

const char *op_run(shunt_device *device, const shunt_op_desc *desc, const op_variant *variant,
                   const double *const *inputs, double *const *outputs, shunt_op_info *info)
{
    void *in[SHUNT_MAX_INPUTS] = {NULL}, *out[SHUNT_MAX_OUTPUTS] = {NULL};
    for (uint32_t i = 0; i < desc->ninputs; i++) {
        in[i] = malloc(shunt_tensor_bytes(&desc->inputs[i]));
        cr_assert_not_null(in[i]);
        layout_store(&desc->inputs[i], inputs[i], in[i]);
    }
    for (uint32_t i = 0; i < desc->noutputs; i++) {
        out[i] = malloc(shunt_tensor_bytes(&desc->outputs[i]));
        cr_assert_not_null(out[i]);
    }
    const char *wrong = op_run_stored(device, desc, variant, (const void *const *)in, out, info);
    for (uint32_t i = 0; i < desc->noutputs && !wrong; i++)
        if (!layout_load(&desc->outputs[i], out[i], outputs[i]))
            wrong = "a lane of an output past its channels is not zero";
    for (uint32_t i = 0; i < desc->ninputs; i++) free(in[i]);
    for (uint32_t i = 0; i < desc->noutputs; i++) free(out[i]);
    return wrong;
}
