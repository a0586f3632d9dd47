/* memory.c - libFuzzer's entry: one input for the target, and what that takes of memory at most. A reader may take four
 * times its file's size and 64 MiB (docs/models.md), counted here as it is allocated and freed. */
#include "tests/fuzz/fuzz.h"

#include <sanitizer/allocator_interface.h>
#include <stdatomic.h>

enum { FREE_BYTES = 64 << 20, BYTES_PER_BYTE = 4 };

static atomic_size_t held = SIZE_MAX / 2, most; /* what was allocated before may be freed, too */

static void on_malloc(const volatile void *block, size_t size)
{
    (void)block;
    size_t now = atomic_fetch_add(&held, size) + size, before = atomic_load(&most);
    while (now > before && !atomic_compare_exchange_weak(&most, &before, now)) continue;
}

static void on_free(const volatile void *block)
{
    if (block) atomic_fetch_sub(&held, __sanitizer_get_allocated_size((const void *)block));
}

/* Before the target's own LLVMFuzzerInitialize. */
__attribute__((constructor)) static void count_memory(void)
{
    if (!__sanitizer_install_malloc_and_free_hooks(on_malloc, on_free)) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const size_t before = atomic_load(&held);
    atomic_store(&most, before);
    int result = fuzz_input(data, size);
    fuzz_check(atomic_load(&most) - before <= FREE_BYTES + BYTES_PER_BYTE * size, "more memory than its size allows");
    return result;
}
