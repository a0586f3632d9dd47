/* conv_packs.cl - packs the weights of many convolutions by conv_group.cl at once: those of a training step, which changes them.
 *
 * Work-items: one per packed element, of each packing in whole groups of WG; V = 1.
 * Memory: reads and writes each element once. */
#include "common.cl"
#include "conv.cl"
#include "packing.cl"

__attribute__((reqd_work_group_size(WG, 1, 1))) __kernel void
conv_packs(__global const param *weights, ulong weights_at, __global real *packed, ulong packed_at,
           __global const struct packing *list, ulong list_at, int count)
{
    const struct packing p = find_packing(list + list_at, count);
    const size_t i = entry_item(p.first);
    if (i >= p.count) return;
    store(group_weight(weights + weights_at + p.src, i, &p.dims, &p.view, p.rows, p.width, p.step, p.plain), packed,
          packed_at + p.dst + i);
}
