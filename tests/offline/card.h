/* card.h - a graphics card that is not there: OpenCL's functions, as far as the plugin calls them. It answers as a GPU with the
 * limits below, compiles and computes nothing, and prints each kernel that the plugin runs: its file, build options, name and the
 * work-items of a group.
 *
 * A program that is linked with card.c, and exports its symbols, takes the loader's place for the plugins that it loads. */
#ifndef SHUNT_TESTS_OFFLINE_CARD_H
#define SHUNT_TESTS_OFFLINE_CARD_H

#include <stddef.h>
#include <stdint.h>

typedef struct card_limits {
    uint32_t units;
    size_t group;   /* most work-items of a work-group */
    uint64_t local; /* bytes */
    const char *extensions;
} card_limits;

extern card_limits card;

#endif
