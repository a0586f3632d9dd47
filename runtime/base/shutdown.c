/* shutdown.c - see shutdown.h. */
#include "runtime/base/shutdown.h"

#include <pthread.h>
#include <stddef.h>

enum { MOST = 8 }; /* one a folder that keeps something */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static void (*releases[MOST])(void);
static size_t count;

void shutdown_add(void (*release)(void))
{
    pthread_mutex_lock(&lock);
    size_t i = 0;
    while (i < count && releases[i] != release) i++;
    if (i == count && count < MOST) releases[count++] = release;
    pthread_mutex_unlock(&lock);
}

void shutdown_release(void)
{
    pthread_mutex_lock(&lock);
    size_t n = count;
    count = 0;
    pthread_mutex_unlock(&lock);
    while (n-- > 0) releases[n]();
}
