/* beat.h - signs of life. Each rank sends one to the next rank every second, and the last one sends to rank 0. A rank that has not
 * heard of the one before it for `limit` seconds takes it for dead or stopped. Used by one thread, the pump's. */
#ifndef SHUNT_RUNTIME_BEAT_H
#define SHUNT_RUNTIME_BEAT_H

#include <shunt/collective.h>
#include <stdbool.h>

enum { BEAT_EACH = 1, BEAT_LIMIT = 20 }; /* seconds; the usual limit */

typedef struct beat {
    shunt_collective *ranks;
    shunt_request *sending, *receiving; /* NULL: nothing under way */
    uint32_t said, heard;               /* the messages: 0: it lives; 1: it leaves */
    double said_at, heard_at, turned_at, limit;
    bool leaving, gone; /* this rank has said the last word; so has the one before it */
} beat;

void beat_begin(beat *self, shunt_collective *ranks, double limit, double now);
/* To be called several times a second. *lost: the rank before this one is silent. */
shunt_status beat_turn(beat *self, double now, bool *lost);
/* Says that this rank leaves. Once beat_is_over, nothing is under way. */
void beat_leave(beat *self);
bool beat_is_over(const beat *self);

#endif
