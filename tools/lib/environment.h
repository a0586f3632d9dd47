/* environment.h - the variables of the environment that Shunt reads, for the manual page and for a check at the start. */
#ifndef SHUNT_LIB_ENVIRONMENT_H
#define SHUNT_LIB_ENVIRONMENT_H

#include <stddef.h>

typedef struct variable {
    const char *name, *meaning;
    const char *values; /* all that it may be, divided by '|'; NULL: who reads it checks it */
    long low, high;     /* with high above 0, a whole number in this range */
} variable;

extern const variable environment_variables[]; /* ends with a NULL name; SHUNT_... come first, then those of others */

/* The first variable whose value is none of its values; NULL: all are right. */
const variable *environment_wrong(void);
/* "one of error, warn", "a whole number from 1 to 9": what the variable must be. text: size bytes; returned. */
const char *environment_rule(const variable *wrong, char *text, size_t size);

#endif
