/* os_memory_windows.c - see os.h. */
#include "runtime/shared/os.h"

#include <errno.h>
#include <io.h>
#include <malloc.h>
#include <windows.h>

enum { LEAST_ALIGNMENT = 64 };

const void *os_map(int fd, size_t size)
{
    HANDLE mapping = CreateFileMappingA((HANDLE)_get_osfhandle(fd), NULL, PAGE_READONLY, 0, 0, NULL);
    const void *data = mapping ? MapViewOfFile(mapping, FILE_MAP_READ, 0, 0, size) : NULL;
    if (mapping) CloseHandle(mapping); /* the view keeps it */
    if (!data) errno = GetLastError() == ERROR_NOT_ENOUGH_MEMORY ? ENOMEM : EIO;
    return data;
}

void *os_pages(size_t size)
{
    void *data = VirtualAlloc(NULL, size, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
    if (!data) errno = ENOMEM;
    return data;
}

/* The system writes plain memory to its page file when it is short. A temporary file that is mapped could not be removed. */
void *os_pages_on_disk(size_t size)
{
    (void)size;
    return NULL;
}

void *os_pages_repeated(const void *piece, size_t bytes, size_t size)
{
    char *run = os_pages(size);
    for (size_t at = 0; run && at < size; at += bytes) memcpy(run + at, piece, bytes);
    return run;
}

void os_unmap(const void *data, size_t size)
{
    MEMORY_BASIC_INFORMATION about;
    (void)size;
    if (!data || !VirtualQuery(data, &about, sizeof about)) return;
    if (about.Type == MEM_MAPPED)
        UnmapViewOfFile(data);
    else
        VirtualFree((void *)(uintptr_t)data, 0, MEM_RELEASE);
}

void os_unneeded(const void *data, size_t size)
{
    (void)data, (void)size; /* the system finds out */
}

void *os_aligned(size_t alignment, size_t size)
{
    return _aligned_malloc(size, alignment < LEAST_ALIGNMENT ? LEAST_ALIGNMENT : alignment);
}

void os_aligned_free(void *memory)
{
    _aligned_free(memory);
}

void os_trim_heap(void)
{
    _heapmin();
}
