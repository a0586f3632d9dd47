/* look_cifar.c - a trained ResNet-20 on CIFAR-10's test pictures, looked into on the device of SHUNT_TEST_DEVICE, against PyTorch
 * (golden/look_cifar.py): deviations of responses, errors without blocks, gradients on a batch. Of the pictures the first 500
 * and a few blocks, or with SHUNT_TEST_STUDIES=all 10,000 and all that are recorded. Needs a folder of data with the weights and `unpack`
 * (SHUNT_TEST_DATA, else the argument). look_cifar DATA BUILD */
#include <shunt/look.h>

#include <jansson.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FEW = 500, SKIPPED = 77 };

typedef struct look {
    const json_t *golden;
    bool all;
    shunt_device *device;
    shunt_dataset *data;
    shunt_model *model;
} look;

static void end(const char *what)
{
    fprintf(stderr, "look_cifar: %s: %s\n", what, shunt_last_error());
    exit(1);
}

/* The largest of the relative errors, told in the end. */
typedef struct worst {
    double error;
    char name[64];
} worst;

static void compare(worst *so_far, const json_t *expected, const char *name, double value)
{
    double error = fabs(value / json_number_value(json_object_get(expected, name)) - 1);
    if (error <= so_far->error) return;
    so_far->error = error;
    snprintf(so_far->name, sizeof so_far->name, "%s", name);
}

static void expect_close(const worst *found, size_t count, const json_t *expected, const char *what)
{
    printf("%s: %zu, the largest relative error %.2g in %s\n", what, count, found->error, found->name);
    if (count != json_object_size(expected) || !(found->error <= 1e-3)) end(what);
}

static void check_responses(const look *self)
{
    shunt_response_options options = {.kernel = 3, .limit = self->all ? 0 : FEW};
    const json_t *expected = json_object_get(self->golden, self->all ? "deviations" : "deviations_few");
    shunt_response *responses;
    worst found = {0};
    size_t count;
    if (shunt_measure_responses(shunt_model_graph(self->model), shunt_model_weights(self->model), self->device,
                                self->data, shunt_model_preprocess(self->model), &options, &responses, &count))
        end("responses");
    for (size_t i = 0; i < count; i++) compare(&found, expected, responses[i].name, responses[i].deviation);
    expect_close(&found, count, expected, "responses");
    free(responses);
}

/* Errors in count: two more or less of 10,000, one of 500. */
static void check_errors(const look *self, const json_t *blocks, const json_t *wrong)
{
    const char *names[8];
    size_t count = json_array_size(blocks);
    shunt_evaluate_options options = {.limit = self->all ? 0 : FEW};
    shunt_graph *graph;
    shunt_score score;
    for (size_t i = 0; i < count; i++) names[i] = json_string_value(json_array_get(blocks, i));
    if (shunt_model_without(self->model, names, count, &graph)) end("without blocks");
    if (shunt_evaluate_with(graph, shunt_model_weights(self->model), self->device, self->data,
                            shunt_model_preprocess(self->model), &options, &score))
        end("errors");
    shunt_graph_destroy(graph);
    long long expected = json_integer_value(json_array_get(wrong, self->all));
    printf("without");
    for (size_t i = 0; i < count; i++) printf(" %s", names[i]);
    printf("%s: %lld wrong, PyTorch %lld\n", count ? "" : " none", (long long)score.wrong, expected);
    if (llabs((long long)score.wrong - expected) > (self->all ? 2 : 1)) end("errors differ");
}

static void check_lesions(const look *self)
{
    size_t i;
    json_t *lesion;
    check_errors(self, NULL, json_object_get(self->golden, "wrong"));
    json_array_foreach(json_object_get(self->golden, "lesions"), i, lesion)
    {
        const json_t *blocks = json_object_get(lesion, "blocks");
        if (self->all || i % 4 == 3) check_errors(self, blocks, json_object_get(lesion, "wrong"));
    }
}

static void check_gradients(const look *self)
{
    enum { BATCH = 128, SIZE = 3 * 32 * 32 };
    static float images[BATCH * SIZE], labels[BATCH];
    const json_t *expected = json_object_get(self->golden, "gradients");
    shunt_gradient_norm *norms;
    worst found = {0};
    size_t count;
    for (size_t i = 0; i < BATCH; i++) {
        shunt_image image;
        int64_t label;
        if (shunt_dataset_get(self->data, i, &image, &label) ||
            shunt_preprocess_apply(shunt_model_preprocess(self->model), &image, images + i * SIZE))
            end("pictures");
        labels[i] = (float)label;
        shunt_image_free(&image);
    }
    shunt_tensor src = {{.dtype = SHUNT_F32, .rank = 4, .block = SHUNT_PLAIN, .dims = {BATCH, 3, 32, 32}}, images};
    if (shunt_gradient_norms(shunt_model_graph(self->model), shunt_model_weights(self->model), self->device, &src,
                             labels, &norms, &count))
        end("gradients");
    for (size_t i = 0; i < count; i++) compare(&found, expected, norms[i].parameter, norms[i].norm);
    expect_close(&found, count, expected, "gradients");
    shunt_gradient_norms_free(norms);
}

/* The folder that `unpack` unpacks the pictures to, as "cifar10:FOLDER". */
static void open_data(look *self, const char *data, const char *build)
{
    char command[4200], spec[4200] = "cifar10:";
    snprintf(command, sizeof command, "'%s/unpack' '%s/data'", data, build);
    FILE *said = popen(command, "r");
    if (!said || !fgets(spec + 8, sizeof spec - 8, said) || pclose(said)) end("the pictures cannot be unpacked");
    spec[strcspn(spec, "\n")] = '\0';
    if (shunt_dataset_open(spec, NULL, &self->data)) end(spec);
}

int main(int argc, char **argv)
{
    const char *data = getenv("SHUNT_TEST_DATA"), *amount = getenv("SHUNT_TEST_STUDIES");
    const char *selector = getenv("SHUNT_TEST_DEVICE");
    char weights[4200];
    look self = {.all = amount && !strcmp(amount, "all")};
    if (argc != 3) return 2;
    if (!data) data = argv[1];
    snprintf(weights, sizeof weights, "%s/models/resnet20-cifar10-akamaster.safetensors", data);
    if (access(weights, R_OK)) {
        printf("skipped: no %s\n", weights);
        return SKIPPED;
    }
    json_t *golden = json_load_file(TEST_GOLDEN "/look_cifar.json", 0, NULL);
    self.golden = golden;
    if (!golden || shunt_device_open(selector ? selector : "scalar", NULL, &self.device)) end("set-up");
    if (shunt_model_create("resnet20", NULL, &self.model) || shunt_model_load(self.model, weights)) end(weights);
    open_data(&self, data, argv[2]);
    check_responses(&self);
    check_lesions(&self);
    check_gradients(&self);
    shunt_model_destroy(self.model);
    shunt_dataset_close(self.data);
    shunt_device_close(self.device);
    json_decref(golden);
    shunt_shutdown();
    return 0;
}
