/* onnx_layouts.c - ONNX networks whose pictures have their channels last, or one channel, and whose scores have axes of one element.
 * Expected logits are ONNX Runtime's, of pictures prepared by Pillow and NumPy (golden/onnx_layouts.py). */
#include "runtime/graph/graph.h"
#include "tests/support/onnx_file.h"
#include "tests/support/onnx_logits.h"

#include <criterion/criterion.h>
#include <math.h>
#include <shunt/shunt.h>

#define FOLDER TEST_GOLDEN "/layouts/"
#define PICTURE TEST_GOLDEN "/pictures/picture.png"

TestSuite(onnx_layouts, .init = enter_folder, .fini = leave_folder);

Test(onnx_layouts, give_what_onnx_runtime_does)
{
    FILE *table = fopen(FOLDER "expected.txt", "r");
    char name[64];
    int gray, rows = 0;
    double expected[CLASSES];
    cr_assert(table);
    for (; fscanf(table, "%63s %d", name, &gray) == 2; rows++) {
        for (int i = 0; i < CLASSES; i++) cr_assert_eq(fscanf(table, "%lf", &expected[i]), 1);
        shunt_model *model = open_model("layouts", name);
        cr_expect_eq(shunt_preprocess_planes(shunt_model_preprocess(model)), gray ? 1 : 3, "%s", name);
        cr_expect_eq(shunt_model_input_note(model) != NULL, gray, "%s", name);
        expect_logits(model, name, expected);
    }
    fclose(table);
    cr_assert_eq(rows, 4);
}

/* Pairs of transposes between layers go away; what is left turns the result of a ReLU or a mean. */
Test(onnx_layouts, transposes_cancel)
{
    shunt_model *model = open_model("layouts", "nhwc");
    const shunt_graph *graph = shunt_model_graph(model);
    cr_expect_eq(graph->ops[0].kind, SHUNT_OP_CONV);
    cr_expect_eq(graph->ops[0].inputs[0], graph->inputs[0]);
    shunt_model_destroy(model);
}

/* Whatever preset is asked for: a network of one channel is given one. */
Test(onnx_layouts, gray_stays_gray)
{
    shunt_model *model = open_model("layouts", "gray");
    shunt_device *device;
    shunt_preprocess p = *shunt_model_preprocess(model);
    shunt_guess guess[2];
    size_t found;
    cr_assert_eq(shunt_device_open("scalar", NULL, &device), SHUNT_OK);
    cr_assert_eq(shunt_preprocess_preset("half", &p), SHUNT_OK);
    shunt_model_set_preprocess(model, &p);
    cr_expect_eq(shunt_model_preprocess(model)->channels, SHUNT_GRAY);
    cr_expect_eq(shunt_model_preprocess(model)->mean[0], .5f);
    cr_expect_eq(shunt_classify(model, device, PICTURE, 2, guess, &found), SHUNT_OK, "%s", shunt_last_error());
    cr_expect_eq(found, 2u);
    shunt_model_destroy(model);
    model = open_model("layouts", "nhwc");
    p = *shunt_model_preprocess(model);
    cr_assert_eq(shunt_preprocess_set(&p, "channels", "gray"), SHUNT_OK);
    shunt_model_set_preprocess(model, &p);
    cr_expect_eq(shunt_classify(model, device, PICTURE, 2, guess, &found), SHUNT_E_INVALID);
    cr_expect(strstr(shunt_last_error(), "its input has 3 channels, and these pictures are gray"), "%s",
              shunt_last_error());
    shunt_model_destroy(model);
    shunt_device_close(device);
}
