/* wide_step.h - a training step that is compared with PyTorch in float64: the loss and every gradient, in float64 on the scalar backend; and that
 * one's in float32 on a device. Failures end the test. */
#ifndef SHUNT_TESTS_WIDE_STEP_H
#define SHUNT_TESTS_WIDE_STEP_H

#include "runtime/train/gradient_norms.h"
#include "tests/support/train_net.h"

#include <jansson.h>

enum { WIDE_GRADIENTS = 128 };

/* A step that was done. */
typedef struct wide_step {
    shunt_graph *graph;
    size_t count; /* of gradients */
    const char *names[WIDE_GRADIENTS];
    shunt_tensor gradients[WIDE_GRADIENTS];
    double losses; /* the sum of those of all pictures */
} wide_step;

/* Numbers of the type; values NULL: zeros. Free data. */
shunt_tensor wide_tensor(uint8_t dtype, uint32_t rank, const int64_t *dims, const double *values);
/* The test's number of this name. */
double wide_number(const json_t *test, const char *key);
int64_t wide_whole(const json_t *test, const char *key);

/* One step with the model's weights, computed in this type. */
void wide_step_do(const shunt_model *model, const train_loss *loss, shunt_device *device, uint8_t dtype,
                  const shunt_tensor *inputs, size_t ninputs, wide_step *out);
void wide_step_end(wide_step *step);

/* loss: what the step's is. test: has PyTorch's "loss" and "gradients". */
void wide_step_compare(const json_t *test, const wide_step *step, double loss);
void wide_step_compare_narrow(const wide_step *wide, const wide_step *narrow);

#endif
