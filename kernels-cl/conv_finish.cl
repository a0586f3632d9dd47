/* conv_finish.cl - how sums become dst, for kernels that make tiles of a product. */

/* Elements of dst, and of a part of split sums. */
static size_t dst_elements(const struct conv_dims *d, const struct conv_place *place)
{
    return (size_t)d->N * CEIL_DIV(d->K, B) * place->H * place->W * B;
}

static acc load_bias(__global const param *bias, int k, const struct conv_dims *d)
{
    return d->flags & WITH_BIAS && k < d->K ? bias[k] : 0.0f;
}

static float4 load_four_biases(__global const param *bias, int k, const struct conv_dims *d)
{
    return (float4)(load_bias(bias, k, d), load_bias(bias, k + 1, d), load_bias(bias, k + 2, d), load_bias(bias, k + 3, d));
}

/* Of channels k to k + V - 1. V: 4 or 8. */
static vec load_biases(__global const param *bias, int k, const struct conv_dims *d)
{
#if V == 8
    return (vec)(load_four_biases(bias, k, d), load_four_biases(bias, k + 4, d));
#else
    return load_four_biases(bias, k, d);
#endif
}

/* V channels from k on, at element `at` of dst. */
static vec finish(vec sum, __global const real *residual, __global const real *mask, int k, int at, const struct conv_dims *d)
{
    if (d->flags & WITH_RESIDUAL) sum += load_aligned(residual + at);
    if (d->flags & WITH_RELU) sum = relu(sum);
    if (d->flags & WITH_MASK) sum = masked(sum, load_aligned(mask + at));
    return clear_tail(sum, k, d->K);
}
