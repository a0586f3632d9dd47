/* beat.c - see beat.h. */
#include "runtime/ranks/beat.h"

enum { LIVES, LEAVES };

void beat_begin(beat *self, shunt_collective *ranks, double limit, double now)
{
    *self = (beat){.ranks = ranks, .said_at = now, .heard_at = now, .turned_at = now, .limit = limit};
}

/* *done: nothing is under way, or what was is over. */
static shunt_status settle(const beat *self, shunt_request **request, bool *done)
{
    int is = 1;
    *done = true;
    if (!*request) return SHUNT_OK;
    shunt_status status = self->ranks->ops->test(*request, &is);
    *done = !status && is;
    if (!*done) return status;
    status = self->ranks->ops->wait(*request);
    *request = NULL;
    return status;
}

static shunt_status say(beat *self, double now)
{
    bool done;
    shunt_status status = settle(self, &self->sending, &done);
    if (status || !done || self->said == LEAVES) return status;
    if (!self->leaving && now - self->said_at < BEAT_EACH) return SHUNT_OK;
    const uint32_t next = (self->ranks->rank + 1) % self->ranks->count;
    self->said = self->leaving ? LEAVES : LIVES;
    self->said_at = now;
    return self->ranks->ops->send(self->ranks, &self->said, sizeof self->said, next, &self->sending);
}

static shunt_status hear(beat *self, double now)
{
    bool done, waited = self->receiving != NULL;
    shunt_status status = settle(self, &self->receiving, &done);
    if (status || !done) return status;
    if (waited) self->heard_at = now;
    if (waited && self->heard == LEAVES) self->gone = true;
    if (self->gone) return SHUNT_OK;
    const uint32_t count = self->ranks->count, previous = (self->ranks->rank + count - 1) % count;
    return self->ranks->ops->receive(self->ranks, &self->heard, sizeof self->heard, previous, &self->receiving);
}

/* While this process was stopped itself, it has heard nothing. */
static void forgive(beat *self, double now)
{
    if (now - self->turned_at > BEAT_EACH) self->heard_at += now - self->turned_at;
    self->turned_at = now;
}

shunt_status beat_turn(beat *self, double now, bool *lost)
{
    forgive(self, now);
    shunt_status status = say(self, now);
    if (!status) status = hear(self, now);
    *lost = !self->gone && now - self->heard_at > self->limit;
    return status;
}

void beat_leave(beat *self)
{
    self->leaving = true;
}

bool beat_is_over(const beat *self)
{
    return self->gone && self->said == LEAVES && !self->sending;
}
