/* ranks.h - what other folders of the runtime need of the ranks of a run, beside <shunt/ranks.h>. */
#ifndef SHUNT_RUNTIME_RANKS_H
#define SHUNT_RUNTIME_RANKS_H

#include <shunt/ranks.h>
#include "runtime/ranks/pump.h"

/* For operations that go on meanwhile; NULL: one rank. */
pump *ranks_pump(const shunt_ranks *ranks);

/* dst of every rank receives the `bytes` bytes of src of all, in their order. Of ranks that are not there it is
 * what this one has. */
shunt_status ranks_all_gather(const shunt_ranks *ranks, const void *src, void *dst, size_t bytes);

/* Puts in front of this thread's message which rank this is, and returns status. */
shunt_status ranks_context(const shunt_ranks *ranks, shunt_status status);

#endif
