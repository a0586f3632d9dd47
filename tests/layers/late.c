/* late.c - makes the threads of a driver late: preloaded, it lets every thread but the first sleep after it gave up a lock. What a driver's thread does after it has said that a command is done then comes later than what the program does next. */
#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { SLEEP_NS = 3000000 };

__attribute__((visibility("default"))) int pthread_mutex_unlock(pthread_mutex_t *mutex)
{
    static int (*real)(pthread_mutex_t *);
    if (!real) *(void **)&real = dlsym(RTLD_NEXT, "pthread_mutex_unlock");
    int code = real(mutex);
    if (syscall(SYS_gettid) != getpid()) nanosleep(&(struct timespec){0, SLEEP_NS}, NULL);
    return code;
}
