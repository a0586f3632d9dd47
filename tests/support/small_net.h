/* small_net.h - a network of every kind of op that is run in milliseconds, its weights and its images: for tests that
 * do not check values. It does not need Criterion: plain programs use it. */
#ifndef SHUNT_TESTS_SMALL_NET_H
#define SHUNT_TESTS_SMALL_NET_H

#include <shunt/shunt.h>

enum { SMALL_NET_IMAGES = 2, SMALL_NET_SIDE = 13, SMALL_NET_CLASSES = 5 };

typedef struct small_net {
    shunt_graph *graph, *training;
    shunt_weights *weights; /* of both */
    float images[SMALL_NET_IMAGES * 3 * SMALL_NET_SIDE * SMALL_NET_SIDE];
} small_net;

/* Probabilities, which for each image sum to 1; or, of training, the logits. */
typedef float small_net_result[SMALL_NET_IMAGES * SMALL_NET_CLASSES];

shunt_status small_net_create(small_net *net);
void small_net_destroy(small_net *net);

/* Makes an executor, runs it with times noted, and destroys it. */
shunt_status small_net_run(const small_net *net, shunt_device *device, small_net_result result);
/* The same with two steps of training on all images; the result is the second's, after the first has changed the weights. */
shunt_status small_net_train(const small_net *net, shunt_device *device, small_net_result result);

#endif
