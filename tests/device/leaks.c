/* leaks.c - one walk through the public API, with good and bad arguments, for leak checkers: a plain main, since a Criterion
 * test's process can leak and the test still passes. Under AddressSanitizer or valgrind whatever is left at the end fails it;
 * where the OpenCL layer (layers/fail_nth.c) is named, OpenCL objects that are left do, too.
 * Arguments: the plugin folders, the device, optionally the layer. Exit status 77: there is no such device. */
#include "tests/layers/fail_nth.h"
#include "tests/support/small_net.h"

#include <dlfcn.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SKIPPED = 77, SIDE = 32, PIXELS = 3 * SIDE * SIDE, CLASSES = 10, TOP = 3 };

static unsigned wrong;

static void complain(const char *what, const char *why)
{
    fprintf(stderr, "WRONG %s: %s\n", what, why);
    wrong++;
}

static void good(shunt_status status, const char *what)
{
    if (status) complain(what, shunt_last_error());
}

static void bad(shunt_status status, shunt_status expected, const char *what)
{
    if (status != expected) complain(what, status ? shunt_last_error() : "should have failed");
}

static void put(const char *path, const char *text)
{
    FILE *file = fopen(path, "wb");
    if (!file || fputs(text, file) < 0 || fclose(file)) complain(path, "cannot be written");
}

/* ---- Devices ------------------------------------------------------------------------------------------------------ */

static void list_devices(void)
{
    shunt_device_list *devices;
    shunt_plugin_list *plugins;
    good(shunt_devices_list(&devices), "shunt_devices_list");
    shunt_devices_free(devices);
    good(shunt_plugins_list(&plugins), "shunt_plugins_list");
    shunt_plugins_free(plugins);
}

static void open_wrongly(void)
{
    shunt_device *device;
    bad(shunt_device_open("nosuch", NULL, &device), SHUNT_E_NOT_FOUND, "a backend that is not there");
    bad(shunt_device_open("scalar:gpu", NULL, &device), SHUNT_E_NOT_FOUND, "a device that is not there");
    bad(shunt_device_open("scalar", "nonsense=1", &device), SHUNT_E_INVALID, "an unknown parameter");
}

/* ---- Models --------------------------------------------------------------------------------------------------------- */

static void use_model_wrongly(shunt_model *model)
{
    shunt_model *none;
    bad(shunt_model_create("resnet19", NULL, &none), SHUNT_E_NOT_FOUND, "a model that there is not");
    bad(shunt_model_load(model, "none.safetensors"), SHUNT_E_NOT_FOUND, "a file that is not there");
    put("short.safetensors", "12345678{");
    bad(shunt_model_load(model, "short.safetensors"), SHUNT_E_INVALID, "a file that is cut off");
    put("labels.txt", "one\ntwo\n");
    bad(shunt_model_load_labels(model, "labels.txt"), SHUNT_E_INVALID, "too few labels");
    shunt_model *other;
    good(shunt_model_create("resnet14", NULL, &other), "shunt_model_create");
    bad(shunt_model_load(other, "saved.safetensors"), SHUNT_E_INVALID, "another model's weights");
    shunt_model_destroy(other);
}

static void draw(float *images, size_t count)
{
    for (size_t i = 0; i < count; i++) images[i] = sinf((float)i);
}

/* Runs, saves, loads and runs again, on other batch and image sizes too; what comes out must be the same. */
static void use_model(shunt_model *model, shunt_device *device)
{
    static float images[2 * PIXELS * 2];
    float before[2 * CLASSES], after[2 * CLASSES], one[CLASSES];
    draw(images, sizeof images / sizeof *images);
    good(shunt_model_randomize(model, 7), "shunt_model_randomize");
    good(shunt_model_run(model, device, 2, SIDE, SIDE, images, before), "shunt_model_run");
    good(shunt_model_save(model, "saved.safetensors"), "shunt_model_save");
    good(shunt_model_load(model, "saved.safetensors"), "shunt_model_load");
    good(shunt_model_run(model, device, 2, SIDE, SIDE, images, after), "shunt_model_run");
    if (memcmp(before, after, sizeof before)) complain("saved and loaded", "other results");
    good(shunt_model_run(model, device, 1, SIDE, SIDE, images, one), "a batch of one");
    for (int i = 0; i < CLASSES; i++)
        if (!(fabsf(one[i] - before[i]) <= 1e-4f * (1 + fabsf(before[i])))) {
            fprintf(stderr, "class %d: %g in a batch of one, %g in a batch of two\n", i, (double)one[i],
                    (double)before[i]);
            complain("a batch of one", "other results");
        }
    good(shunt_model_run(model, device, 1, SIDE + 9, SIDE, images, one), "another size");
    bad(shunt_model_save(model, "none/saved.safetensors"), SHUNT_E_NOT_FOUND, "a folder that is not there");
}

static void classify(shunt_model *model, shunt_device *device)
{
    static const char header[] = "P6 40 36 255\n";
    shunt_guess guesses[TOP];
    size_t found = 0;
    FILE *file = fopen("picture.ppm", "wb");
    if (file) {
        fputs(header, file);
        for (int i = 0; i < 40 * 36 * 3; i++) fputc(i % 251, file);
    }
    if (!file || fclose(file)) complain("picture.ppm", "cannot be written");
    put("labels.txt", "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n");
    good(shunt_model_load_labels(model, "labels.txt"), "shunt_model_load_labels");
    good(shunt_classify(model, device, "picture.ppm", TOP, guesses, &found), "shunt_classify");
    if (found != TOP || !(guesses[0].probability >= guesses[1].probability)) complain("shunt_classify", "bad guesses");
    put("cut.ppm", header);
    bad(shunt_classify(model, device, "cut.ppm", TOP, guesses, &found), SHUNT_E_INVALID, "a picture that is cut off");
    shunt_dataset *dataset;
    bad(shunt_dataset_open("cifar10:none", "test", &dataset), SHUNT_E_NOT_FOUND, "a data set that is not there");
}

static void run_model(shunt_device *device)
{
    shunt_model *model;
    shunt_status status = shunt_model_create("resnet8", NULL, &model);
    good(status, "shunt_model_create");
    if (status) return;
    use_model(model, device);
    use_model_wrongly(model);
    classify(model, device);
    shunt_model_destroy(model);
}

/* ---- Executors -------------------------------------------------------------------------------------------------------- */

static void expect_close(const small_net_result got, const small_net_result expected, float tolerance, const char *what)
{
    for (int i = 0; i < SMALL_NET_IMAGES * SMALL_NET_CLASSES; i++)
        if (!(fabsf(got[i] - expected[i]) <= tolerance)) {
            complain(what, "wrong results");
            return;
        }
}

/* A plan that goes to the fallback device and back; then a launch that fails. */
static void run_with_fallback(const small_net *net, const small_net_result expected)
{
    shunt_device *device;
    small_net_result result = {0};
    shunt_set_option("fallback", "quiet");
    shunt_set_option("picky_refuse", "relu,max_pool,shortcut");
    shunt_status status = shunt_device_open("picky", NULL, &device);
    good(status, "picky");
    if (status) return;
    good(small_net_run(net, device, result), "with a fallback");
    expect_close(result, expected, 1e-5f, "with a fallback");
    shunt_set_option("picky_fail_launch", "3");
    bad(small_net_run(net, device, result), SHUNT_E_DEVICE, "a launch that fails");
    shunt_device_close(device);
}

static void run_graph(shunt_device *device)
{
    small_net net;
    small_net_result expected = {0}, result = {0};
    shunt_device *scalar;
    shunt_status status = small_net_create(&net);
    if (!status) status = shunt_device_open("scalar", NULL, &scalar);
    good(status, "scalar");
    if (status) return;
    good(small_net_run(&net, scalar, expected), "scalar");
    good(small_net_run(&net, device, result), "the device");
    expect_close(result, expected, 1e-5f, "the device");
    run_with_fallback(&net, expected);
    good(small_net_train(&net, scalar, expected), "scalar trains");
    good(small_net_train(&net, device, result), "the device trains");
    expect_close(result, expected, 1e-4f, "the device trains");
    shunt_device_close(scalar);
    small_net_destroy(&net);
}

/* ---- All of it ---------------------------------------------------------------------------------------------------------- */

static void expect_nothing_held(const char *path)
{
    void *library = dlopen(path, RTLD_NOW);
    const fail_nth *layer = library ? dlsym(library, "fail_nth_control") : NULL;
    char text[256];
    if (!layer)
        complain(path, dlerror());
    else if (layer->held(text, sizeof text))
        complain("OpenCL objects left", text);
    if (library) dlclose(library);
}

static int walk(const char *selector)
{
    shunt_device *device;
    list_devices();
    open_wrongly();
    if (shunt_device_open(selector, NULL, &device)) {
        fprintf(stderr, "skipped: %s\n", shunt_last_error());
        return SKIPPED;
    }
    run_model(device);
    run_graph(device);
    shunt_device_close(device);
    return wrong > 0;
}

int main(int argc, char **argv)
{
    char folder[] = "/tmp/shunt-leaks-XXXXXX", command[64];
    if (argc < 3 || !mkdtemp(folder) || chdir(folder)) return 2;
    shunt_set_option("plugin_path", argv[1]);
    shunt_set_option("cache_dir", folder);
    shunt_set_option("profile", "trace.json");
    int result = walk(argv[2]);
    shunt_shutdown();
    if (argc > 3) expect_nothing_held(argv[3]);
    snprintf(command, sizeof command, "rm -r %s", folder);
    if (system(command)) return 2;
    return wrong ? 1 : result;
}
