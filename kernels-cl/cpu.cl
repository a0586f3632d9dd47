/* cpu.cl - fetching weights ahead, for register tiles of KB vectors of V channels on a CPU. */
#include "common.cl"
#include "prefetch.cl"

/* While a chunk of tiles is multiplied by one panel of weights, KB*V for each channel, the tiles fetch the next panel together:
 * each `step` elements a channel, so that the lines come evenly. In a burst they hold up the reading. */
static int fetch_step(int tiles)
{
    return CEIL_DIV(KB * V, clamp(tiles, KB, 8 * KB));
}

/* At which element tile number `tile` begins, in a panel of so many channels. */
static long fetch_at(int channels, int tile, int step)
{
    return (long)channels * min(tile * step, KB * V - step);
}
