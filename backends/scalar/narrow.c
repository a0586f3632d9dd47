/* narrow.c - ops on data in 16 bits. The float32 op runs on copies of its operands, which lie one after the other in the workspace;
 * each element of a result is then rounded once. */
#include "scalar.h"

static bool narrow(uint8_t dtype)
{
    return dtype == SHUNT_F16 || dtype == SHUNT_BF16;
}

static bool copies_input(const shunt_op_desc *desc, uint32_t i)
{
    if (!narrow(shunt_op_data_type(desc))) return false;
    return shunt_op_input_class(desc->kind, desc->flags, i) == SHUNT_OPERAND_DATA || shunt_op_rounds_input(desc, i);
}

static bool copies_output(const shunt_op_desc *desc, uint32_t i)
{
    return narrow(shunt_op_data_type(desc)) && shunt_op_output_class(desc->kind, desc->flags, i) == SHUNT_OPERAND_DATA;
}

shunt_op_desc scalar_widened(const shunt_op_desc *desc)
{
    shunt_op_desc wide = *desc;
    for (uint32_t i = 0; i < desc->ninputs; i++)
        if (copies_input(desc, i)) wide.inputs[i].dtype = SHUNT_F32;
    for (uint32_t i = 0; i < desc->noutputs; i++)
        if (copies_output(desc, i)) wide.outputs[i].dtype = SHUNT_F32;
    return wide;
}

/* Of one copy, so that the next one is aligned, too. */
static uint64_t copy_bytes(const shunt_tensor_desc *tensor)
{
    const uint64_t bytes = shunt_tensor_count(tensor) * sizeof(float);
    return (bytes + SCALAR_ALIGNMENT - 1) / SCALAR_ALIGNMENT * SCALAR_ALIGNMENT;
}

uint64_t scalar_copies_bytes(const shunt_op_desc *desc)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < desc->ninputs; i++)
        if (copies_input(desc, i)) bytes += copy_bytes(&desc->inputs[i]);
    for (uint32_t i = 0; i < desc->noutputs; i++)
        if (copies_output(desc, i)) bytes += copy_bytes(&desc->outputs[i]);
    return bytes;
}

static float from_bits(uint8_t dtype, uint16_t bits)
{
    return dtype == SHUNT_F16 ? shunt_from_f16(bits) : shunt_from_bf16(bits);
}

static uint16_t to_bits(uint8_t dtype, float value)
{
    return dtype == SHUNT_F16 ? shunt_to_f16(value) : shunt_to_bf16(value);
}

static void widen(uint8_t dtype, const uint16_t *src, int64_t count, float *dst, int threads)
{
#pragma omp parallel for num_threads(threads) if (count > SCALAR_SMALL)
    for (int64_t i = 0; i < count; i++) dst[i] = from_bits(dtype, src[i]);
}

static void round_weights(uint8_t dtype, const float *src, int64_t count, float *dst, int threads)
{
#pragma omp parallel for num_threads(threads) if (count > SCALAR_SMALL)
    for (int64_t i = 0; i < count; i++) dst[i] = from_bits(dtype, to_bits(dtype, src[i]));
}

void scalar_make_copies(const shunt_op_desc *desc, int threads, unsigned char *memory, void **inputs, void **outputs)
{
    const uint8_t dtype = shunt_op_data_type(desc);
    for (uint32_t i = 0; i < desc->ninputs; i++) {
        if (!copies_input(desc, i)) continue;
        const int64_t count = (int64_t)shunt_tensor_count(&desc->inputs[i]);
        if (narrow(desc->inputs[i].dtype))
            widen(dtype, inputs[i], count, (float *)memory, threads);
        else
            round_weights(dtype, inputs[i], count, (float *)memory, threads);
        inputs[i] = memory;
        memory += copy_bytes(&desc->inputs[i]);
    }
    for (uint32_t i = 0; i < desc->noutputs; i++) {
        if (!copies_output(desc, i)) continue;
        outputs[i] = memory;
        memory += copy_bytes(&desc->outputs[i]);
    }
}

void scalar_round_results(const shunt_op_desc *desc, int threads, const void *const *computed, void *const *outputs)
{
    for (uint32_t o = 0; o < desc->noutputs; o++) {
        if (!copies_output(desc, o)) continue;
        const int64_t count = (int64_t)shunt_tensor_count(&desc->outputs[o]);
        const float *src = computed[o];
        uint16_t *dst = outputs[o];
#pragma omp parallel for num_threads(threads) if (count > SCALAR_SMALL)
        for (int64_t i = 0; i < count; i++) dst[i] = to_bits(desc->outputs[o].dtype, src[i]);
    }
}
