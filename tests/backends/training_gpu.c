/* training_gpu.c - training steps by the kernels for GPUs, on a processor whose driver answers as a GPU (tests/layers/pose.c), beside
 * plain C: losses, every gradient, and the weights, which are packed anew in each step. */
#include "runtime/plan/plan.h"
#include "tests/support/train_net.h"

#include <math.h>

enum { STEPS = 3 };

static double norm_of_difference(const shunt_tensor_desc *desc, const float *a, const float *b)
{
    double apart = 0, size = 0;
    for (uint64_t i = 0; i < shunt_tensor_count(desc); i++) {
        apart += ((double)a[i] - b[i]) * ((double)a[i] - b[i]);
        size += (double)b[i] * b[i];
    }
    return sqrt(apart / (size > 0 ? size : 1));
}

static void compare(const train_net *gpu, const train_net *plain, int step)
{
    cr_assert(fabs(gpu->loss / plain->loss - 1) < 1e-5, "step %d: loss %.9g, not %.9g", step, gpu->loss, plain->loss);
    for (size_t g = 0; g < gpu->ngradients; g++) {
        const double apart = norm_of_difference(&gpu->descs[g], gpu->gradients[g], plain->gradients[g]);
        cr_assert(apart < 1e-3, "step %d: the gradient of %s is off by %.2g", step, gpu->names[g], apart);
    }
}

/* How many weights are packed in each run, and at how many steps. */
static void count_packs(const train_net *net, uint32_t *packs, uint32_t *steps)
{
    const graph_plan *plan = net->executor->plans[0];
    *packs = plan->joints[PLAN_PACKS].count;
    *steps = 0;
    for (uint32_t s = 0; s < plan->nsteps; s++) *steps += plan->steps[s].joined[PLAN_PACKS] != NULL;
}

Test(training_gpu, steps_are_those_of_plain_c)
{
    const train_options options = {.dtype = SHUNT_F32, .batch = 3, .side = 12, .nesterov = 1};
    shunt_device *posing, *scalar;
    shunt_model *model;
    train_net gpu, plain;
    uint32_t packs, steps;
    OK(shunt_device_open("opencl:gpu", NULL, &posing));
    OK(shunt_device_open("scalar", NULL, &scalar));
    OK(shunt_model_create("resnet8", NULL, &model));
    OK(shunt_model_randomize(model, 3));
    train_net_open(&gpu, model, shunt_model_weights(model), posing, &options);
    train_net_open(&plain, model, shunt_model_weights(model), scalar, &options);
    for (int step = 0; step < STEPS; step++) {
        train_net_step(&gpu, step);
        train_net_step(&plain, step);
        compare(&gpu, &plain, step);
    }
    count_packs(&gpu, &packs, &steps);
    cr_assert(packs >= 10 && steps == 1, "%u weights packed at %u steps", packs, steps);
    count_packs(&plain, &packs, &steps);
    cr_assert_eq(packs, 0);
    train_net_close(&gpu);
    train_net_close(&plain);
    shunt_model_destroy(model);
    shunt_device_close(posing);
    shunt_device_close(scalar);
}
