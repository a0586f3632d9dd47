/* bundle.h - programs of several units: sources, each with its build options. What a driver does once for a program, such as linking its
 * library, it then does once for all of them. */
#ifndef SHUNT_OPENCL_BUNDLE_H
#define SHUNT_OPENCL_BUNDLE_H

#include "opencl.h"

/* What the program of one step is made from. */
typedef struct ocl_unit {
    const ocl_source *source;
    char options[OCL_OPTIONS_CHARS];
} ocl_unit;

/* Each once. */
struct ocl_units {
    ocl_unit *list;
    uint32_t count, room;
};

bool ocl_same_unit(const ocl_unit *unit, const ocl_source *source, const char *options);
/* Adds it if it is new. */
shunt_status ocl_units_add(ocl_units *units, const ocl_source *source, const char *options);

/* Whether a bundle can have it: all of its options are macros. */
bool ocl_bundle_takes(const ocl_unit *unit);
/* The text of a program with the kernels of all units, or NULL without memory. The caller frees it. */
char *ocl_bundle_text(const ocl_unit *units, uint32_t count);
/* What a bundle puts behind the names of this unit's kernels. */
enum { OCL_SUFFIX_CHARS = sizeof((ocl_built *)0)->suffix };
void ocl_bundle_suffix(const ocl_unit *unit, char suffix[OCL_SUFFIX_CHARS]);

/* FNV-1a */
uint64_t ocl_hash(const void *bytes, size_t n);

#endif
