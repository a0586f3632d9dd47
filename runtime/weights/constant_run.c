/* constant_run.c - a long run of one value that takes little memory: a piece of it, mapped again and again side by side. Graphs
 * that fill their weights with a constant are a few bytes in a file and hundreds of megabytes of addresses here. */
#include "runtime/weights/weights.h"

#include "runtime/shared/os.h"

#include <stdlib.h>

enum { LEAST_PIECE = 64 << 10, PIECES = 256 }; /* a multiple of every page size; a process may have 65530 mappings */

size_t constant_run_piece(size_t bytes)
{
    return (bytes / PIECES / LEAST_PIECE + 1) * LEAST_PIECE;
}

void *constant_run_map(float value, size_t bytes, size_t *mapped)
{
    size_t size = constant_run_piece(bytes);
    float *piece = malloc(size);
    if (!piece) return NULL;
    for (size_t i = 0; i < size / sizeof value; i++) piece[i] = value;
    *mapped = (bytes / size + 1) * size;
    void *run = os_pages_repeated(piece, size, *mapped);
    free(piece);
    return run;
}
