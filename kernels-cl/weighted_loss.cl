/* weighted_loss.cl - losses of places, each with a weight, and their gradients: focal_loss and smooth_l1, see op.h.
 * Work-items: one per place, groups of WG; `inner` places lie between one channel and the next. Memory per item: C elements of src once
 * (smooth_l1: of target, too), a label, a weight; C gradients and a loss written. */
#define B 1
#define V 1
#include "common.cl"

__attribute__((reqd_work_group_size(WG, 1, 1))) __kernel void
focal_loss(__global const param *logits, ulong logits_at, __global const param *labels, ulong labels_at,
           __global const param *weights, ulong weights_at, __global param *losses, ulong losses_at,
           __global param *diff_logits, ulong diff_logits_at, ulong places, ulong inner, int C, float alpha, float gamma)
{
    const ulong i = get_global_id(0);
    if (i >= places) return;
    const ulong first = i / inner * C * inner + i % inner;
    const param label = labels[labels_at + i], weight = weights[weights_at + i];
    acc sum = 0.0f;
    logits += logits_at + first;
    diff_logits += diff_logits_at + first;
    for (int c = 0; c < C; c++) {
        const bool is_label = (param)c == label;
        const acc z = is_label ? logits[c * inner] : -logits[c * inner], small = exp(-fabs(z));
        const acc logarithm = (z < 0.0f ? z : 0.0f) - log1p(small); /* of q = sigmoid(z) */
        const acc other = (z < 0.0f ? 1.0f : small) / (1.0f + small), q = (z < 0.0f ? small : 1.0f) / (1.0f + small);
        const acc factor = (is_label ? alpha : 1.0f - alpha) * (gamma == 2.0f ? other * other : pow(other, gamma));
        const acc slope = factor * (gamma * q * logarithm - other);
        sum -= factor * logarithm;
        diff_logits[c * inner] = weight * (is_label ? slope : -slope);
    }
    losses[losses_at + i] = weight * sum;
}

__attribute__((reqd_work_group_size(WG, 1, 1))) __kernel void
smooth_l1(__global const param *src, ulong src_at, __global const param *target, ulong target_at,
          __global const param *weights, ulong weights_at, __global param *losses, ulong losses_at,
          __global param *diff_src, ulong diff_src_at, ulong places, ulong inner, int C, float beta)
{
    const ulong i = get_global_id(0);
    if (i >= places) return;
    const ulong first = i / inner * C * inner + i % inner;
    const param weight = weights[weights_at + i];
    acc sum = 0.0f;
    src += src_at + first;
    target += target_at + first;
    diff_src += diff_src_at + first;
    for (int c = 0; c < C; c++) {
        const acc off = src[c * inner] - target[c * inner], size = fabs(off);
        const bool near = size < beta;
        sum += near ? off * off / (2.0f * beta) : size - beta / 2.0f;
        diff_src[c * inner] = weight * (near ? off / beta : off > 0.0f ? 1.0f : off < 0.0f ? -1.0f : off);
    }
    losses[losses_at + i] = weight * sum;
}
