/* run.c - see run.h. The hostility is the trial's (runtime/trial). */
#include "runtime/verify/run.h"

#include "runtime/base/error.h"
#include "runtime/device/trial.h"
#include "runtime/verify/layout.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_ERROR_SCALE = 64 }; /* backend.h: what op_info may say */

static shunt_status launch_on(tune_trial *trial, const void *const *inputs)
{
    shunt_status status = trial_refill(trial, inputs);
    if (status == SHUNT_OK) status = trial_launch(trial);
    return status == SHUNT_OK ? trial_finish(trial) : status;
}

/* Labels and variances may be zero, too. */
static shunt_status launch_on_zeros(tune_trial *trial, const shunt_op_desc *desc)
{
    uint64_t most = 1;
    for (uint32_t i = 0; i < desc->ninputs; i++)
        if (shunt_tensor_bytes(&desc->inputs[i]) > most) most = shunt_tensor_bytes(&desc->inputs[i]);
    void *zeros = calloc(1, most);
    if (!zeros) return error_memory();
    const void *inputs[SHUNT_MAX_INPUTS];
    for (uint32_t i = 0; i < SHUNT_MAX_INPUTS; i++) inputs[i] = zeros;
    shunt_status status = launch_on(trial, inputs);
    free(zeros);
    return status;
}

/* Once more: the same bits? */
static shunt_status repeat(tune_trial *trial, const shunt_op_desc *desc, const void *const *inputs,
                           void *const *outputs)
{
    void *again[SHUNT_MAX_OUTPUTS] = {NULL};
    shunt_status status = launch_on(trial, inputs);
    for (uint32_t i = 0; i < desc->noutputs; i++)
        if (!(again[i] = malloc(shunt_tensor_bytes(&desc->outputs[i])))) status = error_memory();
    if (status == SHUNT_OK) status = trial_read(trial, again);
    for (uint32_t i = 0; i < desc->noutputs; i++) {
        if (status == SHUNT_OK && memcmp(again[i], outputs[i], shunt_tensor_bytes(&desc->outputs[i])))
            status = error_fail(SHUNT_E_DEVICE, "two launches on the same inputs gave different bits in output %u", i);
        free(again[i]);
    }
    return status;
}

shunt_status op_run_stored(const shunt_device *device, const shunt_op_desc *desc, const op_variant *variant,
                           const void *const *inputs, void *const *outputs, shunt_op_info *info)
{
    trial_options options = {.algorithm = variant->algorithm,
                             .params = variant->params,
                             .inplace = variant->inplace,
                             .ahead = variant->ahead};
    tune_trial *trial = NULL;
    shunt_status status = trial_begin(device, desc, &options, inputs, &trial);
    if (status == SHUNT_OK && info) *info = *trial_info(trial);
    if (status == SHUNT_OK) status = launch_on_zeros(trial, desc);
    if (status == SHUNT_OK) status = launch_on(trial, inputs);
    if (status == SHUNT_OK) status = trial_read(trial, outputs);
    if (status == SHUNT_OK) status = repeat(trial, desc, inputs, outputs);
    trial_end(trial);
    return status;
}

shunt_status op_run(const shunt_device *device, const shunt_op_desc *desc, const op_variant *variant,
                    const double *const *inputs, double *const *outputs, shunt_op_info *info)
{
    void *in[SHUNT_MAX_INPUTS] = {NULL}, *out[SHUNT_MAX_OUTPUTS] = {NULL};
    shunt_status status = SHUNT_OK;
    for (uint32_t i = 0; i < desc->ninputs && status == SHUNT_OK; i++) {
        in[i] = malloc(shunt_tensor_bytes(&desc->inputs[i]));
        if (in[i])
            layout_store(&desc->inputs[i], inputs[i], in[i]);
        else
            status = error_memory();
    }
    for (uint32_t i = 0; i < desc->noutputs && status == SHUNT_OK; i++)
        if (!(out[i] = malloc(shunt_tensor_bytes(&desc->outputs[i])))) status = error_memory();
    if (status == SHUNT_OK) status = op_run_stored(device, desc, variant, (const void *const *)in, out, info);
    for (uint32_t i = 0; i < desc->noutputs && status == SHUNT_OK; i++)
        if (!layout_load(&desc->outputs[i], out[i], outputs[i]))
            status = error_fail(SHUNT_E_DEVICE, "a lane of output %u past its channels is not zero", i);
    for (uint32_t i = 0; i < desc->ninputs; i++) free(in[i]);
    for (uint32_t i = 0; i < desc->noutputs; i++) free(out[i]);
    return status;
}

shunt_status verify_error_scale(const shunt_op_info *info, double *out)
{
    double claimed = (double)info->error_scale;
    *out = claimed == 0 ? 1 : claimed;
    if (*out >= 1 && *out <= MOST_ERROR_SCALE) return SHUNT_OK;
    return error_fail(SHUNT_E_ABI, "op_info says an error_scale of %g, not 0 or 1 to %d", claimed, MOST_ERROR_SCALE);
}
