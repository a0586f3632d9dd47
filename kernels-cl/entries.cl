/* entries.cl - launches that do a small thing for many ops: a list has an entry for each, in the order of their work-groups. */

/* The entry of this work-group, among `count`. *first: the first work-group of the first entry; `bytes`: of an entry. */
static inline int find_entry(__global const ulong *first, size_t bytes, int count)
{
    int low = 0, high = count - 1;
    while (low < high) {
        const int middle = (low + high + 1) / 2;
        if (first[middle * (bytes / sizeof *first)] <= get_group_id(0))
            low = middle;
        else
            high = middle - 1;
    }
    return low;
}

/* This item's number in it; may be past the last. */
static inline size_t entry_item(ulong first)
{
    return (get_group_id(0) - first) * WG + get_local_id(0);
}
