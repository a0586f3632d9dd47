/* together.h - a training run of several ranks: what makes it the run that one rank alone would do. With one rank these do nothing. */
#ifndef SHUNT_RUNTIME_TRAIN_TOGETHER_H
#define SHUNT_RUNTIME_TRAIN_TOGETHER_H

#include "runtime/train/trainer.h"

/* Takes this rank's slice of each batch, and the parts of it; fails where a batch does not divide so. */
shunt_status together_divide(shunt_trainer *self);
/* Rank 0 writes the files of the run, and the others none. */
bool together_writes(const shunt_trainer *self);
/* The part of `count` things that is this rank's, [*first, *end). */
void together_share(const shunt_trainer *self, size_t count, size_t *first, size_t *end);
/* Each value becomes the sum over all. */
shunt_status together_sum(const shunt_trainer *self, double *values, size_t count);
/* Fails on a rank whose recipe, data, network, preprocessing or way of training is not that of rank 0, and says in what it differs. */
shunt_status together_agree(const shunt_trainer *self);
/* Fails on all ranks unless they have done as many steps and have the same tensors, bit for bit; names the tensor and the rank. */
shunt_status together_compare(const shunt_trainer *self, const shunt_weights *weights);
/* A rank that was told to stop, and rank 0 when a checkpoint is due, take all others with them: after the same step. */
shunt_status together_decide(shunt_trainer *self, bool *due);

#endif
