/* verify.h - the checks behind shunt_device_verify, one file each. A check stops at the first error. */
#ifndef SHUNT_VERIFY_VERIFY_H
#define SHUNT_VERIFY_VERIFY_H

#include "runtime/device/device.h"

#include <stdbool.h>
#include <string.h>

enum { VERIFY_TEXT_CHARS = 1024 };

/* One check under way: what shunt_verify_check will point to. */
typedef struct verify_state {
    const shunt_device *device;
    const shunt_verify_options *options;
    const char *name;
    uint8_t dtype; /* data of ops in this type only; 0: in every type that the device takes */
    uint64_t cases, runs, refusals;
    char refusal[SHUNT_REASON_CHARS], problem[VERIFY_TEXT_CHARS], again[128];
} verify_state;

/* options->count, or what is usual. */
static inline uint64_t verify_count(const verify_state *state)
{
    return state->options->count ? state->options->count : state->options->quick ? 24 : 200;
}

/* Whether the options want it run by this algorithm. */
static inline bool verify_takes(const verify_state *state, const shunt_candidate *candidate)
{
    const char *only = state->options->algorithm;
    return !candidate->reason[0] && (!only || !strcmp(only, candidate->algorithm));
}

/* Records an error; number: the case that repeats it, -1 for a check without cases. */
void verify_problem(verify_state *state, int64_t number, const char *format, ...) __attribute__((format(printf, 3, 4)));
void verify_refusal(verify_state *state, const shunt_op_candidates *found);

/* kind.c: drawn ops of one kind against the formulas of op.h. */
void verify_kind(verify_state *state, uint32_t kind);
/* Whether ops of the kind may have data of this type. */
bool verify_has_type(uint32_t kind, uint8_t dtype);
/* shapes.c: the ops of options->graph, in its shapes, against the fallback device in float64. */
void verify_graph(verify_state *state);
/* queue.c: commands take effect in the order in which they are given, on one queue and across two. */
void verify_queue(verify_state *state);
/* errors.c: what cannot be done is refused with a message, and the device works afterwards. */
void verify_errors(verify_state *state);

#endif
