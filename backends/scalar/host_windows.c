/* host_windows.c - see host.h. */
#include "host.h"
#include "scalar.h"

#include <malloc.h>
#include <stdio.h>
#include <windows.h>

uint64_t scalar_memory(void)
{
    MEMORYSTATUSEX status = {.dwLength = sizeof status};
    return GlobalMemoryStatusEx(&status) ? status.ullTotalPhys : UINT64_C(1) << 32;
}

void scalar_machine(char *text, size_t size)
{
    SYSTEM_INFO system;
    GetNativeSystemInfo(&system);
    const char *name = system.wProcessorArchitecture == PROCESSOR_ARCHITECTURE_AMD64   ? "x86_64"
                       : system.wProcessorArchitecture == PROCESSOR_ARCHITECTURE_ARM64 ? "aarch64"
                                                                                       : "host";
    snprintf(text, size, "%s", name);
}

void *scalar_alloc(uint64_t bytes)
{
    return _aligned_malloc((size_t)bytes, SCALAR_ALIGNMENT);
}

void scalar_free(void *data)
{
    _aligned_free(data);
}
