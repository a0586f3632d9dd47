/* pump.h - the thread of a rank that makes all calls of the transport: it starts operations in the order in which they were posted,
 * drives them, and sleeps between polls. So they go on while other threads compute, and every rank starts the same operations in
 * the same order. It also tells the next rank that this one lives (beat.h). */
#ifndef SHUNT_RUNTIME_PUMP_H
#define SHUNT_RUNTIME_PUMP_H

#include <shunt/collective.h>
#include <stdbool.h>

typedef enum pump_kind { PUMP_BROADCAST, PUMP_GATHER, PUMP_ALL_GATHER, PUMP_ALL_TO_ALL } pump_kind;

enum { PUMP_REASON_CHARS = 256 };

/* The caller's memory, which stays as it is from pump_post until pump_wait has returned. */
typedef struct pump_job {
    pump_kind kind;
    const void *src; /* not of BROADCAST */
    void *dst;
    uint64_t bytes; /* of one piece, as in collective.h */
    uint32_t root;
    /* Both or either NULL; called on the pump's thread. ready: whether src may be read. after: once it is done, before pump_wait
     * returns. */
    shunt_status (*ready)(void *context, int *yes);
    shunt_status (*after)(void *context);
    void *context;
    /* Once pump_wait has returned, in nanoseconds of CLOCK_MONOTONIC: when it was started and done, and when the wait began. */
    uint64_t started, ended, awaited;
    /* The pump's own. lead: how long it took from pump_post until it was started, when it was posted last: runs are alike. 0: not known. */
    uint64_t posted, lead;
    struct pump_job *next;
    shunt_request *request;
    shunt_status status;
    bool flying, done;
    char reason[PUMP_REASON_CHARS];
} pump_job;

typedef struct pump pump;

/* The pump uses both as long as it lives. limit: seconds without a sign of life after which the rank before this one is given up. */
shunt_status pump_create(const shunt_collective_plugin *plugin, shunt_collective *ranks, double limit, pump **out);
/* All jobs have been waited for, and all ranks do this together. */
void pump_destroy(pump *self);

/* One thread at a time calls these two. */
void pump_post(pump *self, pump_job *job);
shunt_status pump_wait(pump *self, pump_job *job);

/* After a failure on this rank: all jobs fail, those to come as well, and the transport is left alone for good, so that the memory of
 * jobs may be freed. This rank gives no sign of life any more. */
void pump_give_up(pump *self);

/* What messages call the rank before this one, once it is known. */
void pump_name_previous(pump *self, const char *name);
/* What it has done since it was made. */
typedef struct pump_work {
    uint64_t bytes;           /* received from other ranks */
    double seconds;           /* in which something was under way */
    double waited, processor; /* what other threads have waited in pump_wait; processor time of the pump's thread */
} pump_work;
pump_work pump_measure(pump *self);

#endif
