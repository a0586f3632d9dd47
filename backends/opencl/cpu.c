/* cpu.c - see cpu.h. */
#include "cpu.h"

#if defined(__x86_64__) && defined(__linux__)

#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { REQUEST_PERMISSION = 0x1023, TILE_DATA = 18 }; /* ARCH_REQ_XCOMP_PERM, XFEATURE_XTILE_DATA */
enum { WORD_1_ECX, WORD_1_EDX, WORD_7_EBX, WORD_7_ECX, WORD_7_EDX, WORD_7_1_EAX, WORD_SAVED, WORD_FAMILY };

static uint32_t saved_state(void)
{
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
}

ocl_cpu ocl_cpu_look(void)
{
    ocl_cpu cpu = {{0}};
    uint32_t *word = cpu.features, a, b, c, d;
    if (__get_cpuid(1, &a, &b, &c, &d)) {
        word[WORD_FAMILY] = a;
        word[WORD_1_ECX] = c;
        word[WORD_1_EDX] = d;
        if (c & bit_OSXSAVE) word[WORD_SAVED] = saved_state();
    }
    if (__get_cpuid_count(7, 0, &a, &b, &c, &d)) {
        word[WORD_7_EBX] = b;
        word[WORD_7_ECX] = c;
        word[WORD_7_EDX] = d;
        if (a >= 1 && __get_cpuid_count(7, 1, &a, &b, &c, &d)) word[WORD_7_1_EAX] = a;
    }
    return cpu;
}

bool ocl_cpu_has_dots(const ocl_cpu *cpu)
{
    const uint32_t avx512 = 1u << 16 | 1u << 30, dots = 1u << 5, saved = 7u << 5; /* F, BW; BF16; its registers */
    const uint32_t *word = cpu->features;
    return (word[WORD_7_EBX] & avx512) == avx512 && (word[WORD_7_1_EAX] & dots) && (word[WORD_SAVED] & saved) == saved;
}

bool ocl_cpu_allow_tiles(const ocl_cpu *cpu)
{
    const uint32_t tiles = 1u << 22 | 1u << 24, saved = 3u << 17; /* AMX_BF16, AMX_TILE; registers of tiles */
    const uint32_t *word = cpu->features;
    return ocl_cpu_has_dots(cpu) && (word[WORD_7_EDX] & tiles) == tiles && (word[WORD_SAVED] & saved) == saved &&
           syscall(SYS_arch_prctl, REQUEST_PERMISSION, TILE_DATA) == 0;
}

#else

ocl_cpu ocl_cpu_look(void)
{
    return (ocl_cpu){{0}};
}

bool ocl_cpu_has_dots(const ocl_cpu *cpu)
{
    (void)cpu;
    return false;
}

bool ocl_cpu_allow_tiles(const ocl_cpu *cpu)
{
    (void)cpu;
    return false;
}

#endif
