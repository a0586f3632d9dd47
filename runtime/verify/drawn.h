/* drawn.h - one drawn op with its inputs and the truth, as its data have one type. */
#ifndef SHUNT_VERIFY_DRAWN_H
#define SHUNT_VERIFY_DRAWN_H

#include <shunt/backend.h>
#include <stdbool.h>

typedef struct drawn {
    shunt_op_desc plain; /* in float32 */
    uint64_t index;
    uint8_t dtype;                     /* that the values below are for; 0: there are none yet */
    bool nonfinite;                    /* NaN, infinity or what overflows is among the inputs */
    double *inputs[SHUNT_MAX_INPUTS];  /* as a device gets them */
    double *factors[SHUNT_MAX_INPUTS]; /* as the op multiplies by them: inputs[i], or a rounded copy of it */
    double *expected[SHUNT_MAX_OUTPUTS], *scale[SHUNT_MAX_OUTPUTS], *got[SHUNT_MAX_OUTPUTS];
} drawn;

/* Fills the values for data of this type. false: out of memory; drawn_clear frees what there is. */
bool drawn_make(drawn *t, const char *name, uint8_t dtype);
/* Frees the values. */
void drawn_clear(drawn *t);

#endif
