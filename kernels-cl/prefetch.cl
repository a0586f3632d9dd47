/* prefetch.cl - fetching ahead. */
/* Brings a line towards the second-level cache, where the compiler targets a processor directly. */
#if defined(__x86_64__) || defined(__aarch64__)
#define PREFETCH(p) __builtin_prefetch(p, 0, 2)
#else
#define PREFETCH(p)
#endif
