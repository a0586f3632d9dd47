/* winograd_tiles.cl - what all of Winograd's F(FxF,3x3) share: the numbering of tiles, and the transform of src along one direction; conv.cl
 * comes before. */
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
