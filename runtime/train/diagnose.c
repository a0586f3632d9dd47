/* diagnose.c - which layer first gave what is no finite number. */
#include "runtime/train/trainer.h"

#include "runtime/error.h"

shunt_status train_diagnose(shunt_trainer *self, double loss)
{
    return shunt_fail(SHUNT_E_INVALID,
                      "step %lld: the loss is %g; the last checkpoint stands; lower the learning rate and start anew",
                      (long long)self->at.step + 1, loss);
}
