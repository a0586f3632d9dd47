/* null.c - no function of the API crashes when a pointer is NULL that must not be, and each one that returns a status says that
 * the argument is invalid. The calls are written by null_calls.py from the headers, so that new functions are among them. */
#include "tests/api/null.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SIDE = 32, CLASSES = 2, PICTURES = 3, LIMIT_SECONDS = 300 };

sigjmp_buf back;
static const char *function, *nulls;
static int failures;
static unsigned calls;

/* ---- Good arguments: a small model, its device, pictures of two classes, and a run of training ----------------------- */

static shunt_device *device;
static shunt_model *model;
static shunt_executor *executor;
static shunt_weights *weights;
static shunt_graph *graph;
static shunt_dataset *dataset;
static shunt_trainer *trainer;
static shunt_recipe recipe;
static shunt_preprocess preprocess;
static shunt_device_list *devices;
static shunt_plugin_list *plugins;
static shunt_network *network;
static shunt_image image;
static float numbers[4 * 3 * SIDE * SIDE];
static const shunt_tensor_desc desc = {.dtype = SHUNT_F32, .rank = 4, .block = SHUNT_PLAIN, .dims = {1, 3, SIDE, SIDE}};

static void write_pictures(void)
{
    static const char *const folders[] = {"data", "data/cat", "data/dog"};
    char name[64];
    for (int i = 0; i < 3; i++) mkdir(folders[i], 0700);
    for (int i = 0; i < 2 * PICTURES; i++) {
        snprintf(name, sizeof name, "%s/%d.ppm", folders[1 + i % 2], i);
        FILE *file = fopen(name, "w");
        if (!file) exit(2);
        fprintf(file, "P6 %d %d 255\n", SIDE, SIDE);
        for (int k = 0; k < 3 * SIDE * SIDE; k++) putc(k % 251, file);
        fclose(file);
    }
}

static shunt_status make_all(void)
{
    const shunt_model_options options = {.classes = CLASSES};
    write_pictures();
    shunt_status status = shunt_device_open("scalar", "threads=1", &device);
    if (!status) status = shunt_model_create("resnet8", &options, &model);
    if (!status) status = shunt_model_randomize(model, 1);
    if (!status) status = shunt_model_executor(model, device, &executor);
    if (!status) status = shunt_weights_create(&weights);
    if (!status) status = shunt_graph_copy(shunt_model_graph(model), &graph);
    if (!status) status = shunt_dataset_open("imagefolder:data", NULL, &dataset);
    if (!status) status = shunt_preprocess_preset("cifar10", &preprocess);
    if (!status) status = shunt_model_recipe(model, "fast", &recipe);
    if (!status) status = shunt_devices_list(&devices);
    if (!status) status = shunt_plugins_list(&plugins);
    if (!status) status = shunt_model_save(model, "model.safetensors");
    if (!status) status = shunt_import("model.safetensors", NULL, &network);
    if (!status) status = shunt_image_read("data/cat/0.ppm", &image);
    recipe.batch = 2;
    recipe.epochs = 1;
    const shunt_train_setup setup = {.graph = graph,
                                     .weights = shunt_model_weights(model),
                                     .device = device,
                                     .data = dataset,
                                     .preprocess = &preprocess,
                                     .recipe = &recipe,
                                     .workers = 1};
    if (!status) status = shunt_trainer_create(&setup, &trainer);
    return status;
}

void *valid(const char *type, const char *name)
{
    static const struct {
        const char *type;
        void *value;
    } table[] = {{"shunt_recipe *", &recipe},
                 {"shunt_preprocess *", &preprocess},
                 {"shunt_image *", &image},
                 {"float *", numbers},
                 {"shunt_tensor_desc *", (void *)&desc}};
    static char zeros[16384]; /* for options, results, and what a function gives out */
    if (!strcmp(type, "shunt_device *")) return device;
    if (!strcmp(type, "shunt_model *")) return model;
    if (!strcmp(type, "shunt_executor *")) return executor;
    if (!strcmp(type, "shunt_weights *")) return weights;
    if (!strcmp(type, "shunt_graph *")) return graph;
    if (!strcmp(type, "shunt_dataset *")) return dataset;
    if (!strcmp(type, "shunt_trainer *")) return trainer;
    if (!strcmp(type, "shunt_device_list *")) return devices;
    if (!strcmp(type, "shunt_plugin_list *")) return plugins;
    if (!strcmp(type, "shunt_network *")) return network;
    if (!strcmp(type, "shunt_model * *")) return &model;
    if (!strcmp(type, "char *")) return (void *)"name";
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (!strcmp(type, table[i].type) && strcmp(name, "out") != 0) return table[i].value;
    memset(zeros, 0, sizeof zeros);
    return zeros;
}

/* ---- Calls --------------------------------------------------------------------------------------------------------------- */

static void complain(const char *what)
{
    fprintf(stderr, "%s: NULL for %s: %s\n", function, nulls, what);
    failures++;
}

void begin_call(const char *its_function, const char *its_nulls)
{
    function = its_function;
    nulls = its_nulls;
    calls++;
}

void end_call(int needed, shunt_status status)
{
    if (needed && status == SHUNT_OK) complain("not refused");
    if (needed && status != SHUNT_OK && status != SHUNT_E_INVALID) complain(shunt_status_name(status));
    if (status != SHUNT_OK && !shunt_last_error()[0]) complain("no message");
}

static void crashed(int number)
{
    char text[64];
    if (number == SIGALRM) {
        fprintf(stderr, "%s: NULL for %s: it does not end\n", function, nulls);
        _exit(1);
    }
    snprintf(text, sizeof text, "crashes: %s", strsignal(number));
    complain(text);
    siglongjmp(back, 1);
}

/* NULL inside of what is given. */
static void call_nested(void)
{
    const char *const no_blocks[] = {NULL}, *const no_labels[CLASSES] = {"cat", NULL};
    shunt_model *const models[] = {NULL};
    shunt_tensor in = {.desc = desc}, out = {0};
    shunt_image no_pixels = {.height = SIDE, .width = SIDE}, resized;
    shunt_graph *less;
    shunt_trainer *other;
    shunt_views views;
    double seconds;
    if (shunt_executor_output(executor, &desc, 1, 0, &out.desc)) complain("no output");
    TRY("shunt_executor_run", "inputs[0].data", 1, (out.data = numbers, shunt_executor_run(executor, &in, 1, &out, 1)));
    TRY("shunt_executor_run", "outputs[0].data", 1,
        (in.data = numbers, out.data = NULL, shunt_executor_run(executor, &in, 1, &out, 1)));
    TRY("shunt_image_resize", "src->rgb", 1, shunt_image_resize(&no_pixels, 8, 8, &resized));
    TRY("shunt_image_resize", "src->rgb", 1, shunt_image_resize(&no_pixels, SIDE, SIDE, &resized));
    TRY("shunt_preprocess_apply", "image->rgb", 1, shunt_preprocess_apply(&preprocess, &no_pixels, numbers));
    TRY("shunt_preprocess_views", "image->rgb", 1,
        shunt_preprocess_views(&preprocess, SHUNT_CROP_WHOLE, &no_pixels, &views));
    TRY("shunt_predict", "models[0]", 1, shunt_predict(models, 1, device, dataset, NULL, &seconds));
    TRY("shunt_model_without", "blocks[0]", 1, shunt_model_without(model, no_blocks, 1, &less));
    TRY("shunt_model_set_labels", "labels[1]", 1, shunt_model_set_labels(model, no_labels));
    TRY("shunt_trainer_create", "all of setup", 1, shunt_trainer_create(&(shunt_train_setup){0}, &other));
}

int main(void)
{
    char folder[] = "/tmp/shunt-null-XXXXXX", command[64];
    if (!mkdtemp(folder) || chdir(folder)) return 2;
    shunt_set_option("cache_dir", folder);
    if (make_all()) {
        fprintf(stderr, "%s\n", shunt_last_error());
        return 2;
    }
    signal(SIGSEGV, crashed);
    signal(SIGBUS, crashed);
    signal(SIGFPE, crashed);
    signal(SIGABRT, crashed);
    signal(SIGALRM, crashed);
    alarm(LIMIT_SECONDS);
    call_all();
    call_nested();
    fprintf(stderr, "%u calls, %d failures\n", calls, failures);
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command) || failures > 0 || calls < 100;
}
