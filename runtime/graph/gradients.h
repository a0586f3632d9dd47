/* gradients.h - what gradients.c and recompute.c share. */
#ifndef SHUNT_RUNTIME_GRADIENTS_H
#define SHUNT_RUNTIME_GRADIENTS_H

#include "runtime/graph/graph.h"

/* Cuts the first nops ops into stretches, numbered from 0: stretch_of has an entry per op. */
shunt_status graph_find_stretches(const shunt_graph *graph, uint32_t nops, uint32_t *stretch_of, uint32_t *nstretches);
/* Appends the ops of a stretch once more, but the last; now[v] becomes the value that stands for v from here on. */
shunt_status graph_recompute(shunt_graph *graph, const uint32_t *stretch_of, uint32_t stretch, uint32_t nops,
                             shunt_value *now);

#endif
