/* library.h - the shared library of CLBlast, found by its name: library_posix.c, library_windows.c. */
#ifndef SHUNT_OPENCL_LIBRARY_H
#define SHUNT_OPENCL_LIBRARY_H

extern const char ocl_clblast_name[];
/* NULL: it does not load; *reason says why, until this thread's next call. */
void *ocl_library_open(const char *name, const char **reason);
void *ocl_library_symbol(void *library, const char *name);
void ocl_library_close(void *library);

#endif
