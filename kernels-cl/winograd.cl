/* winograd.cl - what convolutions and gradients by Winograd's F(FxF,3x3) share: tiles and the transformed src. SCRATCH is the
 * address space of the latter; conv.cl comes before. */
#define E (F + 2)

/* x (E) = transpose(B) d */
static void src_line(vec x[E], const vec d[E])
{
#if F == 2
    x[0] = d[0] - d[2];
    x[1] = d[1] + d[2];
    x[2] = d[2] - d[1];
    x[3] = d[1] - d[3];
#else
    const vec a = d[4] - 4.0f * d[2], b = d[3] - 4.0f * d[1], c = d[4] - d[2], e = 2.0f * (d[3] - d[1]);
    x[0] = 4.0f * d[0] - 5.0f * d[2] + d[4];
    x[1] = a + b;
    x[2] = a - b;
    x[3] = c + e;
    x[4] = c - e;
    x[5] = 4.0f * d[1] - 5.0f * d[3] + d[5];
#endif
}

/* A position in the numbering of tiles. */
struct tile {
    int n, p, q; /* p, q: first pixel in dst */
};

static struct tile locate_tile(int tile, const struct conv_dims *d)
{
    const int tiles_w = CEIL_DIV(d->Q, F), tiles_h = CEIL_DIV(d->P, F), row = tile / tiles_w, n = row / tiles_h;

    return (struct tile){n, (row - n * tiles_h) * F, (tile - row * tiles_w) * F};
}

static void next_tile(struct tile *tile, const struct conv_dims *d)
{
    if ((tile->q += F) < d->Q) return;
    tile->q = 0;
    if ((tile->p += F) < d->P) return;
    tile->p = 0;
    tile->n++;
}

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
