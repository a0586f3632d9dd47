/* onnx_light.c - whole networks of ONNX's own tests (ResNet-50, VGG-19, SqueezeNet), whose weights are filled with constants:
 * the input is arange(n) / n, the expected output lies beside the model.
 * usage: test-onnx_light FOLDER [NAME...]; NAME: of other models there, light_zfnet512; without the folder it is skipped (77).
 * SHUNT_TEST_DEVICE: selector (scalar). */
#include "runtime/onnx/onnx.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static int fail(const char *name, const char *why)
{
    fprintf(stderr, "%s: %s\n", name, why);
    return 1;
}

/* The largest difference, relative to the largest expected value; negative without a result. */
static double difference(const onnx_tensor *expected, const float *got, uint64_t count)
{
    double most = 0, worst = 0;
    if (onnx_size(expected) != count) return -1;
    for (uint64_t i = 0; i < count; i++) most = fmax(most, fabs(onnx_number(expected, i)));
    for (uint64_t i = 0; i < count; i++) worst = fmax(worst, fabs((double)got[i] - onnx_number(expected, i)));
    return isfinite(worst) ? worst / most : -1;
}

static int run(const onnx_import *model, shunt_device *device, const char *name, const onnx_tensor *expected)
{
    shunt_executor *executor = NULL;
    int64_t dims[] = {1, 3, 224, 224};
    shunt_tensor input = {.desc = shunt_tensor_make(SHUNT_F32, 4, dims)}, output = {0};
    uint64_t count = (uint64_t)(dims[1] * dims[2] * dims[3]);
    float *data = malloc(count * sizeof *data), *result = NULL;
    int status = 1;
    for (uint64_t i = 0; data && i < count; i++) data[i] = (float)i / (float)count;
    input.data = data;
    if (!data || shunt_executor_create(model->graph, model->weights, device, &executor) ||
        shunt_executor_output(executor, &input.desc, 1, 0, &output.desc)) {
        fail(name, shunt_last_error());
        goto done;
    }
    output.data = result = malloc(shunt_tensor_bytes(&output.desc));
    if (!result || shunt_executor_run(executor, &input, 1, &output, 1)) {
        fail(name, shunt_last_error());
        goto done;
    }
    double worst = difference(expected, result, shunt_tensor_count(&output.desc));
    fprintf(stderr, "%s: largest difference %.3g of the largest output\n", name, worst);
    status = worst >= 0 && worst < 1e-5 ? 0 : fail(name, "the result is not what is expected");
done:
    shunt_executor_destroy(executor);
    free(data);
    free(result);
    return status;
}

static int check(const char *folder, const char *name, shunt_device *device)
{
    char path[4096];
    file_mapping file;
    onnx_import model;
    onnx_memory memory = {.left = 1 << 24};
    onnx_tensor expected;
    snprintf(path, sizeof path, "%s/%s_output_0.pb", folder, name);
    if (file_map(path, 0, &file)) return fail(name, shunt_last_error());
    int status = 0;
    if (onnx_tensor_read((wire_bytes){file.data, file.size}, file.data, NULL, &memory, &expected, NULL))
        status = fail(name, shunt_last_error());
    snprintf(path, sizeof path, "%s/%s.onnx", folder, name);
    if (!status && onnx_open(path, NULL, &model)) status = fail(name, shunt_last_error());
    if (!status) {
        status = run(&model, device, name, &expected);
        onnx_close(&model);
    }
    onnx_memory_free(&memory);
    file_unmap(&file);
    return status;
}

int main(int argc, char **argv)
{
    static const char *const tested[] = {"light_resnet50", "light_vgg19", "light_squeezenet"};
    const char *selector = getenv("SHUNT_TEST_DEVICE");
    struct stat info;
    shunt_device *device;
    int status = 0;
    if (argc < 2 || stat(argv[1], &info)) {
        fprintf(stderr, "skipped: there are no shared data\n");
        return 77;
    }
    if (shunt_device_open(selector ? selector : "scalar", NULL, &device)) return fail("device", shunt_last_error());
    if (argc == 2)
        for (size_t i = 0; i < sizeof tested / sizeof *tested; i++) status |= check(argv[1], tested[i], device);
    for (int i = 2; i < argc; i++) status |= check(argv[1], argv[i], device);
    shunt_device_close(device);
    return status;
}
