/* pair.c - see pair.h. */
#include "runtime/verify/ops/pair.h"

/* Some axes of dst become 1 in a, others in b. */
static void draw_broadcast(dice *d, shunt_op_desc *op, shunt_tensor_desc dst)
{
    shunt_tensor_desc a = dst, b = dst;
    for (int i = 0; i < dst.rank; i++) {
        int64_t which = dice_between(d, 0, 3);
        if (which == 1) a.dims[i] = 1;
        if (which == 2) b.dims[i] = 1;
    }
    op->flags |= SHUNT_FLAG_BROADCAST;
    dice_input(op, a, 0);
    dice_input(op, b, 0);
    op->outputs[0] = dst;
}

/* An activation, and one number for each of its channels, or for each channel of each image. */
static void draw_gate(dice *d, shunt_op_desc *op)
{
    shunt_tensor_desc x = dice_activation(d), gate = x;
    for (int i = 2; i < x.rank; i++) gate.dims[i] = 1;
    if (dice_one_in(d, 2)) gate.dims[0] = 1;
    const int first = dice_one_in(d, 2);
    op->flags |= SHUNT_FLAG_BROADCAST;
    dice_input(op, first ? gate : x, 0);
    dice_input(op, first ? x : gate, 0);
    op->outputs[0] = x;
}

void pair_draw(dice *d, shunt_op_desc *op)
{
    switch (dice_between(d, 0, 3)) {
    case 0:
        draw_broadcast(d, op, dice_any_rank(d, 1));
        return;
    case 1:
        draw_gate(d, op);
        return;
    default:
        op->outputs[0] = dice_activation(d);
        for (int i = 0; i < 2; i++) dice_input(op, op->outputs[0], 0);
    }
}
