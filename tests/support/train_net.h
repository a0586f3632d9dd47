/* train_net.h - a model with all of training in its graph, on a device, in float32 or float64; and its steps, on the pictures and
 * labels of tests/golden/steps.py. Failures end the test. */
#ifndef SHUNT_TESTS_TRAIN_NET_H
#define SHUNT_TESTS_TRAIN_NET_H

#include "runtime/graph/graph.h"

#include <criterion/criterion.h>
#include <shunt/shunt.h>

enum { MAX_GRADIENTS = 80 };

typedef struct train_options {
    uint8_t dtype;
    int64_t batch, side;
    int64_t parts; /* above 1: of a step, each with statistics of its own */
    int nesterov, recompute;
    float lars;
    const shunt_frozen *frozen;
} train_options;

typedef struct train_net {
    train_options options;
    shunt_graph *graph;
    shunt_weights *weights;
    shunt_executor *executor;
    int64_t classes;
    size_t ngradients;
    const char *names[MAX_GRADIENTS]; /* of the parameters */
    shunt_tensor_desc descs[MAX_GRADIENTS];
    void *gradients[MAX_GRADIENTS]; /* of the last step */
    double loss;
} train_net;

#define OK(call) cr_assert_eq((call), SHUNT_OK, "%s", shunt_last_error())

/* Every parameter from `from`; velocities that it has not start at 0. */
void train_net_open(train_net *net, const shunt_model *model, const shunt_weights *from, shunt_device *device,
                    const train_options *options);
void train_net_close(train_net *net);
void train_net_step(train_net *net, int step);

/* Element i as a double. */
double train_net_at(const shunt_tensor_desc *desc, const void *data, uint64_t i);

#endif
