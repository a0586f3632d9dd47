/* onnx_pictures.c - which pixels an ONNX network is given: found in the type of its input and in what its first ops do.
 * Expected logits are ONNX Runtime's, of pictures prepared by Pillow and NumPy (golden/onnx_pictures.py). */
#include "tests/support/onnx_file.h"
#include "tests/support/onnx_logits.h"

#include <criterion/criterion.h>
#include <math.h>
#include <shunt/shunt.h>
#include <stdlib.h>
#include <string.h>

#define FOLDER TEST_GOLDEN "/pictures/"

TestSuite(onnx_pictures, .init = enter_folder, .fini = leave_folder);

Test(onnx_pictures, are_given_as_the_network_asks)
{
    FILE *table = fopen(FOLDER "expected.txt", "r");
    char name[64], order[8];
    int most, rows = 0;
    double expected[CLASSES];
    cr_assert(table);
    for (; fscanf(table, "%63s %7s %d", name, order, &most) == 3; rows++) {
        for (int i = 0; i < CLASSES; i++) cr_assert_eq(fscanf(table, "%lf", &expected[i]), 1);
        shunt_model *model = open_model("pictures", name);
        const shunt_preprocess *p = shunt_model_preprocess(model);
        const char *note = shunt_model_input_note(model);
        cr_expect_eq(p->range, most == 255 ? SHUNT_RANGE_255 : SHUNT_RANGE_1, "%s", name);
        cr_expect_eq(p->channels, strcmp(order, "bgr") ? SHUNT_RGB : SHUNT_BGR, "%s", name);
        cr_expect_eq(p->std[0], most ? 1 : .229f, "%s", name);
        cr_expect_eq(note == NULL, most == 0, "%s: %s", name, note);
        cr_expect(!note || strstr(note, most == 255 ? "from 0 to 255" : "from 0 to 1"), "%s: %s", name, note);
        cr_expect(!note || !strstr(note, "blue first") == (p->channels == SHUNT_RGB), "%s: %s", name, note);
        expect_logits(model, name, expected);
    }
    fclose(table);
    cr_assert_eq(rows, 12);
}

/* An input of whole numbers is never given others, whoever asks for it. */
Test(onnx_pictures, whole_numbers_stay_whole)
{
    shunt_device *device;
    shunt_guess guess;
    size_t found;
    shunt_preprocess p;
    shunt_model *model = open_model("pictures", "uint8_div");
    cr_assert_eq(shunt_device_open("scalar", NULL, &device), SHUNT_OK);
    cr_assert_eq(shunt_preprocess_preset("cifar10", &p), SHUNT_OK);
    shunt_model_set_preprocess(model, &p);
    cr_expect_eq(shunt_classify(model, device, FOLDER "picture.png", 1, &guess, &found), SHUNT_E_INVALID);
    cr_expect(strstr(shunt_last_error(), "needs pixels from 0 to 255"), "%s", shunt_last_error());
    cr_expect_eq(shunt_preprocess_preset("raw", &p), SHUNT_OK);
    shunt_model_set_preprocess(model, &p);
    cr_expect_eq(shunt_classify(model, device, FOLDER "picture.png", 1, &guess, &found), SHUNT_OK, "%s",
                 shunt_last_error());
    shunt_model_destroy(model);
    shunt_device_close(device);
}

/* A network of other shapes than squares is run on squares, and that is said. */
Test(onnx_pictures, squares_in_other_shapes_are_said)
{
    for (int side = 4; side <= 6; side += 2) {
        text graph = {0};
        shunt_model *opened;
        put_input(&graph, "x", (int64_t[]){1, 3, 4, side}, 4);
        put_output(&graph, "y");
        put_node(&graph, "GlobalAveragePool", "x", "p", NULL);
        put_node(&graph, "Flatten", "p", "y", NULL);
        text model = model_of(&graph, 17);
        put_bytes("shape.onnx", model.data, model.size);
        free(model.data);
        cr_assert_eq(shunt_model_open("shape.onnx", NULL, &opened), SHUNT_OK, "%s", shunt_last_error());
        const char *note = shunt_model_input_note(opened);
        cr_expect_eq(note != NULL, side != 4);
        cr_expect(!note || !strcmp(note, "the file is for pictures of 4x6: they are cut to squares of 4"), "%s", note);
        cr_expect_eq(shunt_model_preprocess(opened)->crop, 4);
        shunt_model_destroy(opened);
    }
}

static void expect_operator(const char *op, const char *inputs, shunt_status status, const char *words)
{
    text graph = small_graph();
    put_floats(&graph, "c", (int64_t[]){1}, 1, 1);
    put_floats(&graph, "pair", (int64_t[]){2}, 1, 2);
    put_ints(&graph, "zero", (int64_t[]){0}, 1);
    put_node(&graph, op, inputs, "y", NULL);
    text model = model_of(&graph, 17);
    expect(&model, status, words);
}

Test(onnx_pictures, what_is_no_scaling_is_refused)
{
    expect_operator("Div", "x x", SHUNT_E_UNSUPPORTED, "its divisor is computed");
    expect_operator("Div", "c x", SHUNT_E_UNSUPPORTED, "its divisor is computed");
    expect_operator("Div", "zero zero", SHUNT_E_INVALID, "it divides by 0");
    expect_operator("Sub", "c zero", SHUNT_E_INVALID, "its inputs differ in type");
    expect_operator("Sub", "x", SHUNT_E_INVALID, "it has 1 inputs instead of 2");
}
