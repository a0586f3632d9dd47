/* onnx_golden.c - models of the project's own, with results by NumPy (opsets 17 to 25), PyTorch (opsets 11, 13, 17) and ONNX
 * Runtime: see golden/onnx_numpy.py, golden/onnx_torch.py and golden/onnx_runtime.py. usage: test-onnx_golden FOLDER..., each in the form of ONNX's backend tests.
 * SHUNT_TEST_DEVICE: selector (scalar). */
#include "tests/support/onnx_case.h"

#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    const char *selector = getenv("SHUNT_TEST_DEVICE");
    shunt_device *device;
    char note[512];
    int failed = argc < 2;
    if (shunt_device_open(selector ? selector : "scalar", NULL, &device)) {
        fprintf(stderr, "%s\n", shunt_last_error());
        return 1;
    }
    for (int i = 1; i < argc; i++) {
        if (onnx_case_run(device, argv[i], 0, note, sizeof note)) continue;
        fprintf(stderr, "%s: %s\n", argv[i], note);
        failed = 1;
    }
    shunt_device_close(device);
    return failed;
}
