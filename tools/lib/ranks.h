/* ranks.h - the part of a command's work that this rank does, where mpirun or srun started several (shunt/ranks.h). */
#ifndef SHUNT_TOOLS_RANKS_H
#define SHUNT_TOOLS_RANKS_H

#include "commands/commands.h"
#include <stdbool.h>

/* All of these print why when they fail. */
int ranks_begin(shunt_ranks **out);

/* After a failure, of several ranks, it leaves the others to the launcher: they would wait for this one. */
void ranks_end(shunt_ranks *ranks, int status);

/* Whether this rank prints the result and draws progress. */
bool ranks_speak(const shunt_ranks *ranks);

/* Opens this rank's device, and says on standard error which rank has which. "opencl:gpu" is the GPU whose number is the rank's on
 * its machine; ranks that run on the processor divide it. */
int ranks_device(shunt_ranks *ranks, const device_settings *settings, shunt_device **out);

/* Threads that read pictures, of the processors that are this rank's; 0, for the library to decide, of one rank. */
int64_t ranks_workers(const shunt_ranks *ranks);

/* Prints a line on standard error: those of all ranks, in their order, by rank 0. */
int ranks_say(shunt_ranks *ranks, const char *line);

#endif
