/* winograd_lines.cl - the transforms of weights and products in Winograd's convolution, along one direction; winograd_tiles.cl comes before. */
/* y (F) = transpose(A) x */
static void dst_line(vec y[F], const vec x[E])
{
#if F == 2
    y[0] = x[0] + x[1] + x[2];
    y[1] = x[1] - x[2] - x[3];
#else
    const vec a = x[1] + x[2], b = x[1] - x[2], c = x[3] + x[4], e = x[3] - x[4];
    y[0] = x[0] + a + c;
    y[1] = b + 2.0f * e;
    y[2] = a + 4.0f * c;
    y[3] = b + 8.0f * e + x[5];
#endif
}

/* x (E) = G g */
static void weights_line(vec x[E], const vec g[3])
{
#if F == 2
    x[0] = g[0];
    x[1] = 0.5f * (g[0] + g[1] + g[2]);
    x[2] = 0.5f * (g[0] - g[1] + g[2]);
    x[3] = g[2];
#else
    const vec a = (g[0] + g[2]) * (-1 / 6.0f), b = g[1] * (1 / 6.0f);
    const vec c = g[0] * (1 / 24.0f) + g[2] * (1 / 6.0f), e = g[1] * (1 / 12.0f);
    x[0] = 0.25f * g[0];
    x[1] = a - b;
    x[2] = a + b;
    x[3] = c + e;
    x[4] = c - e;
    x[5] = g[2];
#endif
}
