/* variants.h - which variants of an op a quick check takes. A variant is an algorithm with its parameters, in a type and a layout. A
 * new one may cost a compiler's run, so there are few of each algorithm; but those are run in every case that they can do. */
#ifndef SHUNT_VERIFY_VARIANTS_H
#define SHUNT_VERIFY_VARIANTS_H

#include <shunt/backend.h>
#include <stdbool.h>

typedef struct variants variants;

/* NULL without memory. */
variants *variants_create(void);
void variants_destroy(variants *all);

/* take[i]: whether the check runs candidate i of `found`. Those that an earlier case took, and of each algorithm at most one more, another
 * one in each case; own: the block of the device's layout. The choice for an algorithm does not depend on what others there are. */
void variants_choose(variants *all, const shunt_op_desc *op, uint32_t own, const shunt_op_candidates *found,
                     bool take[SHUNT_MAX_CANDIDATES]);

#endif
