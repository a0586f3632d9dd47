/* conv_field.cl - what the pixels of dst see of src, and the way through a convolution's inner dimension, for kernels that make tiles of a
 * product: steps of TK rows of it.
 *
 * The tensors are in blocks of B channels: then a step is TK channels of one tap, and taps lie inside channels. Or src is plain, with
 * -DPLAIN_SRC. */
#include "conv.cl"

/* Where the receptive field of a pixel begins; that of a pixel past the end lies far above the image. */
struct field {
    int at; /* index of its first element */
    int h, w;
};

/* Of the vectors that an item gathers. */
struct fields {
    struct field f0, f1, f2, f3;
};

static struct field field_of(int pixel, int image_size, int pixel_size, const struct conv_dims *d)
{
    struct field f;
    const int line = pixel / d->Q, n = line / d->P;
    const int h = (line - n * d->P) * d->stride_h - d->pad_top, w = (pixel - line * d->Q) * d->stride_w - d->pad_left;
    f.at = n < d->N ? n * image_size + (h * d->W + w) * pixel_size : 0;
    f.h = n < d->N ? h : INT_MIN / 2;
    f.w = w;
    return f;
}

static bool is_inside(struct field f, int h, int w, const struct conv_dims *d)
{
    return (uint)(f.h + h) < (uint)d->H && (uint)(f.w + w) < (uint)d->W;
}

#ifdef PLAIN_SRC

#define PIXEL_SIZE 1
#define IMAGE_SIZE(d) ((d)->C * (d)->H * (d)->W)
typedef int walk; /* the step's first row */

static walk walk_to(int step, const struct conv_dims *d)
{
    return step * TK;
}

static void walk_on(walk *at, const struct conv_dims *d)
{
    *at += TK;
}

#else

#define PIXEL_SIZE B
#define IMAGE_SIZE(d) (CEIL_DIV((d)->C, B) * (d)->H * (d)->W * B)

/* The step's first channel and its tap: counted on, for divisions would cost as much as a fifth of the step. */
typedef struct walk {
    int c, r, s;
} walk;

static walk walk_to(int step, const struct conv_dims *d)
{
    const int line = step / d->S, slice = line / d->R;
    return (walk){slice * TK, line - slice * d->R, step - line * d->S};
}

static void walk_on(walk *at, const struct conv_dims *d)
{
    const bool line = at->s + 1 == d->S, slice = line && at->r + 1 == d->R;
    at->s = line ? 0 : at->s + 1;
    at->r = slice ? 0 : at->r + line;
    at->c += slice ? TK : 0;
}

#endif
