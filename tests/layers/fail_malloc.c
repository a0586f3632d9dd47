/* fail_malloc.c - preloaded into a program (LD_PRELOAD): its n-th allocation fails, for tools/abuse.
 *
 * FAIL_MALLOC_AT=N     the N-th allocation gives NULL; with FAIL_MALLOC_ON=1 all later ones do so, too
 * FAIL_MALLOC_TRACE=1  standard error gets who called, by the first that fails
 * FAIL_MALLOC_COUNT=F  the number of allocations is written to the file F at the end
 *
 * Counted are the allocations of the program itself, of libshunt and of its plugins, their own and those that the C library
 * makes for them. What other libraries do without memory is not what is asked: jansson 2.14, for one, then loses a character
 * of a string. */
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <link.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

enum { MOST_RANGES = 64 };

typedef struct code_range {
    uintptr_t begin, end;
    bool is_libc; /* for whom it allocates, its own caller tells */
} code_range;

static code_range ranges[MOST_RANGES];
static int nranges;
static _Thread_local bool looking;
static atomic_long calls;
static long fail_at;
static bool fail_on, trace, ready;

static int note_range(struct dl_phdr_info *info, size_t size, void *context)
{
    bool is_libc = strstr(info->dlpi_name, "/libc.so") != NULL;
    bool ours = is_libc || !info->dlpi_name[0] /* the program */ || strstr(info->dlpi_name, "libshunt");
    (void)size, (void)context;
    for (int i = 0; ours && i < info->dlpi_phnum && nranges < MOST_RANGES; i++) {
        const ElfW(Phdr) *part = &info->dlpi_phdr[i];
        if (part->p_type != PT_LOAD || !(part->p_flags & PF_X)) continue;
        ranges[nranges].begin = info->dlpi_addr + part->p_vaddr;
        ranges[nranges].is_libc = is_libc;
        ranges[nranges++].end = info->dlpi_addr + part->p_vaddr + part->p_memsz;
    }
    return 0;
}

__attribute__((constructor)) static void start(void)
{
    const char *at = getenv("FAIL_MALLOC_AT"), *on = getenv("FAIL_MALLOC_ON");
    fail_at = at ? atol(at) : 0;
    fail_on = on && *on == '1';
    trace = getenv("FAIL_MALLOC_TRACE") != NULL;
    dl_iterate_phdr(note_range, NULL);
    void *frames[1];
    backtrace(frames, 1); /* loads what it needs */
    ready = true;
}

__attribute__((destructor)) static void finish(void)
{
    const char *path = getenv("FAIL_MALLOC_COUNT");
    char text[32];
    int fd = path ? open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666) : -1;
    if (fd < 0) return;
    snprintf(text, sizeof text, "%ld\n", atomic_load(&calls));
    (void)!write(fd, text, strlen(text));
    close(fd);
}

static const code_range *range_of(const void *address)
{
    for (int i = 0; i < nranges; i++)
        if ((uintptr_t)address >= ranges[i].begin && (uintptr_t)address < ranges[i].end) return &ranges[i];
    return NULL;
}

/* Whether the code that called the C library is ours. */
static bool is_for_us(void)
{
    void *frames[12];
    looking = true;
    int count = backtrace(frames, 12), i = 2; /* behind this function and its caller */
    looking = false;
    while (i < count && !range_of(frames[i])) i++; /* this library */
    while (i < count && range_of(frames[i]) && range_of(frames[i])->is_libc) i++;
    return i < count && range_of(frames[i]);
}

static void print_callers(void)
{
    void *frames[32];
    looking = true;
    backtrace_symbols_fd(frames, backtrace(frames, 32), STDERR_FILENO);
    looking = false;
}

static bool fails(const void *caller)
{
    const code_range *range = ready && !looking ? range_of(caller) : NULL;
    if (!range || (range->is_libc && !is_for_us())) return false;
    long call = atomic_fetch_add(&calls, 1) + 1;
    if (!fail_at || call < fail_at || (call > fail_at && !fail_on)) return false;
    if (trace && call == fail_at) print_callers();
    errno = ENOMEM;
    return true;
}

#define SEEN __attribute__((visibility("default")))
#define FAILS fails(__builtin_return_address(0))

SEEN void *malloc(size_t size)
{
    return FAILS ? NULL : __libc_malloc(size);
}

SEEN void *calloc(size_t count, size_t size)
{
    return FAILS ? NULL : __libc_calloc(count, size);
}

SEEN void *realloc(void *old, size_t size)
{
    return FAILS ? NULL : __libc_realloc(old, size);
}

SEEN void *aligned_alloc(size_t alignment, size_t size)
{
    return FAILS ? NULL : __libc_memalign(alignment, size);
}

SEEN int posix_memalign(void **out, size_t alignment, size_t size)
{
    void *made = FAILS ? NULL : __libc_memalign(alignment, size);
    if (made) *out = made;
    return made ? 0 : ENOMEM;
}
