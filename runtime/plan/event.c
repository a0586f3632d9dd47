/* event.c - see event.h. The first to wait asks the device; what it said is kept for the others. */
#include "runtime/plan/event.h"

#include "runtime/base/error.h"

#include <stdio.h>
#include <stdlib.h>

shunt_status event_create(const shunt_device *device, shunt_event **out)
{
    shunt_event *event = calloc(1, sizeof *event);
    if (!event) return error_memory();
    if (pthread_mutex_init(&event->lock, NULL)) {
        free(event);
        return error_memory();
    }
    event->device = device;
    event->done = true;
    atomic_init(&event->references, 1);
    *out = event;
    return SHUNT_OK;
}

void event_begin(shunt_event *event, shunt_bevent *last)
{
    event->last = last;
    event->done = false;
}

shunt_event *event_keep(shunt_event *event)
{
    if (event) atomic_fetch_add(&event->references, 1);
    return event;
}

void shunt_event_release(shunt_event *event)
{
    if (!event || atomic_fetch_sub(&event->references, 1) > 1) return;
    if (event->last) event->device->ops->event_release(event->last);
    pthread_mutex_destroy(&event->lock);
    free(event);
}

/* With the lock held. */
static void settle(shunt_event *event, shunt_status status)
{
    event->done = true;
    if (status == SHUNT_OK) return;
    event->status = device_fail(event->device, status, "running");
    snprintf(event->message, sizeof event->message, "%s", shunt_last_error());
}

/* With the lock held: the status of a run that is done. */
static shunt_status result(const shunt_event *event)
{
    return event->status == SHUNT_OK ? SHUNT_OK : error_fail(event->status, "%s", event->message);
}

shunt_status shunt_event_wait(shunt_event *event)
{
    if (!event) return error_null(__func__, "event");
    pthread_mutex_lock(&event->lock);
    if (!event->done) settle(event, event->device->ops->event_wait(event->last));
    const shunt_status status = result(event);
    pthread_mutex_unlock(&event->lock);
    return status;
}

shunt_status shunt_event_poll(shunt_event *event, int *done)
{
    if (!event || !done) return error_null(__func__, "event, done");
    const shunt_device_ops *ops = event->device->ops;
    shunt_status status = SHUNT_OK;
    *done = 0;
    if (pthread_mutex_trylock(&event->lock)) return SHUNT_OK; /* somebody waits for it */
    if (!event->done) {
        int over = 1;
        status = ops->event_poll ? ops->event_poll(event->last, &over) : ops->event_wait(event->last);
        if (status != SHUNT_OK || over) settle(event, status);
    }
    *done = event->done;
    status = result(event);
    pthread_mutex_unlock(&event->lock);
    return status;
}

shunt_status shunt_event_own(shunt_event *event, void **own)
{
    if (!event || !own) return error_null(__func__, "event, own");
    const shunt_device *device = event->device;
    *own = NULL;
    if (!device->interop.event_own)
        return error_fail(SHUNT_E_UNSUPPORTED, "%s: its backend gives no events of its own", device->entry.selector);
    if (!event->last) return SHUNT_OK;
    const shunt_status status = device->interop.event_own(event->last, own);
    return status == SHUNT_OK ? SHUNT_OK : device_fail(device, status, "taking an event");
}
