/* shared.c - options, model and device set-up, and JSON output that several sub-commands have in common. */
#include "commands.h"
#include "progress.h"
#include "say.h"
#include <stdlib.h>
#include <string.h>

const option_row json_rows[] = {
    {"json", OPTION_FLAG, offsetof(json_settings, json), NULL, "Print one JSON value instead of text.", NULL, 0, 0},
    {0}};

const option_row device_rows[] = {
    {"device", OPTION_TEXT, offsetof(device_settings, device), "D",
     "Where to run: scalar, opencl, opencl:0, opencl:gpu, opencl:TEXT, auto ... (see shunt devices). Without it: the "
     "environment's SHUNT_DEVICE, or auto.",
     NULL, 0, 0},
    {"threads", OPTION_COUNT, offsetof(device_settings, threads), "T",
     "Threads of a device that is a processor. Without it: as many as it likes.", NULL, 1, 4096},
    {0}};

const option_row model_rows[] = {
    {"model", OPTION_TEXT, offsetof(model_settings, model), "M",
     "The network: resnet18, resnet34, resnet50, resnet101, resnet152, plain18, plain34; resnetD and plainD with "
     "D = 6n+2 for the CIFAR nets (cifar-resnet50 where D is both). Without it: what the weight file says.",
     NULL, 0, 0},
    {"weights", OPTION_TEXT, offsetof(model_settings, weights), "FILE",
     "Its weights, safetensors, with the names of torchvision, timm, Hugging Face or Shunt.", NULL, 0, 0},
    {"classes", OPTION_COUNT, offsetof(model_settings, classes), "N",
     "How many classes it tells apart. Without it: 1000, or 10 for the CIFAR nets.", NULL, 1, 1000000},
    {"shortcut", OPTION_TEXT, offsetof(model_settings, shortcut), "A|B|C",
     "Shortcut option of the paper. Without it: B, or A for the CIFAR nets.", NULL, 0, 0},
    {"v1", OPTION_FLAG, offsetof(model_settings, v1), NULL,
     "Bottlenecks with the stride in the 1x1 convolution, as in the paper; published weights need it in the 3x3.", NULL,
     0, 0},
    {0}};

int device_from_settings(const device_settings *settings, shunt_device **out)
{
    char params[32] = "";
    if (settings->threads) snprintf(params, sizeof params, "threads=%lld", (long long)settings->threads);
    if (shunt_device_open(settings->device, params[0] ? params : NULL, out)) return say_library_failure(NULL);
    return EXIT_OK;
}

int print_json(json_t *object, bool one_line)
{
    int failed = !object || json_dumpf(object, stdout, (one_line ? 0 : JSON_INDENT(2)) | JSON_REAL_PRECISION(9)) != 0;
    json_decref(object);
    if (failed) return say_failure("the JSON report could not be made or written");
    putchar('\n');
    return EXIT_OK;
}

json_t *json_text(const char *text)
{
    json_t *string = json_string(text);
    if (string) return string;
    char *plain = strdup(text);
    if (!plain) return NULL;
    for (char *c = plain; *c; c++)
        if ((unsigned char)*c >= 0x80) *c = '?';
    string = json_string(plain);
    free(plain);
    return string;
}
