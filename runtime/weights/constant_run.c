/* constant_run.c - a long run of one value that takes little memory: a piece of it, mapped again and again side by side. Graphs
 * that fill their weights with a constant are a few bytes in a file and hundreds of megabytes of addresses here. */
#include "runtime/weights/weights.h"

#include <sys/mman.h>
#include <unistd.h>

enum { LEAST_PIECE = 64 << 10, PIECES = 256 }; /* a multiple of every page size; a process may have 65530 mappings */

size_t constant_run_piece(size_t bytes)
{
    return (bytes / PIECES / LEAST_PIECE + 1) * LEAST_PIECE;
}

static int make_piece(float value, size_t size)
{
    int fd = memfd_create("shunt-run", MFD_CLOEXEC);
    float *piece = MAP_FAILED;
    if (fd < 0) return -1;
    if (!ftruncate(fd, (off_t)size)) piece = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (piece == MAP_FAILED) {
        close(fd);
        return -1;
    }
    for (size_t i = 0; i < size / sizeof value; i++) piece[i] = value;
    munmap(piece, size);
    return fd;
}

static bool map_pieces(uint8_t *run, size_t bytes, size_t piece, int fd)
{
    for (size_t at = 0; at < bytes; at += piece)
        if (mmap(run + at, piece, PROT_READ, MAP_SHARED | MAP_FIXED, fd, 0) == MAP_FAILED) return false;
    return true;
}

void *constant_run_map(float value, size_t bytes, size_t *mapped)
{
    size_t piece = constant_run_piece(bytes), size = (bytes / piece + 1) * piece;
    int fd = make_piece(value, piece);
    if (fd < 0) return NULL;
    void *run = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (run != MAP_FAILED && !map_pieces(run, size, piece, fd)) {
        munmap(run, size);
        run = MAP_FAILED;
    }
    close(fd);
    if (run == MAP_FAILED) return NULL;
    *mapped = size;
    return run;
}
