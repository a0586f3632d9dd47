/* lrn.cl - dst = src / (bias + factor * sum)^beta; the sum is of src^2 over the channels from `before` before to `after` after,
 * those that are there. A tensor (N,C,...) is taken as (N,C,1,pixels).
 * Work-items: one per piece of a plane (common.cl); groups of WG.
 * Memory per vector: before + V + after elements of src, one after the other; one vector of src and of dst. */
#include "common.cl"

__attribute__((reqd_work_group_size(WG, 1, 1))) __kernel void lrn(__global const real *src, ulong src_at,
                                                                  __global real *dst, ulong dst_at, ulong pieces,
                                                                  int run, int C, int pixels, int before, int after,
                                                                  float factor, float beta, float bias)
{
    const size_t i = get_global_id(0);
    if (i >= pieces) return;
    const struct place at = piece_of(i, C, 1, pixels, run);
    const ivec c = (ivec)at.c + IOTA;
    const int first = max(at.c - before, 0), end = min(at.c + V + after, C);
    const size_t here = blocked(B, at.n, at.c, C, 1, pixels, 0, 0), image = blocked(B, at.n, 0, C, 1, pixels, 0, 0);
    src += src_at;
    dst += dst_at;
    for (int pixel = at.w; pixel < min(at.w + run, pixels); pixel++) {
        vec sum = (vec)0.0f;
        for (int k = first; k < end; k++) {
            const acc x = load(src, image + ((size_t)(k / B) * pixels + pixel) * B + k % B);
            sum = select(sum, sum + x * x, (c - before <= (ivec)k) & (c + after >= (ivec)k));
        }
        const size_t place = here + (size_t)pixel * B;
        const vec result = load_aligned(src + place) / pow(bias + factor * sum, (vec)beta);
        store_aligned(clear_tail(result, at.c, C), dst + place);
    }
}
