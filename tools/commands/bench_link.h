/* bench_link.h - what lies between the ranks that there are, as steps of training use it. */
#ifndef SHUNT_TOOLS_BENCH_LINK_H
#define SHUNT_TOOLS_BENCH_LINK_H

#include <shunt/shunt.h>

typedef struct bench_link {
    double seconds;          /* alpha: what each message takes, whatever its size */
    double bytes_per_second; /* beta, in each direction */
    double adding;           /* seconds for a byte that came, in which it is added up: of this machine */
} bench_link;

/* Both return an EXIT_ number. By steps of two networks that do little but exchange; all ranks do this together, and get the same. Takes
 * link->adding as it is. */
int bench_link_measure(shunt_ranks *ranks, shunt_device *device, bench_link *link);
int bench_link_measure_adding(bench_link *link);

#endif
