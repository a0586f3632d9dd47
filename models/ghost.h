/* ghost.h - runs of networks that choose their blocks. */
#ifndef SHUNT_MODELS_GHOST_H
#define SHUNT_MODELS_GHOST_H

#include "models/model.h"

/* n pictures through the blocks that the policy chooses for each. ran: n x blocks, whether block b ran for picture i; or NULL. A picture's
 * result does not depend on the others, as long as one runner does both runs: it stays from n to 2 n pictures. */
shunt_status ghost_run(shunt_model *model, shunt_device *device, int64_t n, int64_t height, int64_t width,
                       const float *images, float *logits, unsigned char *ran);
/* Multiply-adds of convolutions and linear layers for a picture of this size: of what always runs, of the policy, and of each of the
 * net.ghost blocks. */
shunt_status ghost_count(const shunt_model *model, int64_t height, int64_t width, double *always, double *policy,
                         double *blocks);
/* Forgets what was made for runs with the weights so far. */
void ghost_drop(shunt_model *model);

#endif
