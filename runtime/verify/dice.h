/* dice.h - what the files that draw ops share: a stream of draws, and the parts of a descriptor. */
#ifndef SHUNT_VERIFY_DICE_H
#define SHUNT_VERIFY_DICE_H

#include <shunt/backend.h>

typedef struct dice {
    uint64_t key, next;
} dice;

int64_t dice_between(dice *d, int64_t low, int64_t high);
int dice_one_in(dice *d, int64_t n);

/* Plain float32 of the first `rank` of the dims. */
shunt_tensor_desc dice_tensor(uint32_t rank, int64_t n, int64_t c, int64_t h, int64_t w);
/* Appends an input; constant ones are what a network learns and does not change while it runs. */
void dice_input(shunt_op_desc *op, shunt_tensor_desc desc, int constant);

/* By kind; NULL for those of another file (draw.c, draw_training.c). A draw finds kind and noutputs = 1 set. */
typedef void dice_draw(dice *, shunt_op_desc *);
extern dice_draw *const dice_draws[SHUNT_OP_KINDS], *const dice_training_draws[SHUNT_OP_KINDS];

/* draw_input of draw.h for the kinds of training. */
void dice_training_input(const shunt_op_desc *desc, const char *name, uint32_t input, double *values);
/* The stream that an input's elements come from. */
uint64_t dice_input_key(const char *name, uint32_t input);

#endif
