/* conv_training.c - convolutions as training does them, with weights that change, and their gradients, in shapes of ResNet-20
 * and ResNet-18 on one device, against the fallback device in float64: drawn ops (ops_random.c) are too small for sums in
 * splits, strips and chunks. SHUNT_TEST_DEVICE: selector. */
#include "runtime/device/device.h"
#include "runtime/base/random.h"
#include "runtime/device/trial.h"
#include "runtime/verify/layout.h"
#include "runtime/verify/run.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct shape {
    int64_t N, C, size, K, window;
    int32_t stride, pad;
} shape;

static const shape shapes[] = {
    {12, 3, 32, 16, 3, 1, 1},   {12, 16, 32, 16, 3, 1, 1},  {12, 16, 32, 32, 3, 2, 1}, {12, 32, 16, 32, 3, 1, 1},
    {24, 64, 8, 64, 3, 1, 1},   {1, 3, 112, 64, 7, 2, 3},   {1, 64, 56, 64, 3, 1, 1},  {1, 64, 56, 128, 1, 2, 0},
    {1, 128, 28, 128, 3, 1, 1}, {2, 256, 14, 512, 3, 2, 1}, {2, 512, 7, 512, 3, 1, 1},
};

static shunt_tensor_desc tensor(int64_t n, int64_t c, int64_t h, int64_t w)
{
    return (shunt_tensor_desc){.dtype = SHUNT_F32, .rank = 4, .block = SHUNT_PLAIN, .dims = {n, c, h, w}};
}

static shunt_op_desc describe(uint32_t kind, const shape *s)
{
    const int64_t result = (s->size + 2 * s->pad - s->window) / s->stride + 1;
    const shunt_tensor_desc src = tensor(s->N, s->C, s->size, s->size), dst = tensor(s->N, s->K, result, result),
                            weights = tensor(s->K, s->C, s->window, s->window);
    shunt_op_desc op = {.kind = kind, .ninputs = 2, .noutputs = 1};
    op.attr.conv = (shunt_conv_attr){.stride = {s->stride, s->stride},
                                     .dilation = {1, 1},
                                     .pad_before = {s->pad, s->pad},
                                     .pad_after = {s->pad, s->pad},
                                     .groups = 1};
    op.inputs[0] = kind == SHUNT_OP_CONV_GRAD_SRC ? weights : src;
    op.inputs[1] = kind == SHUNT_OP_CONV ? weights : dst;
    op.outputs[0] = kind == SHUNT_OP_CONV ? dst : kind == SHUNT_OP_CONV_GRAD_SRC ? src : weights;
    return op;
}

static double *doubles(const shunt_tensor_desc *desc)
{
    double *made = malloc(shunt_tensor_count(desc) * sizeof *made);
    cr_assert_not_null(made);
    return made;
}

static double distance(const double *got, const double *expected, uint64_t count)
{
    double difference = 0, size = 0;
    for (uint64_t i = 0; i < count; i++) {
        difference += (got[i] - expected[i]) * (got[i] - expected[i]);
        size += expected[i] * expected[i];
    }
    return sqrt(difference / size);
}

/* The best guess, or each fast algorithm's for what only training does. op_run compares two launches bit for bit, too. */
static void check(const shunt_device *device, const shunt_op_desc *op, const double *const *inputs,
                  const double *expected)
{
    static shunt_op_candidates found;
    const uint64_t count = shunt_tensor_count(&op->outputs[0]);
    double *got = doubles(&op->outputs[0]);
    found = (shunt_op_candidates){.size = sizeof found};
    cr_assert_eq(device->ops->op_query(device->handle, op, &found), SHUNT_OK, "%s", device->backend->last_error());
    for (uint32_t i = 0; i < found.count && !found.list[i].reason[0]; i++) {
        const op_variant variant = {found.list[i].algorithm, found.list[i].params, OP_NOT_IN_PLACE};
        const bool again = i > 0 && !strcmp(variant.algorithm, found.list[i - 1].algorithm);
        if (again || !strcmp(variant.algorithm, "direct") || (i > 0 && op->kind != SHUNT_OP_CONV_GRAD_WEIGHTS))
            continue;
        cr_assert_eq(op_run(device, op, &variant, inputs, &got, NULL), SHUNT_OK, "%s", shunt_last_error());
        const double off = distance(got, expected, count);
        cr_expect(off < 1e-5, "kind %u, %lld to %lld channels of %lld x %lld, %s %s: off by %g", op->kind,
                  (long long)op->inputs[0].dims[1], (long long)op->inputs[1].dims[1], (long long)op->inputs[0].dims[2],
                  (long long)op->inputs[0].dims[3], variant.algorithm, variant.params, off);
    }
    free(got);
}

static void run(const shunt_device *device, const shunt_device *fallback, uint32_t kind, const shape *s)
{
    const shunt_op_desc plain = describe(kind, s);
    const shunt_op_desc wide = layout_op(&plain, SHUNT_F64, SHUNT_PLAIN, SHUNT_PLAIN);
    const uint16_t block = (uint16_t)device->entry.info.block;
    const shunt_op_desc op = layout_op(&plain, SHUNT_F32, s->C == 3 ? SHUNT_PLAIN : block, block);
    double *inputs[2], *expected = doubles(&plain.outputs[0]);
    for (int i = 0; i < 2; i++) {
        const uint64_t key = random_key("conv_training", (uint64_t)i);
        inputs[i] = doubles(&plain.inputs[i]);
        for (uint64_t e = 0; e < shunt_tensor_count(&plain.inputs[i]); e++)
            inputs[i][e] = (float)(2 * random_at(key, e) - 1);
    }
    cr_assert_eq(trial_once(fallback, &wide, (const void *const *)inputs, (void *const *)&expected), SHUNT_OK, "%s",
                 shunt_last_error());
    check(device, &op, (const double *const *)inputs, expected);
    for (int i = 0; i < 2; i++) free(inputs[i]);
    free(expected);
}

static void run_all(uint32_t kind)
{
    const char *selector = getenv("SHUNT_TEST_DEVICE");
    shunt_device *device = NULL, *fallback = NULL;
    cr_assert_eq(shunt_device_open(selector ? selector : "scalar", NULL, &device), SHUNT_OK, "%s", shunt_last_error());
    cr_assert_eq(device_open_fallback(&fallback), SHUNT_OK, "%s", shunt_last_error());
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        if (kind != SHUNT_OP_CONV_GRAD_SRC || shapes[i].C > 3) run(device, fallback, kind, &shapes[i]);
    shunt_device_close(fallback);
    shunt_device_close(device);
}

Test(conv_training, forward)
{
    run_all(SHUNT_OP_CONV);
}
Test(conv_training, by_src)
{
    run_all(SHUNT_OP_CONV_GRAD_SRC);
}
Test(conv_training, by_weights)
{
    run_all(SHUNT_OP_CONV_GRAD_WEIGHTS);
}
