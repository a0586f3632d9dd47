/* reference.c - what an op must give: random inputs, and the result of the fallback device, which is plain C. Both are
 * made in plain layout and then put into the layout that the candidates see. */
#include "runtime/base/dtype.h"
#include "runtime/base/error.h"
#include "runtime/base/random.h"
#include "runtime/device/trial.h"
#include "runtime/graph/ops/ops.h"
#include "runtime/tune/tune.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Algorithms that transform their inputs stay below 1e-5 in float32; one that is wrong anywhere is far above. */
static const double TOLERANCE = 1e-3;

static bool is_known(uint8_t dtype)
{
    return dtype == SHUNT_F32 || dtype == SHUNT_F16 || dtype == SHUNT_BF16;
}

static bool can_be_tuned(const shunt_op_desc *desc)
{
    bool all = desc->noutputs == 1 && is_known(desc->outputs[0].dtype);
    for (uint32_t i = 0; i < desc->ninputs; i++) all = all && is_known(desc->inputs[i].dtype);
    return all;
}

static shunt_tensor_desc plain_of(const shunt_tensor_desc *tensor)
{
    shunt_tensor_desc plain = *tensor;
    plain.block = SHUNT_PLAIN;
    return plain;
}

/* Replaces *data, which has float32, by the same in another type. */
static shunt_status put_in_type(uint8_t dtype, uint64_t count, void **data)
{
    if (dtype == SHUNT_F32) return SHUNT_OK;
    void *rounded = malloc(count * shunt_dtype_bytes(dtype));
    if (!rounded) return error_memory();
    dtype_from_f32(dtype, *data, count, rounded);
    free(*data);
    *data = rounded;
    return SHUNT_OK;
}

/* float32 in [-1, 1), but variances in [0.5, 1.5). */
static void *random_input(const shunt_op_desc *desc, uint32_t input)
{
    uint64_t count = shunt_tensor_count(&desc->inputs[input]);
    bool variance = op_kind_of(desc->kind)->variances >> input & 1;
    float *data = malloc(count * sizeof *data);
    char name[16];
    snprintf(name, sizeof name, "input%u", input);
    uint64_t key = random_key(name, 0);
    for (uint64_t i = 0; data && i < count; i++) {
        double drawn = random_at(key, i);
        data[i] = (float)(variance ? drawn + 0.5 : 2 * drawn - 1);
    }
    return data;
}

/* Replaces the plain *data by the same in the tensor's own layout. */
static shunt_status put_in_layout(const shunt_device *host, const shunt_tensor_desc *tensor, void **data)
{
    if (tensor->rank != 4 || tensor->block == SHUNT_PLAIN) return SHUNT_OK;
    shunt_op_desc reorder = {.kind = SHUNT_OP_REORDER, .ninputs = 1, .noutputs = 1};
    reorder.inputs[0] = plain_of(tensor);
    reorder.outputs[0] = *tensor;
    void *stored = malloc(shunt_tensor_bytes(tensor));
    if (!stored) return error_memory();
    shunt_status status = trial_once(host, &reorder, (const void *const *)data, &stored);
    if (status != SHUNT_OK) {
        free(stored);
        return status;
    }
    free(*data);
    *data = stored;
    return SHUNT_OK;
}

static shunt_status compute(const shunt_device *host, tune_reference *out)
{
    shunt_op_desc plain = out->desc;
    for (uint32_t i = 0; i < plain.ninputs; i++) {
        plain.inputs[i] = plain_of(&plain.inputs[i]);
        if (!(out->inputs[i] = random_input(&plain, i))) return error_memory();
        const shunt_status typed =
            put_in_type(plain.inputs[i].dtype, shunt_tensor_count(&plain.inputs[i]), &out->inputs[i]);
        if (typed != SHUNT_OK) return typed;
    }
    plain.outputs[0] = plain_of(&plain.outputs[0]);
    if (!(out->dst = malloc(shunt_tensor_bytes(&plain.outputs[0])))) return error_memory();
    shunt_status status = trial_once(host, &plain, (const void *const *)out->inputs, &out->dst);
    if (status == SHUNT_OK) status = put_in_layout(host, &out->desc.outputs[0], &out->dst);
    for (uint32_t i = 0; status == SHUNT_OK && i < plain.ninputs; i++)
        status = put_in_layout(host, &out->desc.inputs[i], &out->inputs[i]);
    return status;
}

shunt_status reference_make(const shunt_op_desc *desc, tune_reference *out)
{
    *out = (tune_reference){.desc = *desc};
    if (!can_be_tuned(desc))
        return error_fail(SHUNT_E_UNSUPPORTED, "tuning: only ops on f32, f16 and bf16 with one result are tuned");
    shunt_device *host;
    shunt_status status = device_open_fallback(&host);
    if (status != SHUNT_OK) return status;
    status = compute(host, out);
    shunt_device_close(host);
    if (status != SHUNT_OK) reference_free(out);
    return status;
}

void reference_free(tune_reference *reference)
{
    for (uint32_t i = 0; i < SHUNT_MAX_INPUTS; i++) free(reference->inputs[i]);
    free(reference->dst);
    *reference = (tune_reference){0};
}

/* Whether element i of the tensor's memory is a lane past its channels. */
static bool is_padding(const shunt_tensor_desc *tensor, uint64_t i)
{
    if (tensor->rank != 4 || tensor->block <= 1) return false;
    uint64_t lanes = tensor->block, area = (uint64_t)tensor->dims[2] * (uint64_t)tensor->dims[3];
    uint64_t blocks = ((uint64_t)tensor->dims[1] + lanes - 1) / lanes;
    return i / (lanes * area) % blocks * lanes + i % lanes >= (uint64_t)tensor->dims[1];
}

static double at(uint8_t dtype, const void *data, uint64_t i)
{
    float value;
    dtype_to_f32(dtype, (const uint8_t *)data + i * shunt_dtype_bytes(dtype), 1, &value);
    return (double)value;
}

/* An error before the rounding to 16 bits may become one of a unit in the last place. */
static double tolerance(uint8_t dtype)
{
    return TOLERANCE + (dtype == SHUNT_F16 ? 0x1p-10 : dtype == SHUNT_BF16 ? 0x1p-7 : 0);
}

bool reference_agrees(const tune_reference *reference, const void *dst)
{
    const shunt_tensor_desc *desc = &reference->desc.outputs[0];
    uint64_t stored = shunt_tensor_storage(desc), dirty = 0;
    double difference = 0, norm = 0;
    for (uint64_t i = 0; i < stored; i++) {
        const double got = at(desc->dtype, dst, i), right = at(desc->dtype, reference->dst, i), d = got - right;
        difference += d * d;
        norm += right * right;
        if (got != 0 && is_padding(desc, i)) dirty++;
    }
    double error = norm > 0 ? sqrt(difference / norm) : sqrt(difference);
    const bool close = error <= tolerance(desc->dtype); /* a NaN is not */
    if (dirty)
        error_fail(SHUNT_E_DEVICE, "%llu lanes past the channels are not zero", (unsigned long long)dirty);
    else if (!close)
        error_fail(SHUNT_E_DEVICE, "wrong by %.2g relative to the scalar result", error);
    return !dirty && close;
}
