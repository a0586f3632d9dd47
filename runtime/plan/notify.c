/* notify.c - calls the handlers of an executor's runs, in a thread of the library's, since a driver's own thread may not wait or call
 * the driver again. */
#include "runtime/plan/event.h"

#include "runtime/base/error.h"

#include <stdlib.h>

struct run_notifier {
    pthread_t thread;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t changed;
    shunt_event *first, **end; /* the events to come, and where the next one goes */
    bool closing;
};

/* The next event to wait for, or NULL at the end. */
static shunt_event *take(run_notifier *notifier)
{
    pthread_mutex_lock(&notifier->lock);
    while (!notifier->first && !notifier->closing) pthread_cond_wait(&notifier->changed, &notifier->lock);
    shunt_event *event = notifier->first;
    if (event) notifier->first = event->next;
    if (!notifier->first) notifier->end = &notifier->first;
    pthread_mutex_unlock(&notifier->lock);
    return event;
}

static void *work(void *argument)
{
    for (shunt_event *event; (event = take(argument));) {
        event->handler(event->context, shunt_event_wait(event));
        shunt_event_release(event);
    }
    return NULL;
}

shunt_status notifier_create(run_notifier **out)
{
    run_notifier *notifier = calloc(1, sizeof *notifier);
    if (!notifier) return error_memory();
    notifier->end = &notifier->first;
    if (pthread_mutex_init(&notifier->lock, NULL)) goto free_it;
    if (pthread_cond_init(&notifier->changed, NULL)) goto free_lock;
    if (pthread_create(&notifier->thread, NULL, work, notifier)) goto free_condition;
    *out = notifier;
    return SHUNT_OK;
free_condition:
    pthread_cond_destroy(&notifier->changed);
free_lock:
    pthread_mutex_destroy(&notifier->lock);
free_it:
    free(notifier);
    return error_fail(SHUNT_E_MEMORY, "no thread for the handlers of runs could be started");
}

void notifier_add(run_notifier *notifier, shunt_event *event)
{
    event_keep(event)->next = NULL;
    pthread_mutex_lock(&notifier->lock);
    *notifier->end = event;
    notifier->end = &event->next;
    pthread_cond_signal(&notifier->changed);
    pthread_mutex_unlock(&notifier->lock);
}

void notifier_destroy(run_notifier *notifier)
{
    if (!notifier) return;
    pthread_mutex_lock(&notifier->lock);
    notifier->closing = true;
    pthread_cond_signal(&notifier->changed);
    pthread_mutex_unlock(&notifier->lock);
    pthread_join(notifier->thread, NULL);
    pthread_cond_destroy(&notifier->changed);
    pthread_mutex_destroy(&notifier->lock);
    free(notifier);
}
