/* ring.h - numbered pieces of work, made ahead by threads and taken in the order of their numbers: pictures for a device. */
#ifndef SHUNT_RUNTIME_RING_H
#define SHUNT_RUNTIME_RING_H

#include <shunt/shunt.h>

typedef struct ring_setup {
    int64_t first, end; /* the numbers: [first, end) */
    int64_t workers;    /* threads, as from ring_workers */
    void *slots;        /* nslots of slot_size bytes, the caller's; piece k is made in slot k % nslots */
    size_t slot_size;
    int64_t nslots; /* at least 2 */
    void *context;
    /* Fills the slot; runs in any thread, one thread per slot. A failure's message is kept for ring_next. */
    shunt_status (*make)(void *context, int64_t number, void *slot);
    /* Or NULL. Before it, for one piece at a time in the order of their numbers. */
    void (*prepare)(void *context, int64_t number, void *slot);
} ring_setup;

typedef struct ring ring;

/* wanted 0: as many as there are processors, at most 8. */
int64_t ring_workers(int64_t wanted);

shunt_status ring_create(const ring_setup *setup, ring **out);
/* Waits for the threads; the slots stay the caller's. */
void ring_destroy(ring *self);
/* Gives the next piece's slot, and returns the status of making it. The caller may use the slot until the next call. At most one
 * call per piece. */
shunt_status ring_next(ring *self, void **slot);

#endif
