/* environment.h - the variables of the environment that Shunt reads, for the manual page and for a check at the start. */
#ifndef SHUNT_LIB_ENVIRONMENT_H
#define SHUNT_LIB_ENVIRONMENT_H

typedef struct variable {
    const char *name, *meaning;
    const char *values; /* all that it may be, divided by '|'; NULL: who reads it checks it */
} variable;

extern const variable environment_variables[]; /* ends with a NULL name */

/* The first variable whose value is none of its values; NULL: all are right. */
const variable *environment_wrong(void);

#endif
