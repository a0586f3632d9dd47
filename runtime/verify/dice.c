/* dice.c - see dice.h. */
#include "runtime/verify/dice.h"

#include "runtime/base/random.h"
#include "runtime/verify/ops/ops.h"

#include <stdio.h>
#include <string.h>

int64_t dice_between(dice *d, int64_t low, int64_t high)
{
    return low + (int64_t)(random_at(d->key, d->next++) * (double)(high - low + 1));
}

int dice_one_in(dice *d, int64_t n)
{
    return dice_between(d, 1, n) == 1;
}

shunt_tensor_desc dice_tensor(uint32_t rank, int64_t n, int64_t c, int64_t h, int64_t w)
{
    return shunt_tensor_make(SHUNT_F32, rank, (const int64_t[]){n, c, h, w});
}

void dice_input(shunt_op_desc *op, shunt_tensor_desc desc, int constant)
{
    if (constant) op->constant_inputs |= 1u << op->ninputs;
    op->inputs[op->ninputs++] = desc;
}

int64_t dice_places(int64_t length, int64_t window, int64_t stride, int64_t dilation, int64_t padding)
{
    return (length + padding - (dilation * (window - 1) + 1)) / stride + 1;
}

shunt_tensor_desc dice_activation(dice *d)
{
    int64_t n = dice_between(d, 1, 3), c = dice_between(d, 1, dice_one_in(d, 4) ? 70 : 20);
    if (dice_one_in(d, 4)) return dice_tensor(2, n, c, 0, 0);
    return dice_tensor(4, n, c, dice_between(d, 1, 13), dice_between(d, 1, 13));
}

shunt_tensor_desc dice_any_rank(dice *d, int64_t least)
{
    shunt_tensor_desc made = {.dtype = SHUNT_F32, .rank = (uint8_t)dice_between(d, least, 6), .block = SHUNT_PLAIN};
    for (int i = 0; i < made.rank; i++) made.dims[i] = dice_between(d, 1, 6);
    return made;
}

shunt_tensor_desc dice_matrix(dice *d)
{
    int64_t C = dice_between(d, 1, dice_one_in(d, 4) ? 1100 : 30);
    return dice_tensor(2, dice_between(d, 1, 9), C, 0, 0);
}

shunt_op_desc dice_forward(dice *d, uint32_t kind, shunt_op_desc *op)
{
    shunt_op_desc made;
    do {
        made = (shunt_op_desc){.kind = kind, .noutputs = 1};
        verify_op_of(kind)->draw(d, &made);
    } while (made.flags & SHUNT_FLAG_DILATED);
    op->attr = made.attr;
    return made;
}

shunt_tensor_desc dice_parameter(dice *d)
{
    shunt_op_desc unused = {0};
    uint32_t kind = dice_one_in(d, 2) ? SHUNT_OP_CONV : SHUNT_OP_LINEAR;
    shunt_tensor_desc weights = dice_forward(d, kind, &unused).inputs[1];
    return dice_one_in(d, 3) ? dice_tensor(1, dice_between(d, 1, 5000), 0, 0, 0) : weights;
}

void dice_gradient_of(dice *d, uint32_t kind, shunt_op_desc *op)
{
    shunt_op_desc made = dice_forward(d, kind, op);
    dice_input(op, made.outputs[0], 0);
    op->outputs[0] = made.inputs[0];
}

uint64_t dice_input_key(const char *name, uint32_t input)
{
    char key_name[96];
    snprintf(key_name, sizeof key_name, "%s/%u", name, input);
    return random_key(key_name, 0);
}
