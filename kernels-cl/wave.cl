/* wave.cl - small matrices of 16-bit numbers multiplied by the work-items of a GPU's wave (subgroup, warp) together: one interface, a
 * file per family. Each family's unit is reached in another way, and spreads numbers over the work-items' registers in another order.
 *
 * A wave is WAVE neighbours of a work-group of one dimension. A fragment is, in float32 or of the type of data,
 *   src      16 rows (pixels) by 16 of the inner dimension (channels)  } in local memory rows of 16 neighbours, ROW elements from row to
 *   weights  16 columns (outputs) by 16 of the inner dimension         } row: 16 bytes or some times that; Intel's blocks want 32
 *   sums     16 rows by 16 columns in float32
 * A family, chosen by WAVE_NVIDIA (inner dimension of its instruction: 16, or 8 before sm_80), WAVE_AMD or WAVE_INTEL (width of
 * its subgroups, 8 or 16), defines
 *   WAVE, WAVE_ATTRIBUTES                             the latter of a kernel that uses fragments
 *   src_fragment, weights_fragment, sums_fragment      types; their registers
 *   load_src_fragment(from, lane), load_weights_fragment(from, lane)     from local memory
 *   multiply_add(sums, src, weights)
 *   keep_sums(sums, to, lane)                          to local memory: rows of 16 floats, SUMS_ROW floats from row to row
 * All lanes call each function together. With WAVE_PLAIN, wave_plain.cl multiplies in place of the unit, as its document says it does,
 * from the registers that the family's own functions fill: so that these can be seen to be right on any device. */
#include "common.cl"

enum { EDGE = 16, SUMS_ROW = 20 };

#if defined(WAVE_NVIDIA)
#include "wave_nvidia.cl"
#elif defined(WAVE_AMD)
#include "wave_amd.cl"
#else
#include "wave_intel.cl"
#endif
#ifdef WAVE_PLAIN
#include "wave_plain.cl"
#endif
