/* conv_grad_cut.cl - how gradients by weights are cut on GPUs, and their way through the pixels of dst. */

/* How the work is cut; the same fields as group_grad in backends/opencl/conv_grad_group.c. */
struct group_grad {
    int taps, columns, stride; /* of partial: products, columns of each, and elements from row to row */
    int pixels, splits;        /* of a split, and how many */
};

/* A pixel of dst, or a distance between two; and how many there are from it to the end of the split. */
struct pixel {
    int n, p, q, left;
};

static struct pixel pixel_of(int i, int left, const struct conv_dims *d)
{
    const int line = i / d->Q, n = line / d->P;
    return (struct pixel){n, line - n * d->P, i - line * d->Q, left};
}

/* The distance of `count` pixels. */
static struct pixel distance_of(int count, const struct conv_dims *d)
{
    return pixel_of(count, -count, d);
}

static void move(struct pixel *at, struct pixel by, const struct conv_dims *d)
{
    const int q = at->q + by.q, line = q >= d->Q, p = at->p + by.p + line, image = p >= d->P;
    at->q = line ? q - d->Q : q;
    at->p = image ? p - d->P : p;
    at->n += by.n + image;
    at->left += by.left;
}

/* Where in a plane of src the tap (h, w away) of a pixel lies, or -1. */
static int src_pixel(struct pixel at, int h, int w, const struct conv_dims *d)
{
    h += at.p * d->stride_h - d->pad_top;
    w += at.q * d->stride_w - d->pad_left;
    return (uint)h < (uint)d->H && (uint)w < (uint)d->W ? h * d->W + w : -1;
}
