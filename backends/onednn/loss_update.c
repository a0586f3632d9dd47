/* loss_update.c - loss and updates: CROSS_ENTROPY logits (N,C), labels (N) -> losses (N), diff_logits (N,C); SGD,
 * MOVING_AVERAGE, SHRINK and ACCUMULATE, which work in place; COUNT_NONFINITE; SUM_SQUARES; RELU_GRAD and SHORTCUT_GRAD. */
#include "onednn.h"

#include <math.h>
#include <string.h>

static shunt_status all_alike(const shunt_op_desc *desc, uint32_t ninputs)
{
    for (uint32_t i = 0; i < ninputs; i++)
        if (memcmp(&desc->inputs[i], &desc->outputs[0], sizeof desc->outputs[0]))
            return onednn_fail(SHUNT_E_UNSUPPORTED, "inputs and output are not alike");
    return SHUNT_OK;
}

/* ---- Loss -------------------------------------------------------------------------------------------------------- */

static shunt_status check_loss(const shunt_op_desc *desc)
{
    const shunt_tensor_desc *logits = &desc->inputs[0], *labels = &desc->inputs[1], *losses = &desc->outputs[0];
    if (logits->rank != 2 || memcmp(logits, &desc->outputs[1], sizeof *logits) || labels->rank != 1 ||
        labels->dims[0] != logits->dims[0] || memcmp(labels, losses, sizeof *losses))
        return onednn_fail(SHUNT_E_INVALID, "logits, labels, losses and diff_logits do not fit each other");
    return SHUNT_OK;
}

static void loss_loop(const shunt_op_desc *desc, const float *const *inputs, float *const *outputs)
{
    int64_t N = desc->inputs[0].dims[0], C = desc->inputs[0].dims[1];
    double smoothing = desc->attr.cross_entropy.smoothing;
#pragma omp parallel for
    for (int64_t n = 0; n < N; n++) {
        const float *x = inputs[0] + n * C;
        float *diff = outputs[1] + n * C, most = -INFINITY;
        double sum = 0, loss = 0;
        for (int64_t c = 0; c < C; c++) most = x[c] > most ? x[c] : most;
        for (int64_t c = 0; c < C; c++) sum += exp((double)x[c] - most);
        for (int64_t c = 0; c < C; c++) {
            double target = (c == (int64_t)inputs[1][n] ? 1 - smoothing : 0) + smoothing / (double)C;
            double logarithm = (double)x[c] - most - log(sum);
            if (target != 0 || isnan(logarithm)) loss -= target * logarithm;
            diff[c] = (float)((exp(logarithm) - target) / (double)N);
        }
        outputs[0][n] = (float)loss;
    }
}

/* ---- Updates ------------------------------------------------------------------------------------------------------ */

/* That what a flag adds, where it is set, is one number; and that number, or another where it is not. */
static shunt_status check_number(const shunt_op_desc *desc, uint32_t flag)
{
    if (!(desc->flags & flag)) return SHUNT_OK;
    const shunt_tensor_desc *number = &desc->inputs[shunt_op_flag_input(desc->kind, desc->flags, flag)];
    if (number->rank == 1 && number->dims[0] == 1) return SHUNT_OK;
    return onednn_fail(SHUNT_E_INVALID, "what flag 0x%x adds is not a single number", flag);
}

static float flag_number(const shunt_op_desc *desc, const float *const *inputs, uint32_t flag, float otherwise)
{
    if (!(desc->flags & flag)) return otherwise;
    return inputs[shunt_op_flag_input(desc->kind, desc->flags, flag)][0];
}

static shunt_status check_sgd(const shunt_op_desc *desc)
{
    if (desc->inputs[3].rank != 1 || desc->inputs[3].dims[0] != 1 ||
        memcmp(&desc->outputs[0], &desc->outputs[1], sizeof desc->outputs[0]))
        return onednn_fail(SHUNT_E_INVALID, "the rate is not a single number, or weights and velocity differ");
    shunt_status status = check_number(desc, SHUNT_FLAG_SCALE);
    if (!status) status = check_number(desc, SHUNT_FLAG_SKIP);
    if (!status && desc->flags & SHUNT_FLAG_LARS && shunt_tensor_count(&desc->inputs[desc->ninputs - 1]) != 2)
        return onednn_fail(SHUNT_E_INVALID, "squares are not two numbers");
    return status ? status : all_alike(desc, 3);
}

/* What LARS multiplies the step by. */
static float trust_of(const shunt_op_desc *desc, const float *squares, float scale)
{
    const float weights = sqrtf(squares[0]), diff = scale * sqrtf(squares[1]);
    const shunt_sgd_attr *attr = &desc->attr.sgd;
    return weights > 0 && diff > 0 ? attr->trust * weights / (diff + attr->weight_decay * weights) : 1;
}

static void sgd_loop(const shunt_op_desc *desc, const float *const *inputs, float *const *outputs)
{
    const float momentum = desc->attr.sgd.momentum, decay = desc->attr.sgd.weight_decay, rate = inputs[3][0];
    const float *from = inputs[0], *speed = inputs[1], *diff = inputs[2];
    bool nesterov = desc->flags & SHUNT_FLAG_NESTEROV;
    int64_t count = (int64_t)shunt_tensor_storage(&desc->outputs[0]);
    float *weights = outputs[0], *velocity = outputs[1];
    const float scale = flag_number(desc, inputs, SHUNT_FLAG_SCALE, 1);
    bool scaled = desc->flags & SHUNT_FLAG_SCALE, lars = desc->flags & SHUNT_FLAG_LARS;
    const float trust = lars ? trust_of(desc, inputs[desc->ninputs - 1], scale) : 1;
    if (flag_number(desc, inputs, SHUNT_FLAG_SKIP, 0) != 0) {
        memmove(weights, from, (size_t)count * sizeof *weights);
        memmove(velocity, speed, (size_t)count * sizeof *velocity);
        return;
    }
#pragma omp parallel for simd
    for (int64_t i = 0; i < count; i++) {
        float d = scaled ? scale * diff[i] : diff[i];
        float decayed = d + decay * from[i], g = lars ? trust * decayed : decayed;
        float v = momentum * speed[i] + g;
        velocity[i] = v;
        weights[i] = from[i] - rate * (nesterov ? g + momentum * v : v);
    }
}

static shunt_status check_average(const shunt_op_desc *desc)
{
    shunt_status status = check_number(desc, SHUNT_FLAG_SKIP);
    return status ? status : all_alike(desc, 2);
}

static void average_loop(const shunt_op_desc *desc, const float *const *inputs, float *const *outputs)
{
    const float rate = desc->attr.moving_average.rate, scale = desc->attr.moving_average.scale;
    int64_t count = (int64_t)shunt_tensor_storage(&desc->outputs[0]);
    if (flag_number(desc, inputs, SHUNT_FLAG_SKIP, 0) != 0) {
        memmove(outputs[0], inputs[0], (size_t)count * sizeof *outputs[0]);
        return;
    }
    for (int64_t i = 0; i < count; i++) outputs[0][i] = inputs[0][i] + rate * (scale * inputs[1][i] - inputs[0][i]);
}

static shunt_status check_shrink(const shunt_op_desc *desc)
{
    if (desc->inputs[2].rank != 1 || desc->inputs[2].dims[0] != 1 ||
        memcmp(&desc->outputs[0], &desc->outputs[1], sizeof desc->outputs[0]))
        return onednn_fail(SHUNT_E_INVALID, "the threshold is not a single number, or scale and shift differ");
    shunt_status status = check_number(desc, SHUNT_FLAG_SKIP);
    return status ? status : all_alike(desc, 2);
}

static void shrink_loop(const shunt_op_desc *desc, const float *const *inputs, float *const *outputs)
{
    const int64_t count = (int64_t)shunt_tensor_storage(&desc->outputs[0]);
    const bool skip = flag_number(desc, inputs, SHUNT_FLAG_SKIP, 0) != 0;
    double squares = 0;
    for (int i = 0; i < 2; i++)
        for (int64_t c = 0; c < count; c++) squares += (double)inputs[i][c] * inputs[i][c];
    const double threshold = inputs[2][0], r = sqrt(squares / (double)(2 * count));
    const bool vanishes = !skip && r <= threshold;
    const float factor = skip ? 1 : (float)(1 - threshold / r);
    for (int i = 0; i < 2; i++)
        for (int64_t c = 0; c < count; c++) outputs[i][c] = vanishes ? 0 : factor * inputs[i][c];
}

static shunt_status check_accumulate(const shunt_op_desc *desc)
{
    if (desc->inputs[2].rank != 1 || desc->inputs[2].dims[0] != 2)
        return onednn_fail(SHUNT_E_INVALID, "factors are not two numbers");
    return all_alike(desc, 2);
}

static void accumulate_loop(const shunt_op_desc *desc, const float *const *inputs, float *const *outputs)
{
    const int64_t count = (int64_t)shunt_tensor_storage(&desc->outputs[0]);
    const float *sum = inputs[0], *src = inputs[1], kept = inputs[2][0], added = inputs[2][1];
    float *result = outputs[0];
#pragma omp parallel for simd
    for (int64_t i = 0; i < count; i++) result[i] = kept == 0 ? added * src[i] : kept * sum[i] + added * src[i];
}

static shunt_status check_count(const shunt_op_desc *desc)
{
    if (desc->outputs[0].rank != 1 || desc->outputs[0].dims[0] != 1)
        return onednn_fail(SHUNT_E_INVALID, "dst is not a single number");
    return check_number(desc, SHUNT_FLAG_RESIDUAL);
}

static void count_loop(const shunt_op_desc *desc, const float *const *inputs, float *const *outputs)
{
    const float *src = inputs[0];
    int64_t count = (int64_t)shunt_tensor_storage(&desc->inputs[0]), bad = 0;
#pragma omp parallel for simd reduction(+ : bad)
    for (int64_t i = 0; i < count; i++) bad += !isfinite(src[i]);
    outputs[0][0] = flag_number(desc, inputs, SHUNT_FLAG_RESIDUAL, 0) + (float)bad;
}

static shunt_status check_squares(const shunt_op_desc *desc)
{
    if (desc->outputs[0].rank != 1 || desc->outputs[0].dims[0] != 2 ||
        memcmp(&desc->inputs[0], &desc->inputs[1], sizeof desc->inputs[0]))
        return onednn_fail(SHUNT_E_INVALID, "dst is not two numbers, or weights and gradient are not alike");
    return SHUNT_OK;
}

static void squares_loop(const shunt_op_desc *desc, const float *const *inputs, float *const *outputs)
{
    const uint64_t count = shunt_tensor_storage(&desc->inputs[0]);
    for (int k = 0; k < 2; k++) {
        double sum = 0;
        for (uint64_t i = 0; i < count; i++) sum += (double)inputs[k][i] * (double)inputs[k][i];
        outputs[0][k] = (float)sum;
    }
}

/* ---- Small gradients ------------------------------------------------------------------------------------------------ */

static void relu_loop(const shunt_op_desc *desc, const float *const *inputs, float *const *outputs)
{
    const float *dst = inputs[0], *diff_dst = inputs[1];
    int64_t count = (int64_t)shunt_tensor_storage(&desc->outputs[0]);
    float *diff_src = outputs[0];
#pragma omp parallel for simd
    for (int64_t i = 0; i < count; i++) diff_src[i] = dst[i] > 0 ? diff_dst[i] : 0;
}

static shunt_status check_shortcut(const shunt_op_desc *desc)
{
    const shunt_tensor_desc *dst = &desc->inputs[0], *src = &desc->outputs[0];
    int64_t stride = desc->attr.shortcut.stride, lead = desc->attr.shortcut.lead;
    if (src->rank != 4 || dst->rank != 4 || stride < 1 || lead < 0 || src->dims[0] != dst->dims[0] ||
        lead + src->dims[1] > dst->dims[1] || (src->dims[2] - 1) / stride + 1 != dst->dims[2] ||
        (src->dims[3] - 1) / stride + 1 != dst->dims[3])
        return onednn_fail(SHUNT_E_INVALID, "diff_dst does not fit diff_src, stride and lead");
    return SHUNT_OK;
}

static void shortcut_loop(const shunt_op_desc *desc, const float *const *inputs, float *const *outputs)
{
    const shunt_tensor_desc *dst = &desc->inputs[0], *src = &desc->outputs[0];
    int64_t stride = desc->attr.shortcut.stride, lanes = shunt_tensor_block(src);
    int64_t C = (src->dims[1] + lanes - 1) / lanes * lanes;
#pragma omp parallel for collapse(2)
    for (int64_t n = 0; n < src->dims[0]; n++) {
        for (int64_t c = 0; c < C; c++) {
            for (int64_t h = 0; h < src->dims[2]; h++)
                for (int64_t w = 0; w < src->dims[3]; w++) {
                    bool taken = c < src->dims[1] && h % stride == 0 && w % stride == 0;
                    int64_t k = c + desc->attr.shortcut.lead;
                    outputs[0][shunt_tensor_at(src, n, c, h, w)] =
                        taken ? inputs[0][shunt_tensor_at(dst, n, k, h / stride, w / stride)] : 0;
                }
        }
    }
}

const onednn_kind onednn_cross_entropy = {.loop = loss_loop, .check = check_loss};
const onednn_kind onednn_sgd = {.flags = SHUNT_FLAG_NESTEROV | SHUNT_FLAG_SCALE | SHUNT_FLAG_SKIP | SHUNT_FLAG_LARS,
                                .loop = sgd_loop,
                                .check = check_sgd};
const onednn_kind onednn_sum_squares = {.loop = squares_loop, .check = check_squares};
const onednn_kind onednn_count_nonfinite = {.flags = SHUNT_FLAG_RESIDUAL, .loop = count_loop, .check = check_count};
const onednn_kind onednn_moving_average = {.flags = SHUNT_FLAG_SKIP, .loop = average_loop, .check = check_average};
const onednn_kind onednn_shrink = {.flags = SHUNT_FLAG_SKIP, .loop = shrink_loop, .check = check_shrink};
const onednn_kind onednn_accumulate = {.loop = accumulate_loop, .check = check_accumulate};
const onednn_kind onednn_relu_grad = {.inplace_inputs = 3, .loop = relu_loop, .check = check_average};
const onednn_kind onednn_shortcut_grad = {.loop = shortcut_loop, .check = check_shortcut};
