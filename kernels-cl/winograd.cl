/* winograd.cl - what convolutions and gradients by Winograd's F(FxF,3x3) share: tiles and the transformed src. SCRATCH is the
 * address space of the latter; conv.cl comes before. */
#include "winograd_tiles.cl"

/* Vector cb of channels of src -> v (a vector's tiles), for tiles first to first + count; tiles beyond the last become zero. */
static void transform_src(__global const reals *src, SCRATCH vec *v, long stride, int cb, int first, int count,
                          const struct conv_dims *d)
{
    const long plane = (long)d->H * d->W;
    struct tile tile = locate_tile(first, d);

    for (int t = 0; t < count; t++, next_tile(&tile, d)) {
        const int h0 = tile.p - d->pad_top, w0 = tile.q - d->pad_left;
        const int inside = h0 >= 0 && h0 + E <= d->H && w0 >= 0 && w0 + E <= d->W && tile.n < d->N;
        __global const reals *x =
            src + vector_at(SB, tile.n, cb, d->C, plane) + ((long)h0 * d->W + w0) * (SB / V);
        SCRATCH vec *to = v + t;
        vec part[E][E];

        for (int j = 0; j < E; j++) {
            vec column[E], out[E];
            if (inside) {
#pragma unroll
                for (int i = 0; i < E; i++) column[i] = load_reals(x + (i * d->W + j) * (SB / V));
            } else {
                const int rows = (uint)(w0 + j) < (uint)d->W && tile.n < d->N ? d->H : 0;
#pragma unroll
                for (int i = 0; i < E; i++)
                    column[i] = (uint)(h0 + i) < (uint)rows ? load_reals(x + (i * d->W + j) * (SB / V)) : (vec)0.0f;
            }
            src_line(out, column);
#pragma unroll
            for (int i = 0; i < E; i++) part[i][j] = out[i];
        }
        for (int i = 0; i < E; i++) {
            vec out[E];
            src_line(out, part[i]);
#pragma unroll
            for (int j = 0; j < E; j++, to += stride) *to = out[j];
        }
    }
}
