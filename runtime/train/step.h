/* step.h - the graph of a training step, with what only the trainer asks of it. */
#ifndef SHUNT_RUNTIME_TRAIN_STEP_H
#define SHUNT_RUNTIME_TRAIN_STEP_H

#include <shunt/train.h>
#include <stdbool.h>

typedef struct train_step_options {
    const shunt_tensor_desc *pictures; /* of a batch */
    bool recompute;
    bool scaled; /* the loss that is differentiated is multiplied by a factor */
} train_step_options;

/* As shunt_graph_training_step. Scaled, the inputs are pictures, labels, factor (1), [ghost's two], rate (1), [threshold (1)], 1 / factor (1), [accumulate's two], and
 * behind the losses (and ghost's sum) there is one more output, (1): how many elements of gradients are infinite or NaN. If there are any, the run changes nothing. */
shunt_status train_step_graph(const shunt_graph *network, const shunt_recipe *recipe, const train_step_options *options,
                              shunt_graph **out);

#endif
