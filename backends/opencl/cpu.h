/* cpu.h - what the processor that this process runs on can do, by its own words. */
#ifndef SHUNT_OPENCL_CPU_H
#define SHUNT_OPENCL_CPU_H

#include <stdbool.h>
#include <stdint.h>

enum { OCL_CPU_WORDS = 8 };

/* Its features and those that the system has switched on, as CPUID and XGETBV tell them; zeros on other processors than x86. */
typedef struct ocl_cpu {
    uint32_t features[OCL_CPU_WORDS];
} ocl_cpu;

ocl_cpu ocl_cpu_look(void);

/* Whether it multiplies pairs of bfloat16 and rounds to it (AVX512_BF16). */
bool ocl_cpu_has_dots(const ocl_cpu *cpu);

/* Whether it multiplies tiles of bfloat16 (AMX) and rounds to it (AVX512_BF16), and this process may: Linux gives the
 * tile registers only to a process that asks. All of its threads may then, those that it has already, too. */
bool ocl_cpu_allow_tiles(const ocl_cpu *cpu);

#endif
