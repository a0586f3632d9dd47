/* loss_scale.c - dynamic loss scaling (Micikevicius et al. 2018): the loss is multiplied by a factor before its gradients are taken, so
 * that small ones are not lost in 16 bits. The factor is a power of two, so that multiplying and dividing by it rounds nothing. */
#include "runtime/train/trainer.h"

#include <math.h>

enum { GOOD_STEPS = 2000 }; /* without an overflow, after which the factor doubles */

/* A factor below the least is of no use: the gradients would vanish. 1 / most is the smallest normal float32. */
static const double LEAST = 0x1p-14, MOST = 0x1p126;

bool train_is_scale(double scale)
{
    int exponent;
    return scale >= LEAST && scale <= MOST && frexp(scale, &exponent) == 0.5;
}

void train_adapt_scale(train_position *at, bool overflowed)
{
    if (overflowed) {
        at->loss_scale /= 2;
        at->good_steps = 0;
    } else if (++at->good_steps == GOOD_STEPS) {
        at->loss_scale = fmin(2 * at->loss_scale, MOST);
        at->good_steps = 0;
    }
}
