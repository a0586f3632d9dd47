/* card.h - a graphics card that is not there: OpenCL's functions, as far as the plugin calls them. It answers as a GPU with the
 * limits below, compiles nothing, computes nothing (but see units_option), and tells card_ran of each kernel that the plugin runs.
 *
 * A program that is linked with card.c, and exports its symbols, takes the loader's place for the plugins that it loads. */
#ifndef SHUNT_TESTS_OFFLINE_CARD_H
#define SHUNT_TESTS_OFFLINE_CARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct card_limits {
    uint32_t units;
    size_t group;   /* most work-items of a work-group */
    uint64_t local; /* bytes */
    const char *extensions;
    /* What makes it multiply matrices: an option of the build. Of all kernels it then computes one, wave_probe, so that the backend sees
     * its units work. NULL: it has none. */
    const char *units_option;
} card_limits;

extern card_limits card;

/* A run of a kernel. `again`: the same kernel object ran before. */
typedef struct card_run {
    const char *file, *options, *kernel;
    size_t items; /* of a group */
    bool again;
} card_run;

/* Set by the program; NULL: nobody listens. */
extern void (*card_ran)(const card_run *run);

#endif
