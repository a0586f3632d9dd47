/* os_memory_posix.c - see os.h. */
#include "runtime/shared/os.h"

#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { HUGE_ALIGNMENT = 2 << 20 /* a huge page on most processors */, HUGE_FROM = 4 << 20 /* bytes */ };

static void *mapped(void *data)
{
    return data == MAP_FAILED ? NULL : data;
}

const void *os_map(int fd, size_t size)
{
    return mapped(mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0));
}

void *os_pages(size_t size)
{
    return mapped(mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
}

/* The file's space is allotted here: a full disk shows now, not in a later write. */
void *os_pages_on_disk(size_t size)
{
    FILE *file = tmpfile();
    if (!file) return NULL;
    void *data = posix_fallocate(fileno(file), 0, (off_t)size)
                     ? NULL
                     : mapped(mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fileno(file), 0));
    fclose(file); /* the mapping keeps it */
    return data;
}

void os_unmap(const void *data, size_t size)
{
    if (data) munmap((void *)(uintptr_t)data, size);
}

/* A refusal costs memory, nothing else. */
void os_unneeded(const void *data, size_t size)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE), before = (uintptr_t)data % page;
    madvise((void *)((uintptr_t)data - before), size + before, MADV_DONTNEED);
}

/* ---- Repeated pieces ---- */

static int make_piece(const void *piece, size_t bytes)
{
    int fd = memfd_create("shunt-run", MFD_CLOEXEC);
    if (fd < 0) return -1;
    void *data =
        ftruncate(fd, (off_t)bytes) ? NULL : mapped(mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
    if (!data) {
        close(fd);
        return -1;
    }
    memcpy(data, piece, bytes);
    munmap(data, bytes);
    return fd;
}

static bool map_pieces(uint8_t *to, size_t size, size_t bytes, int fd)
{
    for (size_t at = 0; at < size; at += bytes)
        if (mmap(to + at, bytes, PROT_READ, MAP_SHARED | MAP_FIXED, fd, 0) == MAP_FAILED) return false;
    return true;
}

void *os_pages_repeated(const void *piece, size_t bytes, size_t size)
{
    int fd = make_piece(piece, bytes);
    if (fd < 0) return NULL;
    void *run = mapped(mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
    if (run && !map_pieces(run, size, bytes, fd)) {
        munmap(run, size);
        run = NULL;
    }
    close(fd);
    return run;
}

/* ---- The heap ---- */

void *os_aligned(size_t alignment, size_t size)
{
    const bool huge = size >= HUGE_FROM;
    if (huge && alignment < HUGE_ALIGNMENT) alignment = HUGE_ALIGNMENT;
    const size_t rounded = (size + alignment - 1) / alignment * alignment;
    void *memory = aligned_alloc(alignment, rounded);
    if (memory && huge) madvise(memory, rounded, MADV_HUGEPAGE); /* a refusal costs time, nothing else */
    return memory;
}

void os_aligned_free(void *memory)
{
    free(memory);
}

/* One thread at a time: where another allocator serves malloc, the first call makes glibc's heap, unguarded. */
void os_trim_heap(void)
{
#if defined(__GLIBC__)
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&lock);
    malloc_trim(0);
    pthread_mutex_unlock(&lock);
#endif
}
