/* preparing.c - tells the program how far a plan is made. */
#include "runtime/plan/plan.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static shunt_prepare_handler handler;
static void *handler_context;

void shunt_set_prepare_handler(shunt_prepare_handler new_handler, void *context)
{
    pthread_mutex_lock(&lock);
    handler = new_handler;
    handler_context = context;
    pthread_mutex_unlock(&lock);
}

void plan_tell_prepared(uint32_t done, uint32_t total)
{
    pthread_mutex_lock(&lock);
    const shunt_prepare_handler told = handler;
    void *context = handler_context;
    pthread_mutex_unlock(&lock);
    if (told) told(context, done, total);
}
