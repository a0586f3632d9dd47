/* dropped_blocks.c - networks in which blocks add exactly nothing, on one device (SHUNT_TEST_DEVICE): the network without them, out of
 * a file by itself, has the logits of the whole one. */
#include <shunt/shunt.h>

#include "tests/support/temporary.h"

#include <math.h>

TestSuite(dropped_blocks, .init = enter_folder, .fini = leave_folder);

enum { BATCH = 3, SIDE = 33, MOST_CLASSES = 10 };
#define OK(call) cr_assert_eq((call), SHUNT_OK, "%s", shunt_last_error())

/* What the last batch norm of these blocks scales and shifts by becomes 0, or -0 in every other one. */
static shunt_model *make_network(const char *name, char shortcut, const char *const *norms)
{
    const shunt_model_options options = {.classes = MOST_CLASSES, .height = SIDE, .width = SIDE, .shortcut = shortcut};
    shunt_model *model, *zeroed;
    shunt_weights *weights;
    OK(shunt_model_create(name, &options, &model));
    OK(shunt_model_randomize(model, 7));
    OK(shunt_model_save(model, "whole.safetensors"));
    OK(shunt_weights_open("whole.safetensors", &weights));
    for (size_t i = 0; norms[i]; i++)
        for (int k = 0; k < 2; k++) {
            char tensor[64];
            float zeros[512];
            snprintf(tensor, sizeof tensor, "%s.%s", norms[i], k ? "bias" : "weight");
            const shunt_tensor_view *view = shunt_weights_find(weights, tensor);
            cr_assert(view && view->desc.dims[0] <= 512, "%s", tensor);
            const shunt_tensor_desc desc = view->desc;
            for (int c = 0; c < 512; c++) zeros[c] = (i + (size_t)c) % 2 ? -0.0f : 0;
            OK(shunt_weights_set(weights, tensor, &desc, zeros));
        }
    OK(shunt_weights_save(weights, "zeroed.safetensors"));
    shunt_weights_destroy(weights);
    OK(shunt_model_create(name, &options, &zeroed));
    OK(shunt_model_load(zeroed, "zeroed.safetensors"));
    shunt_model_destroy(model);
    return zeroed;
}

static void run(shunt_model *model, shunt_device *device, float logits[BATCH * MOST_CLASSES])
{
    static float images[BATCH * 3 * SIDE * SIDE];
    for (int i = 0; i < BATCH * 3 * SIDE * SIDE; i++)
        images[i] = sinf((float)i * 0.37f) + 0.3f * cosf((float)i * 0.011f);
    OK(shunt_model_run(model, device, BATCH, SIDE, SIDE, images, logits));
}

/* norms: of the blocks that have to go, ended by NULL. */
static void expect_same_logits(const char *name, char shortcut, const char *const *norms, const char *smaller_name)
{
    const char *selector = getenv("SHUNT_TEST_DEVICE");
    float whole[BATCH * MOST_CLASSES], smaller[BATCH * MOST_CLASSES];
    shunt_device *device;
    shunt_weights *weights;
    size_t dropped, expected = 0;
    while (norms[expected]) expected++;
    OK(shunt_device_open(selector ? selector : "scalar", NULL, &device));
    shunt_model *model = make_network(name, shortcut, norms), *left;
    OK(shunt_model_drop_zero_blocks(model, &weights, &dropped));
    cr_assert_eq(dropped, expected, "%s: %zu blocks", name, dropped);
    OK(shunt_weights_save(weights, "smaller.safetensors"));
    OK(shunt_model_open("smaller.safetensors", NULL, &left));
    cr_assert_str_eq(shunt_model_name(left), smaller_name);
    run(model, device, whole);
    run(left, device, smaller);
    for (int i = 0; i < BATCH * MOST_CLASSES; i++)
        cr_assert(fabsf(whole[i] - smaller[i]) <= 1e-6f * (1 + fabsf(whole[i])), "%s: %.9g, not %.9g", smaller_name,
                  (double)smaller[i], (double)whole[i]);
    cr_assert(whole[0] != whole[1] && isfinite(whole[0]));
    shunt_weights_destroy(weights);
    shunt_model_destroy(model);
    shunt_model_destroy(left);
    shunt_device_close(device);
}
#define NORMS(...)                                                                                                     \
    (const char *const[])                                                                                              \
    {                                                                                                                  \
        __VA_ARGS__, NULL                                                                                              \
    }

Test(dropped_blocks, cifar_networks)
{
    expect_same_logits("resnet20", 'A', NORMS("layer1.1.bn2", "layer2.1.bn2", "layer3.1.bn2", "layer3.2.bn2"),
                       "resnet20-2-2-1");
    expect_same_logits("resnet20", 'B', NORMS("layer1.0.bn2", "layer1.1.bn2", "layer1.2.bn2"), "resnet20-0-3-3");
    expect_same_logits("resnet20", 'A', NORMS(NULL), "resnet20");
    expect_same_logits("resnet20-2-3-1", 'A', NORMS("layer2.2.bn2"), "resnet20-2-2-1");
}

Test(dropped_blocks, bottlenecks_and_gates)
{
    expect_same_logits("resnet50", 'B', NORMS("layer1.2.bn3", "layer2.1.bn3"), "resnet50-2-3-6-3");
    expect_same_logits("seresnet18", 'B', NORMS("layer1.0.bn2", "layer4.1.bn2"), "seresnet18-1-2-2-1");
}
