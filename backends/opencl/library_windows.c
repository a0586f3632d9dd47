/* library_windows.c - see library.h. */
#include "library.h"

#include <stdint.h>
#include <stdio.h>
#include <windows.h>

const char ocl_clblast_name[] = "clblast.dll";

void *ocl_library_open(const char *name, const char **reason)
{
    static _Thread_local char text[32];
    HMODULE library = LoadLibraryA(name);
    if (library) return library;
    snprintf(text, sizeof text, "error %lu", GetLastError());
    *reason = text;
    return NULL;
}

void *ocl_library_symbol(void *library, const char *name)
{
    return (void *)(uintptr_t)GetProcAddress(library, name);
}

void ocl_library_close(void *library)
{
    FreeLibrary(library);
}
