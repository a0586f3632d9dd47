/* pair.h - how the inputs of ADD and MUL are drawn: alike, or to be repeated along axes. */
#ifndef SHUNT_VERIFY_PAIR_H
#define SHUNT_VERIFY_PAIR_H

#include "runtime/verify/dice.h"

/* Appends two inputs, sets dst, and BROADCAST where it is needed. */
void pair_draw(dice *d, shunt_op_desc *op);

#endif
