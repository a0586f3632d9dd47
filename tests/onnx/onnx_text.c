/* onnx_text.c - constants of texts in ONNX files: moved, cast from and to numbers, and refused where they are computed with. */
#include "tests/support/onnx_file.h"

TestSuite(onnx_text, .init = enter_folder, .fini = leave_folder);

/* A graph with the constant t of two texts. */
static text graph_with_texts(const char *texts)
{
    text graph = small_graph();
    put_texts(&graph, "t", texts, 2);
    return graph;
}

static void expect_cast(const char *texts, int type, shunt_status status, const char *words)
{
    text graph = graph_with_texts(texts), to = int_attribute("to", type), model;
    put_node(&graph, "Cast", "t", "y", &to);
    model = model_of(&graph, 17);
    expect(&model, status, words);
}

Test(onnx_text, texts_that_are_no_numbers)
{
    expect_cast("1.5 1.5x", FLOAT, SHUNT_E_INVALID, "(Cast): element 1 of its input is a text that is not a number");
    expect_cast("0,5 1", FLOAT, SHUNT_E_INVALID, "element 0 of its input is a text that is not a number");
    expect_cast("1 1.5", INT64, SHUNT_E_INVALID, "element 1 of its input is a text that is not a whole number");
    expect_cast("99999999999999999999 1", INT64, SHUNT_E_INVALID, "element 0");
    expect_cast("1.5", FLOAT, SHUNT_E_INVALID, "it has 1 elements; its shape needs 2");
}

Test(onnx_text, texts_are_not_computed_with)
{
    static const struct {
        const char *op, *inputs, *words;
    } wrong[] = {
        {"Relu", "t", "it works on texts"},
        {"Add", "t t", "it works on texts"},
        {"Concat", "x t", "it works on texts"},
        {"Conv", "x t", "it works on texts"},
        {"Clip", "x t", "it works on texts"},
        {"Pad", "x t", "it works on texts"},
        {"Gather", "t t", "its indices are STRING"},
        {"Reshape", "t t", "are not a list of at most"},
        {"ConstantOfShape", "t", "are not a list of"},
        {"Softmax", "t", "it works on texts"},
        {"BatchNormalization", "x t t t t", "it works on texts"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        text graph = graph_with_texts("1 2"), model;
        put_node(&graph, wrong[i].op, wrong[i].inputs, "y", NULL);
        model = model_of(&graph, 17);
        onnx_import import;
        cr_assert_neq(open_bytes(model.data, model.size, &import), SHUNT_OK, "%s", wrong[i].op);
        cr_assert(strstr(shunt_last_error(), wrong[i].words), "%s: %s", wrong[i].op, shunt_last_error());
        free(model.data);
    }
}

static void expect_text(const onnx_tensor *tensor, uint64_t index, const char *expected)
{
    wire_bytes is = onnx_text(tensor, index);
    cr_assert(is.size == strlen(expected) && (!is.size || !memcmp(is.data, expected, is.size)), "%.*s instead of %s",
              (int)is.size, is.size ? (const char *)is.data : "", expected);
}

/* value: one text. */
static text text_attribute(const char *value)
{
    text attribute = {0}, tensor = tensor_head("", STRING, (int64_t[]){1}, 1);
    put_text(&tensor, 6, value);
    put_text(&attribute, 1, "value");
    put_message(&attribute, 5, &tensor);
    put_number(&attribute, 20, 4);
    return attribute;
}

/* 16-byte elements go where numbers go: taken, turned round, padded with nothing, printed and read again. */
Test(onnx_text, texts_are_moved)
{
    text graph = small_graph(), to_text = int_attribute("to", STRING), to_number = int_attribute("to", FLOAT),
         half = text_attribute("0.5"), model;
    put_texts(&graph, "t", "3 -0.25 1e3 +7", 4);
    put_ints(&graph, "picked", (int64_t[]){2, 1}, 2);
    put_ints(&graph, "ends", (int64_t[]){0, 1}, 2);
    put_node(&graph, "Gather", "t picked", "pair", NULL);
    put_node(&graph, "Concat", "pair t", "six", NULL);
    put_node(&graph, "Pad", "six ends", "seven", NULL);
    put_node(&graph, "Cast", "six", "numbers", &to_number);
    put_node(&graph, "Cast", "numbers", "y", &to_text);
    put_output(&graph, "seven");
    put_ints(&graph, "five", (int64_t[]){5}, 1); /* the last two, and three that are one text */
    put_ints(&graph, "nine", (int64_t[]){9}, 1);
    put_ints(&graph, "three", (int64_t[]){3}, 1);
    put_node(&graph, "Slice", "seven five nine", "end", NULL);
    put_node(&graph, "ConstantOfShape", "three", "halves", &half);
    put_node(&graph, "Pad", "end ends", "ended", NULL);
    put_node(&graph, "Concat", "ended halves", "sliced", NULL);
    put_output(&graph, "sliced");
    model = model_of(&graph, 17);
    onnx_import import;
    cr_assert_eq(open_bytes(model.data, model.size, &import), SHUNT_OK, "%s", shunt_last_error());
    static const char *const printed[] = {"1000", "-0.25", "3", "-0.25", "1000", "7"};
    static const char *const moved[] = {"1e3", "-0.25", "3", "-0.25", "1e3", "+7", ""};
    static const char *const sliced[] = {"+7", "", "", "0.5", "0.5", "0.5"};
    for (size_t i = 0; i < 6; i++) expect_text(&import.outputs[0].tensor, i, printed[i]);
    for (size_t i = 0; i < 7; i++) expect_text(&import.outputs[1].tensor, i, moved[i]);
    for (size_t i = 0; i < 6; i++) expect_text(&import.outputs[2].tensor, i, sliced[i]);
    onnx_close(&import);
    free(model.data);
}
