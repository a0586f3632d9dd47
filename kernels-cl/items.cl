/* items.cl - the sum of a number over the items of a group, as a tree: the order is fixed, so the result is reproducible.
 * ADD_ITEMS(type, n): n becomes the sum, of item 0. Groups of WG, a power of two; all items must come here. */
#if WG > 1
#define ADD_ITEMS(type, n)                                                                                             \
    __local type parts[WG];                                                                                            \
    parts[get_local_id(0)] = n;                                                                                        \
    for (int stride = WG / 2; stride > 0; stride /= 2) {                                                               \
        barrier(CLK_LOCAL_MEM_FENCE);                                                                                  \
        if (get_local_id(0) < stride) parts[get_local_id(0)] += parts[get_local_id(0) + stride];                       \
    }                                                                                                                  \
    n = parts[0];
#else
#define ADD_ITEMS(type, n)
#endif
