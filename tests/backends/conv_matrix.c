/* conv_matrix.c - convolutions of 16-bit numbers on matrix units, and in the plain arithmetic that stands for them, are exact on whole
 * numbers and their eighths: sums of them fit float32, so plain C in any order must give the same bits. Shapes, strides, dilations, blocks of channels
 * and the size of tiles are drawn, TEST_DRAWS times; NaN and infinity reach just the outputs whose windows hold them. */
#include "runtime/verify/run.h"
#include "tests/support/op_runner.h"

#include <criterion/criterion.h>
#include <math.h>
#include <shunt/half.h>
#include <stdlib.h>

enum { MOST = 40 * 40 * 70 * 4 };

static double src[MOST], weights[MOST], bias[MOST], residual[MOST], dst[MOST], wanted[MOST];
static uint32_t state;

/* An algorithm, its parameters, and what it takes. */
typedef struct subject {
    const char *algorithm;
    const char *const *params;
    int64_t nparams;
    uint8_t dtype;
    uint32_t blocks[3];
    bool dilated_plain; /* dilation in a plain src */
} subject;

static int64_t draw(int64_t from, int64_t to)
{
    state = state * 1664525 + 1013904223;
    return from + (int64_t)(state >> 8) % (to - from + 1);
}

static void fill(double *to, const shunt_tensor_desc *desc, double unit)
{
    const uint64_t count = shunt_tensor_count(desc);
    cr_assert(count <= MOST);
    for (uint64_t i = 0; i < count; i++) to[i] = (double)draw(-8, 8) * unit;
}

static shunt_tensor_desc tensor(uint8_t type, uint32_t block, int64_t n, int64_t c, int64_t h, int64_t w)
{
    const int64_t dims[] = {n, c, h, w};
    shunt_tensor_desc desc = shunt_tensor_make(type, 4, dims);
    desc.block = block;
    return desc;
}

static shunt_op_desc draw_conv(const subject *of)
{
    const uint32_t *blocks = of->blocks;
    const uint8_t dtype = of->dtype;
    const int64_t plain = draw(0, 4) == 0, point = draw(0, 2) == 0, R = point ? 1 : draw(1, 4),
                  S = point ? 1 : draw(1, 7), C = plain ? draw(1, 5) : draw(1, 70), K = draw(1, 70), N = draw(1, 4),
                  H = draw(8, 20), W = draw(8, 20);
    shunt_conv_attr attr = {.groups = 1};
    for (int i = 0; i < 2; i++) {
        attr.stride[i] = (int32_t)draw(1, point ? 1 : 3);
        attr.dilation[i] = (plain && !of->dilated_plain) || point ? 1 : (int32_t)draw(1, 2);
        attr.pad_before[i] = point ? 0 : (int32_t)draw(0, (i ? S : R) - 1);
        attr.pad_after[i] = point ? 0 : (int32_t)draw(0, (i ? S : R) - 1);
    }
    int64_t size[2];
    for (int i = 0; i < 2; i++) {
        const int64_t room =
            (i ? W : H) + attr.pad_before[i] + attr.pad_after[i] - attr.dilation[i] * ((i ? S : R) - 1) - 1;
        size[i] = room < 0 ? 0 : room / attr.stride[i] + 1;
    }
    shunt_op_desc op = {.kind = SHUNT_OP_CONV, .flags = (uint32_t)draw(0, 7), .attr.conv = attr};
    const int64_t k_dims[] = {K};
    op.inputs[0] = tensor(dtype, plain ? SHUNT_PLAIN : blocks[draw(0, 2)], N, C, H, W);
    op.inputs[1] = tensor(SHUNT_F32, SHUNT_PLAIN, K, C, R, S);
    op.outputs[0] = tensor(dtype, blocks[draw(0, 2)], N, K, size[0], size[1]);
    op.ninputs = 2;
    op.noutputs = 1;
    if (op.flags & SHUNT_FLAG_BIAS) op.inputs[op.ninputs++] = shunt_tensor_make(SHUNT_F32, 1, k_dims);
    if (op.flags & SHUNT_FLAG_RESIDUAL) op.inputs[op.ninputs++] = op.outputs[0];
    op.constant_inputs = draw(0, 1) ? 2 : 0;
    return op;
}

static double convolve(const shunt_op_desc *op, int64_t n, int64_t k, int64_t p, int64_t q)
{
    const shunt_conv_attr *a = &op->attr.conv;
    const int64_t *in = op->inputs[0].dims, *w = op->inputs[1].dims;
    double sum = op->flags & SHUNT_FLAG_BIAS ? bias[k] : 0;
    for (int64_t c = 0; c < in[1]; c++)
        for (int64_t r = 0; r < w[2]; r++)
            for (int64_t s = 0; s < w[3]; s++) {
                const int64_t h = p * a->stride[0] + r * a->dilation[0] - a->pad_before[0],
                              v = q * a->stride[1] + s * a->dilation[1] - a->pad_before[1];
                if (h < 0 || h >= in[2] || v < 0 || v >= in[3]) continue;
                sum +=
                    src[((n * in[1] + c) * in[2] + h) * in[3] + v] * weights[((k * in[1] + c) * w[2] + r) * w[3] + s];
            }
    return sum;
}

static void compute(const shunt_op_desc *op)
{
    const int64_t *out = op->outputs[0].dims;
    int64_t at = 0;
    for (int64_t n = 0; n < out[0]; n++)
        for (int64_t k = 0; k < out[1]; k++)
            for (int64_t p = 0; p < out[2]; p++)
                for (int64_t q = 0; q < out[3]; q++, at++) {
                    double sum = convolve(op, n, k, p, q) + (op->flags & SHUNT_FLAG_RESIDUAL ? residual[at] : 0);
                    if (op->flags & SHUNT_FLAG_RELU && sum < 0) sum = 0;
                    wanted[at] = op->outputs[0].dtype == SHUNT_F16 ? (double)shunt_from_f16(shunt_to_f16((float)sum))
                                                                   : (double)shunt_from_bf16(shunt_to_bf16((float)sum));
                }
}

/* The gradient by weights: src and diff_dst (in `weights`) are the inputs. */
static void compute_gradient(const shunt_op_desc *op)
{
    const shunt_conv_attr *a = &op->attr.conv;
    const int64_t *in = op->inputs[0].dims, *out = op->inputs[1].dims, *w = op->outputs[0].dims;
    int64_t at = 0;
    for (int64_t k = 0; k < w[0]; k++)
        for (int64_t c = 0; c < w[1]; c++)
            for (int64_t r = 0; r < w[2]; r++)
                for (int64_t s = 0; s < w[3]; s++, at++) {
                    wanted[at] = 0;
                    for (int64_t i = 0; i < in[0] * out[2] * out[3]; i++) {
                        const int64_t n = i / (out[2] * out[3]), p = i / out[3] % out[2], q = i % out[3],
                                      h = p * a->stride[0] + r * a->dilation[0] - a->pad_before[0],
                                      v = q * a->stride[1] + s * a->dilation[1] - a->pad_before[1];
                        if (h < 0 || h >= in[2] || v < 0 || v >= in[3]) continue;
                        wanted[at] += src[((n * in[1] + c) * in[2] + h) * in[3] + v] *
                                      weights[((n * out[1] + k) * out[2] + p) * out[3] + q];
                    }
                }
}

static void check(const shunt_op_desc *op, const char *algorithm, const char *params)
{
    const uint64_t count = shunt_tensor_count(&op->outputs[0]);
    for (uint64_t i = 0; i < count; i++) {
        const bool same = isnan(wanted[i]) ? isnan(dst[i]) : dst[i] == wanted[i];
        cr_assert(same, "%s %s, seed %u, %u blocks, output %llu: %a, not %a", algorithm, params, state,
                  op->inputs[0].block, (unsigned long long)i, dst[i], wanted[i]);
    }
}

/* Draws ops; those that the algorithm refuses for another reason than that the device lacks the units count as wrong. */
static void run_all(const subject *of)
{
    shunt_device *device = op_runner_open();
    for (int i = 0; i < TEST_DRAWS; i++) {
        const double *inputs[SHUNT_MAX_INPUTS] = {src, weights};
        double *outputs[] = {dst};
        state = 1000 + (uint32_t)i;
        const shunt_op_desc op = draw_conv(of);
        if (op.outputs[0].dims[2] < 1 || op.outputs[0].dims[3] < 1) continue;
        const op_variant variant = {of->algorithm, of->params[draw(0, of->nparams - 1)], OP_NOT_IN_PLACE};
        for (uint32_t in = 2; in < op.ninputs; in++) inputs[in] = op.inputs[in].rank == 1 ? bias : residual;
        fill(src, &op.inputs[0], 0.125);
        fill(weights, &op.inputs[1], 0.125);
        for (uint32_t in = 2; in < op.ninputs; in++) fill((double *)inputs[in], &op.inputs[in], 0.5);
        if (draw(0, 3) == 0) {
            src[draw(0, (int64_t)shunt_tensor_count(&op.inputs[0]) - 1)] = NAN;
            src[draw(0, (int64_t)shunt_tensor_count(&op.inputs[0]) - 1)] = -INFINITY;
        }
        compute(&op);
        const shunt_status status = op_run(device, &op, &variant, inputs, outputs, NULL);
        if (i == 0 && status == SHUNT_E_INVALID) cr_skip("%s: %s", of->algorithm, shunt_last_error());
        cr_assert_eq(status, SHUNT_OK, "%s", shunt_last_error());
        check(&op, of->algorithm, variant.params);
    }
    shunt_device_close(device);
}

TestSuite(conv_matrix, .timeout = 600);

/* ---- Of processors ---- */

static const char *const fragments[] = {"m=2 n=2", "m=1 n=4"};

Test(conv_matrix, units)
{
    run_all(&(subject){"matrix", fragments, 2, SHUNT_BF16, {16, 32, 32}, false});
}

Test(conv_matrix, plain)
{
    run_all(&(subject){"matrix_plain", fragments, 2, SHUNT_BF16, {16, 32, 32}, false});
}

/* Gradients by weights of the same convolutions. */
static void run_gradients(const subject *of)
{
    shunt_device *device = op_runner_open();
    for (int i = 0; i < TEST_DRAWS; i++) {
        const double *inputs[SHUNT_MAX_INPUTS] = {src, weights};
        double *outputs[] = {dst};
        state = 2000 + (uint32_t)i;
        const shunt_op_desc conv = draw_conv(of);
        if (conv.inputs[0].block == SHUNT_PLAIN || conv.outputs[0].dims[2] < 1 || conv.outputs[0].dims[3] < 1) continue;
        shunt_op_desc op = {.kind = SHUNT_OP_CONV_GRAD_WEIGHTS, .attr = conv.attr, .ninputs = 2, .noutputs = 1};
        op.inputs[0] = conv.inputs[0];
        op.inputs[1] = conv.outputs[0];
        op.outputs[0] = conv.inputs[1];
        const op_variant variant = {of->algorithm, of->params[draw(0, of->nparams - 1)], OP_NOT_IN_PLACE};
        fill(src, &op.inputs[0], 0.125);
        fill(weights, &op.inputs[1], 0.125);
        compute_gradient(&op);
        const shunt_status status = op_run(device, &op, &variant, inputs, outputs, NULL);
        if (i == 0 && status == SHUNT_E_INVALID) cr_skip("%s: %s", of->algorithm, shunt_last_error());
        cr_assert_eq(status, SHUNT_OK, "%s", shunt_last_error());
        check(&op, of->algorithm, variant.params);
    }
    shunt_device_close(device);
}

/* ---- Of GPUs, in each vendor's layout of fragments ---- */

static const char *const waves[] = {"nvidia tm=64 tn=64 tk=32 f=2x2 s=2",  "nvidia tm=32 tn=32 tk=32 f=1x1 s=1",
                                    "amd tm=64 tn=64 tk=32 f=2x2 s=2",     "amd tm=32 tn=32 tk=32 f=1x1 s=1",
                                    "intel8 tm=64 tn=64 tk=16 f=2x2 s=2",  "intel8 tm=32 tn=32 tk=16 f=1x1 s=1",
                                    "intel16 tm=64 tn=64 tk=16 f=2x2 s=2", "intel16 tm=32 tn=32 tk=16 f=1x1 s=1"};

Test(conv_matrix, waves_f16)
{
    run_all(&(subject){"wave_plain", waves, 8, SHUNT_F16, {16, 16, 16}, true});
}

Test(conv_matrix, waves_bf16)
{
    run_all(&(subject){"wave_plain", waves, 8, SHUNT_BF16, {16, 16, 16}, true});
}

Test(conv_matrix, waves_gradients)
{
    run_gradients(&(subject){"wave_plain", waves, 8, SHUNT_F16, {16, 16, 16}, true});
}
