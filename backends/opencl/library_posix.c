/* library_posix.c - see library.h. */
#include "library.h"

#include <dlfcn.h>

const char ocl_clblast_name[] = "libclblast.so.1";

void *ocl_library_open(const char *name, const char **reason)
{
    void *library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    if (!library) *reason = dlerror();
    return library;
}

void *ocl_library_symbol(void *library, const char *name)
{
    return dlsym(library, name);
}

void ocl_library_close(void *library)
{
    dlclose(library);
}
