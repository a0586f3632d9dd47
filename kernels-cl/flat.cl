/* flat.cl - for ops on memory walked flat, whatever its layout: zero lanes stay zero.
 * Work-items: (ceil(count / (RUN * V))), groups of WG; one item does RUN * V consecutive elements. A GPU wants RUN = 1, so that
 * neighbours touch neighbouring memory, a CPU a long run. */
#include "common.cl"

/* This item's elements are those from begin to end; only the last vector of all may have lanes past the end. */
struct flat {
    ulong begin, end;
};

static inline struct flat flat_run(ulong count)
{
    struct flat run;
    run.begin = min((ulong)get_global_id(0) * (RUN * V), count);
    run.end = min(run.begin + RUN * V, count);
    return run;
}

static inline vec load_flat(__global const real *from, ulong i, ulong end)
{
    return i + V <= end ? load_aligned(from + i) : load_channels(from + i, 0, (int)(end - i));
}

static inline void store_flat(vec x, __global real *to, ulong i, ulong end)
{
    if (i + V <= end)
        store_aligned(x, to + i);
    else
        store_channels(x, to + i, 0, (int)(end - i));
}
