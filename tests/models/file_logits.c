/* file_logits.c - for scripts: what the network of each file makes of some pictures, on the device of SHUNT_TEST_DEVICE.
 * file_logits NETWORK PICTURES N SIDE FILE...: NETWORK is a name, "-" where each FILE is a network by itself (ONNX); PICTURES
 * holds N x 3 x SIDE x SIDE numbers of float32; the logits come out as such, N x classes for each FILE. */
#include <shunt/shunt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static float *read_pictures(const char *path, size_t count)
{
    float *pictures = calloc(count, sizeof *pictures);
    FILE *file = fopen(path, "rb");
    if (!file || !pictures || fread(pictures, sizeof *pictures, count, file) != count) {
        perror(path);
        exit(1);
    }
    fclose(file);
    return pictures;
}

static shunt_status open_model(const char *network, const char *path, int64_t side, shunt_model **model)
{
    const shunt_model_options size = {.height = side, .width = side};
    if (!strcmp(network, "-")) return shunt_model_open(path, &size, model);
    shunt_status status = shunt_model_create(network, NULL, model);
    return status ? status : shunt_model_load(*model, path);
}

static shunt_status write_logits(shunt_model *model, shunt_device *device, int64_t n, int64_t side,
                                 const float *pictures)
{
    const size_t count = (size_t)(n * shunt_model_classes(model));
    float *logits = malloc(count * sizeof *logits);
    if (!logits) return SHUNT_E_MEMORY;
    shunt_status status = shunt_model_run(model, device, n, side, side, pictures, logits);
    if (!status && fwrite(logits, sizeof *logits, count, stdout) != count) status = SHUNT_E_IO;
    free(logits);
    return status;
}

int main(int argc, char **argv)
{
    if (argc < 6) return 2;
    const int64_t n = atoll(argv[3]), side = atoll(argv[4]);
    float *pictures = read_pictures(argv[2], (size_t)(n * 3 * side * side));
    shunt_device *device = NULL;
    shunt_status status = shunt_device_open(getenv("SHUNT_TEST_DEVICE"), NULL, &device);
    for (int i = 5; i < argc && !status; i++) {
        shunt_model *model = NULL;
        status = open_model(argv[1], argv[i], side, &model);
        if (!status) status = write_logits(model, device, n, side, pictures);
        shunt_model_destroy(model);
    }
    if (status) fprintf(stderr, "file_logits: %s\n", shunt_last_error());
    shunt_device_close(device);
    free(pictures);
    shunt_shutdown();
    return status != SHUNT_OK;
}
