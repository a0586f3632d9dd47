/* threads.h - OpenMP's functions, also of a build without it, which has one thread. */
#ifndef SHUNT_SCALAR_THREADS_H
#define SHUNT_SCALAR_THREADS_H

#ifdef _OPENMP
#include <omp.h>
#else
static inline int omp_get_max_threads(void)
{
    return 1;
}

static inline int omp_get_thread_num(void)
{
    return 0;
}
#endif

#endif
