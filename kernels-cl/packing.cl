/* packing.cl - weights in the order in which conv_group.cl reads them, and lists of such weights for kernels that pack many at once. */
#include "entries.cl"

/* Element i of packed weights: `rows` rows for each `width` output channels, `step` rows of a tap one after the other, or, for plain
 * src, all taps of a channel. Zero beyond K or C. */
static inline acc group_weight(__global const param *weights, size_t i, const struct conv_dims *d,
                               const struct conv_view *v, int rows, int width, int step, int plain)
{
    const int k = i / width / rows * width + i % width, row = i / width % rows, taps = d->R * d->S;
    const int c = plain ? row / taps : row / (step * taps) * step + row % step,
              tap = plain ? row % taps : row / step % taps;
    const long from = v->first + k * v->step_k + c * v->step_c + tap / d->S * v->step_r + tap % d->S * v->step_s;
    return k < d->K && c < d->C ? weights[from] : 0.0f;
}

/* The same fields as ocl_packing in backends/opencl/packs.h. */
struct packing {
    struct conv_dims dims;
    struct conv_view view;
    ulong src, dst; /* where weights and packed weights begin */
    ulong first;    /* its first work-group */
    ulong count;    /* of its work-items */
    int rows, width, step, plain;
};

/* That of this work-group. */
static inline struct packing find_packing(__global const struct packing *list, int count)
{
    return list[find_entry(&list->first, sizeof *list, count)];
}
