/* event.h - the end of a run, shared by those who wait for it: the caller, buffers, the executor, and its notifier. */
#ifndef SHUNT_RUNTIME_EVENT_H
#define SHUNT_RUNTIME_EVENT_H

#include "runtime/device/device.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

struct shunt_event {
    const shunt_device *device;
    shunt_bevent *last; /* of the run's last command; NULL: the run was done when submit returned */
    atomic_uint references;
    pthread_mutex_t lock; /* of what follows */
    bool done;
    shunt_status status;
    char message[256]; /* why it failed */

    /* Of the notifier's. */
    shunt_run_handler handler;
    void *context;
    shunt_event *next;
};

/* With one reference, which shunt_event_release gives up; done as long as event_begin was not called. */
shunt_status event_create(const shunt_device *device, shunt_event **out);
void event_begin(shunt_event *event, shunt_bevent *last);
shunt_event *event_keep(shunt_event *event);

/* Calls handlers in a thread of its own, in the order of the runs. */
typedef struct run_notifier run_notifier;
shunt_status notifier_create(run_notifier **out);
/* Keeps the event until its handler has been called. */
void notifier_add(run_notifier *notifier, shunt_event *event);
/* Once all handlers have been called. NULL does nothing. */
void notifier_destroy(run_notifier *notifier);

#endif
