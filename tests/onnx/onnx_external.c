/* onnx_external.c - ONNX files with data in files beside the model: only in its folder, and of any size. */
#include "runtime/weights/weights.h"
#include "tests/support/onnx_file.h"

#include <stdlib.h>
#include <unistd.h>

TestSuite(onnx_external, .init = enter_folder, .fini = leave_folder);

static void put_entry(text *tensor, const char *key, const char *value)
{
    text entry = {0};
    put_text(&entry, 1, key);
    put_text(&entry, 2, value);
    put_message(tensor, 13, &entry);
}

static text external_model(const char *location, const char *offset, const char *length)
{
    text graph = small_graph(), tensor = tensor_head("w", FLOAT, (int64_t[]){2}, 1);
    put_entry(&tensor, "location", location);
    if (offset) put_entry(&tensor, "offset", offset);
    if (length) put_entry(&tensor, "length", length);
    put_number(&tensor, 14, 1);
    put_message(&graph, 5, &tensor);
    put_node(&graph, "Relu", "x", "y", NULL);
    return model_of(&graph, 17);
}

static void expect_external(const char *location, const char *offset, const char *length, shunt_status status,
                            const char *words)
{
    text model = external_model(location, offset, length);
    expect(&model, status, words);
}

Test(onnx_external, external_data_stays_in_the_folder)
{
    const float data[] = {1, 2, 3};
    onnx_import import;
    put_bytes("weights.bin", data, sizeof data);
    text model = external_model("weights.bin", "4", "8");
    cr_assert_eq(open_bytes(model.data, model.size, &import), SHUNT_OK, "%s", shunt_last_error());
    onnx_close(&import);
    free(model.data);

    expect_external("/etc/passwd", NULL, NULL, SHUNT_E_INVALID, "would lie outside the model's folder; refused");
    expect_external("../net.onnx", NULL, NULL, SHUNT_E_INVALID, "would lie outside the model's folder; refused");
    expect_external("a/../../net.onnx", NULL, NULL, SHUNT_E_INVALID, "would lie outside the model's folder; refused");
    expect_external("", NULL, NULL, SHUNT_E_INVALID, "would lie outside the model's folder; refused");
    expect_external("a\nb", NULL, NULL, SHUNT_E_INVALID, "control character");
    expect_external("nothing.bin", NULL, NULL, SHUNT_E_NOT_FOUND,
                    "'nothing.bin' beside the model, which does not exist");
    expect_external(".", NULL, NULL, SHUNT_E_INVALID, "link that leads out of the model's folder");
    cr_assert(!symlink("/etc/passwd", "link.bin"));
    expect_external("link.bin", NULL, NULL, SHUNT_E_INVALID, "is a link that leads out of the model's folder");
    expect_external("weights.bin", "8", "8", SHUNT_E_INVALID, "are bytes 8 to 16 of 'weights.bin', which has only 12");
    expect_external("weights.bin", "13", NULL, SHUNT_E_INVALID, "which has only 12");
    expect_external("weights.bin", "0", "12", SHUNT_E_INVALID, "has 12 bytes; its shape needs 8");
    expect_external("weights.bin", "-4", "8", SHUNT_E_INVALID, "that is not a number");
    expect_external("weights.bin", "99999999999999999999", "8", SHUNT_E_INVALID, "that is not a number");
}

/* A model that names itself adds nothing to what it may take. */
Test(onnx_external, external_data_may_be_the_model_itself)
{
    onnx_import import;
    text model = external_model("net.onnx", "4", "8");
    cr_assert_eq(open_bytes(model.data, model.size, &import), SHUNT_OK, "%s", shunt_last_error());
    cr_assert_eq(import.weights->nbeside, 0);
    onnx_close(&import);
    free(model.data);
}

/* A layer's weights (k,4096) in a file that is all hole; the model has some hundred bytes. */
static void open_large(int type, int64_t k, const char *bytes, bool cast)
{
    const int64_t dims[] = {k, 4096};
    onnx_import import;
    put_bytes("weights.bin", "", 0);
    cr_assert(!truncate("weights.bin", 2 + atol(bytes)));
    text graph = {0}, tensor = tensor_head("w", type, dims, 2);
    text transposed = int_attribute("transB", 1);
    put_input(&graph, "x", (int64_t[]){1, dims[1]}, 2);
    put_output(&graph, "y");
    put_entry(&tensor, "location", "weights.bin");
    put_entry(&tensor, "offset", "2");
    put_entry(&tensor, "length", bytes);
    put_number(&tensor, 14, 1);
    put_message(&graph, 5, &tensor);
    if (cast) {
        text to = int_attribute("to", FLOAT);
        put_node(&graph, "Cast", "w", "wide", &to);
    }
    put_node(&graph, "Gemm", cast ? "x wide" : "x w", "y", &transposed);
    text model = model_of(&graph, 17);
    cr_assert_eq(open_bytes(model.data, model.size, &import), SHUNT_OK, "%s", shunt_last_error());
    cr_assert_eq(shunt_weights_count(import.weights), 1);
    cr_assert_eq(weights_maps(import.weights, shunt_weights_at(import.weights, 0)->data), type == FLOAT);
    onnx_close(&import);
    free(model.data);
}

/* What a model may take grows with the files beside it, and float32 is used where it lies in them. */
Test(onnx_external, external_data_may_be_large)
{
    open_large(FLOAT, 4096, "67108864", false);
    open_large(FLOAT16, 3200, "26214400", false); /* 50 MiB of memory */
    open_large(FLOAT16, 1100, "9011200", true);   /* 4.3 million elements of work */
}
