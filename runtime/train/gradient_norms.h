/* gradient_norms.h - the gradients of a training graph as results, to measure their size. */
#ifndef SHUNT_RUNTIME_TRAIN_GRADIENT_NORMS_H
#define SHUNT_RUNTIME_TRAIN_GRADIENT_NORMS_H

#include <shunt/graph.h>
#include <stdbool.h>

typedef struct train_gradients {
    const char **names; /* of the parameters, in the network's order; they live as long as it */
    shunt_tensor_desc *descs;
    float **data; /* where a run of the graph puts them */
    size_t count;
} train_gradients;

/* How a network's loss is taken and differentiated. */
typedef struct train_loss {
    const shunt_tensor_desc *pictures; /* of a batch */
    float norm_momentum, smoothing;
    shunt_gradient_options gradients;
    bool scaled;
    bool ghost;     /* with a term for the share of decisions that are 1 */
    bool auxiliary; /* of the second result, too, as the weights say that are then an input of its own */
} train_loss;

/* The network at the batch's shape, with a further input, labels (batch), the gradients of the mean loss, and after the logits a
 * further output, losses (batch). Of a network that labels pixels (pixel_loss.h) labels are of all pixels; behind them are their
 * weights, and with `auxiliary` those of the second result; losses are the sums over the pictures' pixels, and logits those of the
 * first result alone. Of a network that finds objects at anchors see object_loss.h: losses are shares of the pictures in the loss, and logits
 * those of all maps. Scaled, it has one more input (1) after the labels, by which the gradients are multiplied. With ghost there are
 * two more inputs behind that, and an output behind the losses (shunt_graph_training_step). Destroy *out also after a failure. */
shunt_status train_loss_graph(const shunt_graph *network, const train_loss *loss, shunt_graph **out);

/* What STEP makes of the gates, or SHUNT_NO_VALUE in networks without a policy. */
shunt_value train_find_decisions(const shunt_graph *network);

/* Marks the gradient of every parameter of the network that has one as a result of the training graph. */
shunt_status train_gradients_add(train_gradients *self, const shunt_graph *network, shunt_graph *training);
void train_gradients_end(train_gradients *self);
/* The norm of data[index] after the last run. */
double train_gradients_norm(const train_gradients *self, size_t index);

#endif
