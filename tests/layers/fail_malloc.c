/* fail_malloc.c - preloaded into a program (LD_PRELOAD): its n-th allocation fails, for tools/abuse.
 *
 * FAIL_MALLOC_AT=N     the N-th allocation gives NULL; with FAIL_MALLOC_ON=1 all later ones do so, too
 * FAIL_MALLOC_COUNT=F  the number of allocations is written to the file F at the end
 *
 * Counted are the allocations of the program itself, of libshunt, of its plugins, of the C library and of jansson. What a
 * graphics driver does without memory is not what is asked. */
#include <dlfcn.h>
#include <errno.h>
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

static struct {
    uintptr_t begin, end;
} ranges[MOST_RANGES];
static int nranges;
static atomic_long calls;
static long fail_at;
static bool fail_on, ready;

static int note_range(struct dl_phdr_info *info, size_t size, void *context)
{
    static const char *const names[] = {"libshunt", "libc.so", "libjansson"};
    bool ours = !info->dlpi_name[0]; /* the program */
    (void)size, (void)context;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) ours |= strstr(info->dlpi_name, names[i]) != NULL;
    for (int i = 0; ours && i < info->dlpi_phnum && nranges < MOST_RANGES; i++) {
        const ElfW(Phdr) *part = &info->dlpi_phdr[i];
        if (part->p_type != PT_LOAD || !(part->p_flags & PF_X)) continue;
        ranges[nranges].begin = info->dlpi_addr + part->p_vaddr;
        ranges[nranges++].end = info->dlpi_addr + part->p_vaddr + part->p_memsz;
    }
    return 0;
}

__attribute__((constructor)) static void start(void)
{
    const char *at = getenv("FAIL_MALLOC_AT"), *on = getenv("FAIL_MALLOC_ON");
    fail_at = at ? atol(at) : 0;
    fail_on = on && *on == '1';
    dl_iterate_phdr(note_range, NULL);
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

static bool fails(const void *caller)
{
    bool ours = false;
    for (int i = 0; ready && i < nranges && !ours; i++)
        ours = (uintptr_t)caller >= ranges[i].begin && (uintptr_t)caller < ranges[i].end;
    if (!ours) return false;
    long call = atomic_fetch_add(&calls, 1) + 1;
    if (!fail_at || call < fail_at || (call > fail_at && !fail_on)) return false;
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
