/* shunt inspect FILE and shunt convert, as they were built, on files of every format. */
#include "tests/support/command_support.h"

TestSuite(convert_command, .init = enter_folder, .fini = leave_folder);

#define FOLDER "$SHUNT_SOURCE/tests/golden/torch/"

static shunt_weights *open_file(const char *path)
{
    shunt_weights *weights;
    cr_assert_eq(shunt_weights_open(path, &weights), SHUNT_OK, "%s", shunt_last_error());
    return weights;
}

static const char *golden(const char *name)
{
    static char path[512];
    cr_assert(getenv("SHUNT_SOURCE"));
    snprintf(path, sizeof path, "%s/tests/golden/torch/%s", getenv("SHUNT_SOURCE"), name);
    return path;
}

Test(convert_command, inspect_tells_format_and_producer)
{
    run("shunt inspect " FOLDER "zip.pth");
    expect_success();
    cr_assert(strstr(said.out, "file: PyTorch (zip), written by PyTorch, archive version 3\n"));
    cr_assert(strstr(said.out, "20 tensors"));
    cr_assert(strstr(said.out, "bf16"));
    run("shunt inspect " FOLDER "odd.pth");
    expect_success();
    cr_assert(strstr(said.out, "left out: rank7: rank 7 is not supported, at most 6\n"), "%s", said.out);
    run("shunt inspect --json " FOLDER "legacy.pth");
    expect_success();
    json_t *report = json_said();
    cr_assert_str_eq(text_at(report, "format"), "PyTorch (legacy)");
    cr_assert_str_eq(text_at(report, "producer"), "PyTorch");
    cr_assert_eq(json_array_size(json_object_get(report, "tensors")), 20);
    json_decref(report);
    run("shunt inspect " FOLDER "module.pth");
    expect_failure(1, "module.pth", "save model.state_dict()");
}

/* Every tensor, bit for bit, by the library's readers of both formats. */
Test(convert_command, pytorch_to_safetensors)
{
    static const char *const files[] = {"zip.pth", "legacy.pth", "big-endian.pth", "nested.pth"};
    for (size_t f = 0; f < 4; f++) {
        run("shunt convert " FOLDER "%s out.safetensors", files[f]);
        expect_success();
        shunt_weights *from = open_file(golden(files[f])), *to = open_file("out.safetensors");
        cr_assert_str_eq(shunt_weights_format(to), "safetensors");
        cr_assert_str_eq(shunt_weights_metadata(to, "format"), "pt");
        cr_assert_eq(shunt_weights_count(to), shunt_weights_count(from));
        const shunt_tensor_view *x, *y;
        for (size_t i = 0; (x = shunt_weights_at(from, i)); i++) {
            y = shunt_weights_find(to, x->name);
            cr_assert(y && !memcmp(&x->desc, &y->desc, sizeof x->desc), "%s", x->name);
            cr_assert(!memcmp(x->data, y->data, shunt_tensor_bytes(&x->desc)), "%s", x->name);
        }
        shunt_weights_destroy(from);
        shunt_weights_destroy(to);
    }
}

Test(convert_command, half_precision_is_half_as_large_and_loads)
{
    struct stat full, half;
    put_weights("full.safetensors", "resnet20", 10);
    put_picture("a.ppm", 32, 32);
    run("shunt convert full.safetensors half.safetensors --dtype f16 --json");
    expect_success();
    json_t *report = json_said();
    cr_assert_str_eq(text_at(report, "format"), "safetensors");
    cr_assert(!stat("full.safetensors", &full) && !stat("half.safetensors", &half));
    cr_assert_lt(half.st_size, full.st_size / 2 + 8192);
    cr_assert_eq(number_at(report, "bytes"), 2 * (269722 + 2 * 688)); /* parameters; means and variances of resnet20 */
    json_decref(report);
    shunt_weights *weights = open_file("half.safetensors");
    cr_assert_eq(shunt_weights_at(weights, 0)->desc.dtype, SHUNT_F16);
    cr_assert(shunt_weights_metadata(weights, "preprocess"), "metadata must travel");
    shunt_weights_destroy(weights);
    run("shunt classify --weights half.safetensors --device scalar a.ppm"); /* its metadata names the model */
    expect_success();
    run("shunt convert half.safetensors half.safetensors --dtype f32 --note 'from full' && shunt inspect "
        "half.safetensors");
    expect_success();
    cr_assert(strstr(said.out, "f32") && !strstr(said.out, "f16") && strstr(said.out, "note: from full\n"));
}

/* A file or folder of weights may be named as the model, if it says which one it is of: as Shunt, in a folder's config.json, or
 * by a bare name. */
Test(convert_command, weights_that_name_their_model)
{
    put_weights("own.safetensors", "resnet20", 10);
    put_picture("a.ppm", 32, 32);
    run("shunt classify --model ./own.safetensors --device scalar a.ppm");
    expect_success();
    char answer[sizeof said.out];
    memcpy(answer, said.out, sizeof answer);
    shunt_weights *weights = open_file("own.safetensors");
    cr_assert_eq(shunt_weights_set_metadata(weights, "model", "resnet20"), SHUNT_OK);
    cr_assert_eq(shunt_weights_save(weights, "name.safetensors"), SHUNT_OK);
    shunt_weights_destroy(weights);
    run("shunt classify --weights name.safetensors --device scalar a.ppm");
    expect_success();
    cr_assert_str_eq(said.out, answer);
    cr_assert(!mkdir("folder", 0777) && !rename("own.safetensors", "folder/model.safetensors"));
    run("shunt classify --model ./folder --device scalar a.ppm && shunt classify --weights folder --device scalar "
        "a.ppm");
    expect_success();
    cr_assert(!strncmp(said.out, answer, strlen(answer)) && !strcmp(said.out + strlen(answer), answer));
    put_bytes("net.tflite", "\x1c\0\0\0TFL3\x14\0\x20\0", 12);
    run("shunt classify --model ./net.tflite a.ppm");
    expect_failure(1, "net.tflite: looks like a TensorFlow Lite file", "tf2onnx");
}

Test(convert_command, preprocessing_is_kept_in_the_file)
{
    run("shunt convert " FOLDER "zip.pth a.st --mean 0.4");
    expect_failure(2, "zip.pth does not say how pictures are prepared", "cifar10-kuangliu");
    run("shunt convert " FOLDER "zip.pth a.st --preset cifar10-kuangliu && shunt convert a.st b.st --channels bgr");
    expect_success();
    shunt_weights *weights = open_file("a.st");
    cr_assert_str_eq(shunt_weights_metadata(weights, "preprocess"),
                     "{\"resize\":32,\"crop\":32,\"mean\":[0.4914,0.4822,0.4465],\"std\":[0.2023,0.1994,0.201],"
                     "\"filter\":\"bilinear\",\"channels\":\"rgb\",\"range\":1}");
    shunt_weights_destroy(weights);
    weights = open_file("b.st");
    cr_assert(strstr(shunt_weights_metadata(weights, "preprocess"), "0.2023,0.1994,0.201],\"filter\":\"bilinear\","
                                                                    "\"channels\":\"bgr\""));
    shunt_weights_destroy(weights);
}

Test(convert_command, what_cannot_be_converted)
{
    run("shunt convert a");
    expect_failure(2, "one file to read and one to write", NULL);
    run("shunt convert a b --dtype f8");
    expect_failure(2, "--dtype f8", "must be f32, f16, bf16 or f64");
    run("shunt convert missing b");
    expect_failure(1, "missing", "No such file");
    run("shunt convert " FOLDER "odd.pth b");
    expect_failure(1, "tensor 'sparse' cannot be converted", "unusual tensor");
    run("shunt convert " FOLDER "zip.pth nowhere/b");
    expect_failure(1, "nowhere/b", "No such file");
    shunt_weights *weights;
    const float large = 1e6f;
    const shunt_tensor_desc desc = {.dtype = SHUNT_F32, .rank = 1, .block = SHUNT_PLAIN, .dims = {1}};
    cr_assert(!shunt_weights_create(&weights) && !shunt_weights_set(weights, "w", &desc, &large) &&
              !shunt_weights_save(weights, "large"));
    shunt_weights_destroy(weights);
    run("shunt convert large b --dtype f16");
    expect_failure(1, "large: tensor 'w': element 0 is 1e+06, too large for f16", NULL);
    cr_assert(access("b", F_OK), "a file after a failure");
    run("cp " FOLDER "zip.pth . && ln -s zip.pth same && shunt convert zip.pth same");
    expect_failure(2, "same is the PyTorch (zip) file that is read", "name another to write");
    run("shunt inspect zip.pth");
    expect_success();
    cr_assert(strstr(said.out, "file: PyTorch (zip)"));
}
